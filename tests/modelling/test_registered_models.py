"""A baseline and a network that are registered from outside of the package."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from chips import chip_table, outcome, write_shard
from sklearn.tree import DecisionTreeRegressor
from synthetic_samples import settings

from mineral_pipeline import modelling
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.evaluation import measure
from mineral_pipeline.modelling import ModelSpec, network_file
from mineral_pipeline.modelling.baselines import BASELINES, Baseline, Examples
from mineral_pipeline.modelling.baselines import register as register_baseline
from mineral_pipeline.modelling.draft import begin
from mineral_pipeline.modelling.networks import NETWORKS, Network
from mineral_pipeline.modelling.networks import register as register_network
from mineral_pipeline.modelling.predictor_file import save_baseline
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store
from mineral_pipeline.workspace.pixels import PixelScale

# Keras 3.15 makes arrays of TensorFlow variables in a way that numpy 2 announces to retire.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

QUICK = {"epochs": 1, "convolutions": ["small"], "dense_layers": ["small"]}


@dataclass(frozen=True)
class Eastern:
    """Predicts presence east of a meridian."""

    meridian: float

    def predict(self, features: pd.DataFrame) -> np.ndarray:
        return (features["lon"] > self.meridian).to_numpy("float64")


def fit_eastern(train: Examples, validation: Examples) -> Eastern:
    return Eastern(float(np.average(train.features["lon"], weights=train.weight * train.label)))


@pytest.fixture
def eastern() -> Iterator[Baseline]:
    """A baseline from outside of the package, which knows coordinates and no pixel."""
    yield register_baseline(
        Baseline(
            "eastern", "east of the deposits", lambda samples: samples.table, fit_eastern, 1, [Eastern], pixels=False
        )
    )
    BASELINES.unregister("eastern")


def baseline_spec(workspace: Workspace) -> ModelSpec:
    specs = modelling.baseline_specs(settings(workspace), workspace, "presence")
    return next(spec for spec in specs if spec.name == "eastern")


def test_a_baseline_from_outside_is_fitted_and_loaded_again(curated: Workspace, eastern: Baseline) -> None:
    spec = baseline_spec(curated)
    metrics = modelling.fit(curated, spec, measure)
    facts = {"name": "eastern", "kind": "eastern", "role": "baseline", "label": "east of the deposits"}
    facts |= {"pixels": False, "network": None, "convolution": None, "dense": None, "parameters": 1, "epochs": 0}
    assert {key: metrics[key] for key in facts} == facts
    train, test = (modelling.open_subset(curated, "presence", subset) for subset in ("train", "test"))
    meridian = train.table["lon"][train.label == 1].mean()
    prediction = modelling.predict_subset(curated, "presence", "eastern", "test")
    np.testing.assert_array_equal(prediction, test.table["lon"] > meridian)
    seen = modelling.subset_features(curated, "presence", "eastern", "test")
    np.testing.assert_array_equal(seen, test.table[["lon", "lat"]])


def test_a_baseline_predicts_chips_by_their_index(curated: Workspace, eastern: Baseline) -> None:
    modelling.fit(curated, baseline_spec(curated), measure)
    labels = pd.DataFrame({key: ["a", "b"] for key in ("chip_id", "scene_id", "location_id")})
    curated.write_table(artefacts.labels_part(0), labels.assign(chip_index=[1, 0], lon=[-200.0, 200.0], lat=0.0))
    zarr_store.create_chips(curated, chip_table(["b", "a"]), zarr_store.ImageLayout(("B7",), 4, 2))
    write_shard(curated, 0, [outcome(0, "b"), outcome(1, "a")], np.ones((2, 1, 4, 4), "uint8"))
    assert modelling.predict(curated, "presence", "eastern", [1, 0, 1]).tolist() == [0, 1, 0]


def test_a_predictor_that_no_other_process_can_load_is_not_saved(curated: Workspace, eastern: Baseline) -> None:
    class Local(Eastern):
        """Has no name by which another process could import it."""

    BASELINES.unregister("eastern")
    register_baseline(replace(eastern, types=[Local]))
    with pytest.raises(WorkspaceError, match=r"a fitted eastern cannot be saved .*: define its classes in a module"):
        save_baseline(begin(curated, baseline_spec(curated)), Local(0.0))


def test_a_predictor_of_a_type_that_the_baseline_does_not_name_is_not_saved(
    curated: Workspace, eastern: Baseline
) -> None:
    draft = begin(curated, baseline_spec(curated))
    with pytest.raises(
        WorkspaceError, match=r"it holds sklearn\.tree\._tree\.Tree, which .* `types` of the baseline"
    ) as no:
        save_baseline(draft, DecisionTreeRegressor().fit([[0.0], [1.0]], [0, 1]))
    assert str(no.value).isprintable()
    assert not curated.exists(draft.file(artefacts.MODEL_BASELINE))


def build_toy(spec: ModelSpec, shape: tuple[int, ...], pixels: PixelScale, labels: np.ndarray) -> Any:
    from mineral_pipeline.modelling import layers

    inputs, x = layers.image_input(shape, pixels)
    x = layers.keras.layers.GlobalAveragePooling2D()(x)
    x = layers.keras.layers.Dense(4, "relu", kernel_initializer=layers.he_uniform(layers.layer_seeds(spec.seed)))(x)
    return layers.keras.Model(inputs, layers.sigmoid_output(x, labels, spec.loss), name=spec.name)


def toy_output(workspace: Workspace) -> list[np.ndarray]:
    """Weights and bias of the output of the toy."""
    from mineral_pipeline.modelling.backend import keras

    path = workspace.path(artefacts.model("richness", "toy-s0", artefacts.MODEL_NETWORK))
    return keras.models.load_model(path, compile=False).layers[-1].get_weights()


def test_a_network_from_outside_is_trained_beside_the_grid(curated: Workspace) -> None:
    register_network(Network("toy", build_toy))
    try:
        config = settings(curated, train=QUICK | {"networks": ["toy"]})
        grid = {spec.name: spec for spec in modelling.grid_specs(config, curated, "richness")}
        assert list(grid) == ["small-small-s0", "toy-s0"]
        metrics = modelling.fit(curated, grid["toy-s0"], measure)
    finally:
        NETWORKS.unregister("toy")
    assert (metrics["network"], metrics["convolution"], metrics["role"]) == ("toy", None, "network")
    assert metrics["parameters"] == (1 * 4 + 4) + (4 + 1)
    features, weights = network_file.load_features(curated, "richness", "toy-s0"), toy_output(curated)
    images = next(modelling.open_subset(curated, "richness", "test").samples.read_images())
    assert features(images).shape == (len(images), 4)
    seen = modelling.subset_features(curated, "richness", "toy-s0", "test")
    logits = seen @ weights[0][:, 0] + weights[1][0]  # the output is a sigmoid of the features
    given = modelling.predict_subset(curated, "richness", "toy-s0", "test")
    assert 1 / (1 + np.exp(-logits)) == pytest.approx(given, abs=1e-5)
    # a trained network needs no registration
    prediction = modelling.predict_subset(curated, "richness", "toy-s0", "test")
    assert len(prediction) == len(modelling.open_subset(curated, "richness", "test"))
