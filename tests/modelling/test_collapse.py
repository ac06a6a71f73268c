"""Networks that predict a constant are told, trained once more, and never selected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from synthetic_samples import criterion, settings

from mineral_pipeline import modelling
from mineral_pipeline.evaluation import measure
from mineral_pipeline.modelling import ModelSpec, collapse
from mineral_pipeline.modelling.dataset import open_subset
from mineral_pipeline.modelling.model_files import write_metrics
from mineral_pipeline.modelling.networks import NETWORKS, Network
from mineral_pipeline.modelling.networks import register as register_network
from mineral_pipeline.workspace import Workspace, artefacts
from mineral_pipeline.workspace.pixels import PixelScale

# Keras 3.15 makes arrays of TensorFlow variables in a way that numpy 2 announces to retire.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

LABELS = np.array([0.0, 1.0, 0.0, 1.0])  # standard deviation 0.5: the threshold is 0.01
SEEDS_THAT_COLLAPSE = {0, 1}
FIXED_SEED = 1


def build_toy(spec: ModelSpec, shape: tuple[int, ...], pixels: PixelScale, labels: np.ndarray) -> Any:
    """The brightest pixels of a chip; a constant for some seeds, and for one whatever its second attempt is."""
    from mineral_pipeline.modelling import layers

    inputs, x = layers.image_input(shape, pixels)
    dead = spec.seed in SEEDS_THAT_COLLAPSE or spec.name.endswith(f"-s{FIXED_SEED}")
    x = layers.keras.layers.Rescaling(0.0 if dead else 5.0)(layers.keras.layers.GlobalMaxPooling2D()(x))
    return layers.keras.Model(inputs, layers.sigmoid_output(x, labels, spec.loss), name=spec.name)


@pytest.fixture
def toys(curated: Workspace) -> Iterator[dict[int, ModelSpec]]:
    """Specs by seed: 0 collapses and does not when it is tried again, 1 collapses twice, 7 does not."""
    register_network(Network("toy", build_toy))
    fast = {"learning_rate": 0.05}
    config = settings(curated, train={"networks": ["toy"], "seeds": [0, 1, 7], "epochs": 3, "hyperparameters": fast})
    specs = modelling.grid_specs(config, curated, "presence")
    yield {spec.seed: spec for spec in specs if spec.network == "toy"}
    NETWORKS.unregister("toy")


@pytest.mark.parametrize(
    ("prediction", "label", "weight", "expected"),
    [
        ([0.5, 0.5, 0.5, 0.5], LABELS, [1, 1, 1, 1], True),
        ([0.491, 0.509, 0.491, 0.509], LABELS, [1, 1, 1, 1], True),
        ([0.489, 0.511, 0.489, 0.511], LABELS, [1, 1, 1, 1], False),
        ([0.5, 0.5, 0.5, 0.9], LABELS, [1, 1, 1, 0], True),  # what varies does not count
        ([0.5, 0.5, 0.5, 0.51], 0.02 * LABELS, [1, 1, 1, 1], False),  # little, but so do the labels
        ([0.3, 0.3, 0.3, 0.3], np.full(4, 0.3), [1, 2, 3, 4], False),  # the constant is right
        ([0.3, 0.4, 0.3, np.nan], LABELS, [1, 1, 1, 1], False),  # another fault, which `fit` tells
    ],
)
def test_collapsed_is_below_two_hundredths_of_the_spread_of_the_labels(
    prediction: list[float], label: np.ndarray, weight: list[float], expected: bool
) -> None:
    arrays = np.array(prediction), label.astype("float32"), np.array(weight, "float32")
    assert collapse.is_collapsed(*arrays) is expected


@pytest.mark.slow
def test_a_collapsed_network_is_trained_again_with_another_seed_and_half_the_rate(
    curated: Workspace, toys: dict[int, ModelSpec]
) -> None:
    metrics = {seed: modelling.fit(curated, spec, measure) for seed, spec in toys.items()}
    assert {seed: one["collapsed"] for seed, one in metrics.items()} == {0: False, 1: True, 7: False}
    assert {seed: [one["collapsed"] for one in found["attempts"]] for seed, found in metrics.items()} == {
        0: [True, False], 1: [True, True], 7: [False],
    }  # fmt: skip
    for seed in (0, 1):
        first, second = metrics[seed]["attempts"]
        assert (first["seed"], first["learning_rate"], second["learning_rate"]) == (seed, 0.05, 0.025)
        assert second["seed"] not in (0, 1, 7)
    assert second["seed"] != metrics[0]["attempts"][1]["seed"]
    # the files are those of the last attempt
    prediction = modelling.predict_subset(curated, "presence", "toy-s0", "validation")
    assert prediction.std() > 0.01
    table = curated.read_table(artefacts.model("presence", "toy-s0", artefacts.MODEL_PREDICTIONS))
    np.testing.assert_allclose(table["prediction"], prediction)
    assert metrics[0]["attempts"][-1]["loss"] == pytest.approx(metrics[0]["validation"]["loss"], rel=1e-4)
    assert modelling.fit(curated, toys[0], measure) == metrics[0], "done, although its seed was another at last"
    _is_never_selected(curated, metrics)


def _is_never_selected(workspace: Workspace, metrics: dict[int, dict[str, Any]]) -> None:
    perfect = metrics[1] | {"validation": {"accuracy": 1.0, "loss": 0.0}}
    write_metrics(workspace, artefacts.model("presence", "toy-s1"), perfect)
    best = modelling.select_model(workspace, "presence", ["toy-s1", "toy-s0", "toy-s7"], criterion("presence"))
    assert best is not None
    assert best.name in ("toy-s0", "toy-s7")
    assert modelling.select_model(workspace, "presence", ["toy-s1"], criterion("presence")) is None


def test_what_has_nothing_to_learn_or_is_searched_is_not_tried_again(
    curated: Workspace, toys: dict[int, ModelSpec]
) -> None:
    for change in ({"permutation": 0, "kind": "random-labels"}, {"kind": "candidate"}):
        metrics = modelling.fit(curated, replace(toys[0], name="other", **change), measure)
        assert (metrics["collapsed"], len(metrics["attempts"])) == (True, 1)


def test_what_is_no_network_has_not_collapsed(curated: Workspace) -> None:
    specs = {spec.name: spec for spec in modelling.baseline_specs(settings(curated), curated, "presence")}
    metrics = modelling.fit(curated, specs["constant"], measure)
    assert (metrics["collapsed"], metrics["attempts"]) == (None, [])
    assert open_subset(curated, "presence", "validation").label.std() > 0
