"""Training one model: it learns what can be learned, leaves what it promises, and is not trained twice."""

from __future__ import annotations

import itertools
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from chips import chip_table, outcome, write_shard
from synthetic_samples import settings

from mineral_pipeline import modelling
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.evaluation import measure
from mineral_pipeline.learning import Task
from mineral_pipeline.modelling import ModelSpec
from mineral_pipeline.modelling.chunk_cache import ChunkCache
from mineral_pipeline.modelling.dataset import open_subset
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store

# Keras 3.15 makes arrays of TensorFlow variables in a way that numpy 2 announces to retire.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

QUICK = {"epochs": 8, "patience": 8, "convolutions": ["small"], "dense_layers": ["small"], "n_label_permutations": 1}


def specs(workspace: Workspace, task: Task, **train: object) -> dict[str, ModelSpec]:
    config = settings(workspace, train=QUICK | train)
    made = modelling.grid_specs(config, workspace, task) + modelling.baseline_specs(config, workspace, task)
    return {spec.kind: spec for spec in made}


@pytest.mark.slow
def test_a_small_network_finds_the_patches(curated: Workspace) -> None:
    spec = specs(curated, "presence")["grid"]
    metrics = modelling.fit(curated, spec, measure)
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
    facts = {
        "task": "presence", "name": "small-small-s0", "kind": "grid", "role": "network", "label": "small-small-s0",
        "pixels": True,
        "network": "small-small", "convolution": "small", "dense": "small", "seed": 0, "parameters": 20_105,
    }  # fmt: skip
    assert {key: metrics[key] for key in facts} == facts
    assert (
        yaml.safe_load(workspace.read_bytes(artefacts.model("presence", spec.name, artefacts.MODEL_SPEC)))["epochs"]
        == 8
    )
    assert modelling.read_spec(workspace, "presence", spec.name) == spec
    history = workspace.read_table(artefacts.model("presence", spec.name, artefacts.MODEL_HISTORY))
    assert len(history) == metrics["epochs"]
    predictions = workspace.read_table(artefacts.model("presence", spec.name, artefacts.MODEL_PREDICTIONS))
    assert list(predictions.columns) == ["chip_id", "location_id", "label", "prediction"]
    validation = open_subset(workspace, "presence", "validation")
    np.testing.assert_array_equal(predictions["chip_id"], validation.table["chip_id"])
    # the weights kept are those of the best epoch, and what stopping watched is free of penalties
    error = predictions["prediction"].where(predictions["label"] == 1, 1 - predictions["prediction"])
    watched = history["val_cross_entropy"][metrics["best_epoch"]]
    assert -np.log(error.clip(1e-7)).mean() == pytest.approx(watched, rel=1e-4)
    assert metrics["attempts"] == [{"seed": 0, "learning_rate": 0.001, "loss": watched, "collapsed": False}]
    events = workspace.read_bytes(artefacts.model("presence", spec.name, artefacts.MODEL_EVENTS))
    assert _count_records(events) == len(history) + 1
    assert b"val_cross_entropy" in events


def _trains_the_same_again(workspace: Workspace, spec: ModelSpec) -> None:
    modelling.fit(workspace, replace(spec, name="again", epochs=2), measure)
    first, again = (
        workspace.read_table(artefacts.model("presence", name, artefacts.MODEL_HISTORY)).drop(columns="seconds").head(2)
        for name in (spec.name, "again")
    )
    pd.testing.assert_frame_equal(first, again)


def _count_records(content: bytes) -> int:
    """TFRecords in a file: length, its checksum, payload, its checksum."""
    count = offset = 0
    while offset < len(content):
        (length,) = struct.unpack_from("<Q", content, offset)
        offset += 8 + 4 + length + 4
        count += 1
    assert offset == len(content)
    return count


def _is_not_trained_twice(workspace: Workspace, spec: ModelSpec) -> None:
    workspace.remove(artefacts.samples_store("presence", "train"))  # training again would fail
    assert modelling.fit(workspace, spec, measure)["name"] == spec.name
    assert modelling.done_names(workspace, [spec, replace(spec, epochs=9)]) == [spec.name]


def _predicts_the_same_from_the_chip_store(workspace: Workspace, spec: ModelSpec, expected: np.ndarray) -> None:
    images = np.asarray(open_subset(workspace, "presence", "test").images.array)
    count, size = len(images), 16
    layout = zarr_store.ImageLayout(("B7",), images.shape[-1], size)
    zarr_store.create_chips(workspace, chip_table([f"P{n}" for n in range(count)]), layout)
    for shard, start in enumerate(range(0, count, size)):
        pixels = images[start : start + size]
        write_shard(workspace, shard, [outcome(start + n, f"P{start + n}") for n in range(len(pixels))], pixels)
    chips = np.random.default_rng(0).permutation(count)[:50]
    np.testing.assert_allclose(modelling.predict(workspace, "presence", spec.name, chips), expected[chips], atol=1e-5)
    assert len(modelling.predict(workspace, "presence", spec.name, [])) == 0


