"""The statistics inside a network: against those of the baseline, which numpy computes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interrupted_fit import after_each_checkpoint
from synthetic_samples import settings, write_samples

from mineral_pipeline import modelling
from mineral_pipeline.evaluation import measure
from mineral_pipeline.modelling import ModelSpec
from mineral_pipeline.modelling.baselines.statistics import describe, statistic_features
from mineral_pipeline.modelling.dataset import open_subset
from mineral_pipeline.workspace import Workspace, artefacts
from mineral_pipeline.workspace.pixels import REFLECTANCE, PixelScale

# Keras 3.15 makes arrays of TensorFlow variables in a way that numpy 2 announces to retire.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def finite(values: Any) -> np.ndarray:
    found = np.array(values, "float64")
    return np.where(np.isfinite(found), found, np.nan)


def images(bands: int, height: int, width: int, scale: PixelScale) -> np.ndarray:
    """All fill, half fill, and whole."""
    rng = np.random.default_rng(bands)
    found = rng.integers(scale.black + 1, scale.white + 1, (6, bands, height, width)).astype(scale.dtype)
    found[0] = 0
    found[1, :, :, : width // 2] = 0
    found[2][rng.random((bands, height, width)) < 0.4] = 0
    return found


@pytest.mark.parametrize("scale", [PixelScale.of_numbers("uint8"), REFLECTANCE])
@pytest.mark.parametrize(("bands", "height", "width"), [(1, 32, 24), (3, 17, 33), (2, 4, 4), (1, 2, 9), (1, 1, 1)])
def test_a_layer_finds_the_statistics_of_the_baseline(bands: int, height: int, width: int, scale: PixelScale) -> None:
    from mineral_pipeline.modelling.pixel_statistics import PixelStatistics

    given, layer = images(bands, height, width, scale), PixelStatistics.of(scale)
    expected = finite(describe(given, scale))
    found = finite(layer.describe(given))
    assert found.shape == expected.shape == layer.compute_output_shape(given.shape)
    enough = (given > 0).sum(axis=(2, 3)).min(axis=1) > 4  # of fewer pixels, roundings decide about edges
    np.testing.assert_allclose(found[enough], expected[enough], rtol=1e-3, atol=2e-4)
    assert np.isnan(found[0]).all()
    standardised = np.array(layer(given))
    assert np.isfinite(standardised).all()
    assert not standardised[0].any(), "what is undefined is the mean"


def test_they_are_the_same_whichever_way_an_image_lies() -> None:
    from mineral_pipeline.modelling.pixel_statistics import PixelStatistics

    scale = PixelScale.of_numbers("uint8")
    given, layer = images(2, 16, 16, scale), PixelStatistics.of(scale)
    for turned in (np.rot90(given, 1, (2, 3)), given[..., ::-1]):
        np.testing.assert_allclose(layer(turned.copy()), layer(given), rtol=1e-3, atol=1e-4)


@pytest.fixture
def spec(workspace: Workspace) -> ModelSpec:
    """A network that sees statistics."""
    write_samples(workspace, "presence", locations=60, chips=2, size=16)
    values = {"statistics": True, "augmentation": True}
    train = {"convolutions": ["small"], "dense_layers": ["small"], "epochs": 2, "hyperparameters": values}
    return modelling.grid_specs(settings(workspace, train=train), workspace, "presence")[0]


class Killed(BaseException):
    """Ends a fit as a dying process does."""


def kill(written: int) -> None:
    raise Killed


@pytest.mark.parametrize("interrupted", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_model_keeps_the_mean_and_deviation_of_training(
    workspace: Workspace, spec: ModelSpec, interrupted: bool
) -> None:
    from mineral_pipeline.modelling.backend import keras

    if interrupted:
        with after_each_checkpoint(kill), pytest.raises(Killed):
            modelling.fit(workspace, spec, measure)
    modelling.fit(workspace, spec, measure)
    path = Path(workspace.path(artefacts.model("presence", spec.name, artefacts.MODEL_NETWORK)))
    layer = keras.models.load_model(path, compile=False).get_layer("statistics")
    features = finite(statistic_features(open_subset(workspace, "presence", "train").samples))
    np.testing.assert_allclose(np.array(layer.mean), np.nanmean(features, axis=0), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(np.array(layer.deviation), np.nanstd(features, axis=0), rtol=1e-2, atol=1e-4)
    kept = modelling.read_predictions(
        workspace, "presence", spec.name, open_subset(workspace, "presence", "validation").table["chip_id"]
    )
    np.testing.assert_allclose(
        modelling.predict_subset(workspace, "presence", spec.name, "validation"), kept, atol=1e-5
    )


def test_without_them_a_network_is_that_of_the_study(workspace: Workspace, spec: ModelSpec) -> None:
    from mineral_pipeline.modelling.networks import build_network

    shape, scale, labels = (9, 1, 16, 16), PixelScale.of_numbers("uint8"), np.array([0.0, 1.0])
    plain = replace(spec, hyperparameters=spec.hyperparameters.model_copy(update={"statistics": False}))
    with_them, without = (build_network(one, shape, scale, labels) for one in (spec, plain))
    seen = [next(one for one in model.layers if one.name.startswith("dense")).kernel for model in (with_them, without)]
    assert seen[0].shape[0] == seen[1].shape[0] + 15
    assert "statistics" not in [layer.name for layer in without.layers]
