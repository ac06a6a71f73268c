"""Models without a network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from mineral_pipeline.modelling import ModelSpec
from mineral_pipeline.modelling.baselines.brightness import Baseline, brightness
from mineral_pipeline.modelling.dataset import Subset
from mineral_pipeline.settings import Hyperparameters

CONSTANT = ModelSpec(
    "presence", "constant", "constant", None, None, Hyperparameters(), 0, 1, 1, "cross_entropy", None, "digest"
)
RICHNESS: dict[str, Any] = {"task": "richness", "loss": "mae"}


def side(folder: Path, images: np.ndarray, label: np.ndarray) -> Subset:
    stored = zarr.create_array(str(folder / "images.zarr"), data=images, chunks=(8, *images.shape[1:]), overwrite=True)
    count = np.arange(len(label))
    return Subset(stored, label.astype("float32"), np.ones(len(label)), count.astype(str), count)


def grey(values: np.ndarray) -> np.ndarray:
    """Flat chips of some brightness, half of each fill."""
    images = np.repeat(values.astype("uint8"), 2 * 4 * 4).reshape(-1, 2, 4, 4)
    images[:, :, :2] = 0
    return images


def test_brightness_is_the_mean_of_what_is_not_fill() -> None:
    np.testing.assert_allclose(brightness(grey(np.array([51, 255]))), [0.2, 1.0])
    assert brightness(np.zeros((1, 1, 4, 4), "uint8")) == [0], "a chip of nothing but fill is black"


@pytest.mark.parametrize(("loss", "expected"), [("cross_entropy", 0.3), ("mse", 0.3), ("mae", 0.1)])
def test_the_constant_is_the_best_one_for_the_loss(tmp_path: Path, loss: str, expected: float) -> None:
    label = np.array([0.1, 0.1, 0.1, 0.3, 0.9])
    fitted = Baseline.fit(replace(CONSTANT, loss=loss), side(tmp_path, grey(np.arange(5)), label))
    np.testing.assert_allclose(fitted.predict(grey(np.array([0, 200]))), expected, rtol=1e-6)


def test_brightness_learns_presence_when_brightness_decides(tmp_path: Path) -> None:
    values = np.arange(40, 200, 4)
    fitted = Baseline.fit(replace(CONSTANT, kind="brightness"), side(tmp_path, grey(values), values > 120))
    predicted = fitted.predict(grey(values))
    assert ((predicted > 0.5) == (values > 120)).all()
    assert ((predicted >= 0) & (predicted <= 1)).all()


def test_brightness_follows_the_median_of_richness(tmp_path: Path) -> None:
    """A fifth of the labels are wild: the line that minimises the absolute error passes them by."""
    values = np.arange(40, 200, 2)
    label = values / 255
    label[::5] = 0
    spec = replace(CONSTANT, kind="brightness", **RICHNESS)
    predicted = Baseline.fit(spec, side(tmp_path, grey(values), label)).predict(grey(values))
    np.testing.assert_allclose(predicted, values / 255, atol=1e-3)
    spec = replace(spec, loss="mse")
    predicted = Baseline.fit(spec, side(tmp_path, grey(values), label)).predict(grey(values))
    assert predicted.mean() == pytest.approx(label.mean(), abs=1e-3)
