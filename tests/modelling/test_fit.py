"""Training one model: it learns what can be learned, leaves what it promises, and is not trained twice."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from synthetic_samples import settings

from mineral_pipeline import modelling
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.modelling import ModelSpec
from mineral_pipeline.modelling.dataset import open_subset
from mineral_pipeline.learning import Task
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store

# Keras 3.15 makes arrays of TensorFlow variables in a way that numpy 2 announces to retire.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

QUICK = {"epochs": 8, "patience": 8, "convolutions": ["small"], "dense_layers": ["small"], "n_label_permutations": 1}


def specs(workspace: Workspace, task: Task, **train: object) -> dict[str, ModelSpec]:
    wanted = settings(workspace, train=QUICK | train)
    made = modelling.grid_specs(wanted, workspace, task) + modelling.baseline_specs(wanted, workspace, task)
    return {spec.kind: spec for spec in made}


def test_a_small_network_finds_the_patches(curated: Workspace) -> None:
    spec = specs(curated, "presence")["grid"]
    metrics = modelling.fit(curated, spec)
    assert metrics["validation"]["accuracy"] > 0.85
    assert metrics["validation"]["loss"] == metrics["validation"]["cross_entropy"] < 0.5
    test = open_subset(curated, "presence", "test")
    prediction = modelling.predict_subset(curated, "presence", spec.name, "test")
    assert ((prediction > 0.5) == test.label).mean() > 0.85
    _leaves_its_files(curated, spec, metrics)
    _trains_the_same_again(curated, spec)
    _is_not_trained_twice(curated, spec)
    _predicts_the_same_from_the_chip_store(curated, spec, prediction)


def _leaves_its_files(workspace: Workspace, spec: ModelSpec, metrics: dict[str, object]) -> None:
    assert modelling.read_metrics(workspace, "presence", spec.name) == metrics
    assert {key: metrics[key] for key in ("task", "name", "kind", "convolution", "dense", "seed", "parameters")} == {
        "task": "presence", "name": "small-small-s0", "kind": "grid", "convolution": "small", "dense": "small",
        "seed": 0, "parameters": 20_105,
    }  # fmt: skip
    assert yaml.safe_load(workspace.read_bytes(artefacts.model("presence", spec.name, "settings.yaml")))["epochs"] == 8
    assert modelling.read_spec(workspace, "presence", spec.name) == spec
    history = workspace.read_table(artefacts.model("presence", spec.name, "history.parquet"))
    assert len(history) == metrics["epochs"]
    predictions = workspace.read_table(artefacts.model("presence", spec.name, "predictions.parquet"))
    assert list(predictions.columns) == ["chip", "location_id", "label", "prediction"]
    validation = open_subset(workspace, "presence", "validation")
    np.testing.assert_array_equal(predictions["chip"], validation.chip)
    # the weights kept are those of the best epoch, and what stopping watched is free of penalties
    error = predictions["prediction"].where(predictions["label"] == 1, 1 - predictions["prediction"])
    assert -np.log(error.clip(1e-7)).mean() == pytest.approx(history["val_cross_entropy"].min(), rel=1e-3)
    events = workspace.read_bytes(artefacts.model("presence", spec.name, "events.out.tfevents.training"))
    assert _records(events) == len(history) + 1
    assert b"val_cross_entropy" in events


def _trains_the_same_again(workspace: Workspace, spec: ModelSpec) -> None:
    modelling.fit(workspace, replace(spec, name="again", epochs=2))
    first, again = (
        workspace.read_table(artefacts.model("presence", name, "history.parquet")).drop(columns="seconds").head(2)
        for name in (spec.name, "again")
    )
    pd.testing.assert_frame_equal(first, again)


def _records(content: bytes) -> int:
    """TFRecords in a file: length, its checksum, payload, its checksum."""
    count = place = 0
    while place < len(content):
        (length,) = struct.unpack_from("<Q", content, place)
        place += 8 + 4 + length + 4
        count += 1
    assert place == len(content)
    return count


def _is_not_trained_twice(workspace: Workspace, spec: ModelSpec) -> None:
    workspace.remove(artefacts.samples("presence", "train"))  # training again would fail
    assert modelling.fit(workspace, spec)["name"] == spec.name
    assert modelling.done_names(workspace, [spec, replace(spec, epochs=9)]) == [spec.name]


def _predicts_the_same_from_the_chip_store(workspace: Workspace, spec: ModelSpec, expected: np.ndarray) -> None:
    images = np.asarray(open_subset(workspace, "presence", "test").images)
    count, size = len(images), 16
    zarr_store.create_chips(workspace, [f"P{n}" for n in range(count)], ["B7"], images.shape[-1], size)
    for shard in range(-(-count // size)):
        zarr_store.write_shard(workspace, shard, images[shard * size : (shard + 1) * size])
    chips = np.random.default_rng(0).permutation(count)[:50]
    np.testing.assert_allclose(modelling.predict(workspace, "presence", spec.name, chips), expected[chips], atol=1e-5)
    assert len(modelling.predict(workspace, "presence", spec.name, [])) == 0


def test_richness_beats_the_constant_and_brightness_does_not(curated: Workspace) -> None:
    wanted = specs(curated, "richness")
    kinds = ("grid", "constant", "brightness")
    mae = {kind: modelling.fit(curated, wanted[kind])["validation"]["mae"] for kind in kinds}
    assert mae["grid"] < 0.7 * mae["constant"]
    assert mae["brightness"] > 0.85 * mae["constant"]
    labels = open_subset(curated, "richness", "train").label
    constant = modelling.predict_subset(curated, "richness", "constant", "test")
    np.testing.assert_allclose(constant, np.median(labels), rtol=1e-6)


@pytest.mark.slow
def test_permuted_labels_teach_nothing(curated: Workspace) -> None:
    wanted = specs(curated, "richness")
    permuted = replace(wanted["random-labels"], convolution="small", dense="small")  # for speed
    taught = modelling.fit(curated, permuted)["validation"]["mae"]
    assert taught > 0.85 * modelling.fit(curated, wanted["constant"])["validation"]["mae"]


def test_a_failure_leaves_its_reason_and_is_tried_again(curated: Workspace) -> None:
    spec = specs(curated, "presence")["constant"]
    table = curated.read_bytes("samples/presence/validation.zarr/zarr.json")
    curated.remove("samples/presence/validation.zarr/zarr.json")
    with pytest.raises(WorkspaceError):
        modelling.fit(curated, spec)
    failure = curated.read_json(artefacts.model("presence", "constant", "failure.json"))
    assert failure["reason"].startswith("WorkspaceError: ")
    assert not modelling.is_done(curated, spec)
    curated.write_bytes("samples/presence/validation.zarr/zarr.json", table)
    assert modelling.fit(curated, spec)["validation"]["accuracy"] == pytest.approx(0.5, abs=0.2)
    assert not curated.exists(artefacts.model("presence", "constant", "failure.json"))