def test_richness_beats_the_constant_and_brightness_does_not(curated: Workspace) -> None:
    by_kind = specs(curated, "richness")
    kinds = ("grid", "constant", "brightness")
    mae = {kind: modelling.fit(curated, by_kind[kind], measure)["validation"]["mae"] for kind in kinds}
    assert mae["grid"] < 0.7 * mae["constant"]
    assert mae["brightness"] > 0.85 * mae["constant"]
    labels = open_subset(curated, "richness", "train").label
    constant = modelling.predict_subset(curated, "richness", "constant", "test")
    np.testing.assert_allclose(constant, np.median(labels), rtol=1e-6)


def test_the_validation_subset_is_weighted_as_in_the_loss(curated: Workspace) -> None:
    table = curated.read_table(artefacts.samples_table("richness"))
    held_out = table["subset"] == "validation"
    table.loc[held_out, "weight"] = np.random.default_rng(0).uniform(0.1, 4, held_out.sum()).astype("float32")
    curated.write_table(artefacts.samples_table("richness"), table)
    weight = open_subset(curated, "richness", "validation").weight
    by_kind = specs(curated, "richness", epochs=1)
    for kind in ("constant", "grid"):
        metrics = modelling.fit(curated, by_kind[kind], measure)
        table = curated.read_table(artefacts.model("richness", metrics["name"], artefacts.MODEL_PREDICTIONS))
        error = (table["prediction"] - table["label"]).abs()
        expected = np.average(error, weights=weight)
        assert abs(expected - error.mean()) > 0.002, "the weights should make a difference"
        assert metrics["validation"]["mae"] == metrics["validation"]["loss"] == pytest.approx(expected, rel=1e-5)
    history = curated.read_table(artefacts.model("richness", metrics["name"], artefacts.MODEL_HISTORY))
    assert history["val_mae"][0] == pytest.approx(expected, rel=1e-4)


@pytest.mark.slow
def test_permuted_labels_teach_nothing(curated: Workspace) -> None:
    by_kind = specs(curated, "richness")
    permuted = replace(by_kind["random-labels"], network="small-small")  # for speed
    taught = modelling.fit(curated, permuted, measure)["validation"]["mae"]
    assert taught > 0.85 * modelling.fit(curated, by_kind["constant"], measure)["validation"]["mae"]


def test_a_failure_leaves_its_reason_and_is_tried_again(curated: Workspace) -> None:
    spec = specs(curated, "presence")["constant"]
    document = f"{artefacts.samples_store('presence', 'validation')}/{zarr_store.GROUP_METADATA}"
    content = curated.read_bytes(document)
    curated.remove(document)
    with pytest.raises(WorkspaceError):
        modelling.fit(curated, spec, measure)
    failure = curated.read_json(artefacts.model("presence", "constant", artefacts.MODEL_FAILURE))
    assert failure["reason"].startswith("WorkspaceError: ")
    assert not modelling.is_done(curated, spec)
    curated.write_bytes(document, content)
    assert modelling.fit(curated, spec, measure)["validation"]["accuracy"] == pytest.approx(0.5, abs=0.2)
    assert not curated.exists(artefacts.model("presence", "constant", artefacts.MODEL_FAILURE))


def test_an_error_of_reading_is_told_without_a_graph(curated: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = specs(curated, "presence", epochs=1)["grid"]
    take, calls = ChunkCache.take, itertools.count()

    def damaged_take(cache: ChunkCache, rows: np.ndarray) -> np.ndarray:
        if next(calls) >= 4:  # Keras itself looks at the first
            raise WorkspaceError("/w/train.zarr/image/c/0/0/0/0 is damaged")
        return take(cache, rows)

    monkeypatch.setattr(ChunkCache, "take", damaged_take)
    with pytest.raises(WorkspaceError, match=r"^/w/train\.zarr/image/c/0/0/0/0 is damaged$"):
        modelling.fit(curated, spec, measure)
    failure = curated.read_json(artefacts.model("presence", spec.name, artefacts.MODEL_FAILURE))
    assert failure["reason"] == "WorkspaceError: /w/train.zarr/image/c/0/0/0/0 is damaged"


def test_a_truncated_chunk_is_told_in_one_line(curated: Workspace) -> None:
    spec = specs(curated, "presence", epochs=1)["grid"]
    chunk = Path(curated.path(f"{artefacts.samples_store('presence', 'validation')}/image/c/4/0/0/0"))
    chunk.write_bytes(chunk.read_bytes()[:-100])
    with pytest.raises(Exception, match=r"^[^\n]+$") as met:
        modelling.fit(curated, spec, measure)
    assert not type(met.value).__module__.startswith(("tensorflow", "keras"))
    assert "graph" not in str(met.value).lower()


def test_a_damaged_baseline_names_its_file(curated: Workspace) -> None:
    spec = specs(curated, "presence")["constant"]
    modelling.fit(curated, spec, measure)
    curated.write_bytes(artefacts.model("presence", "constant", artefacts.MODEL_BASELINE), b"{}")
    with pytest.raises(WorkspaceError, match=r"model\.skops is damaged .* repair SETTINGS"):
        modelling.predict_subset(curated, "presence", "constant", "test")
