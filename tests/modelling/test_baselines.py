"""Models without a network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from chips import stored_images

from mineral_pipeline.learning import Task
from mineral_pipeline.modelling.baselines import BASELINES, Examples, register
from mineral_pipeline.modelling.baselines.brightness import brightness
from mineral_pipeline.modelling.dataset import Samples
from mineral_pipeline.modelling.spec import Loss


def samples_of(folder: Path, images: np.ndarray) -> Samples:
    return Samples(stored_images(folder, images), np.arange(len(images)), pd.DataFrame)


def fit_and_predict(name: str, samples: Samples, label: np.ndarray, task: Task, loss: Loss) -> np.ndarray:
    """Predictions of a baseline for the samples that it was fitted to."""
    features = BASELINES[name].features(samples)
    examples = Examples(features, task, loss, label.astype("float32"), np.ones(len(label)))
    return BASELINES[name].fit(examples, examples).predict(features)


def grey(values: np.ndarray) -> np.ndarray:
    """Flat chips of some brightness, half of each fill."""
    images = np.repeat(values.astype("uint8"), 2 * 4 * 4).reshape(-1, 2, 4, 4)
    images[:, :, :2] = 0
    return images


def test_brightness_is_the_mean_of_what_is_not_fill() -> None:
    np.testing.assert_allclose(brightness(grey(np.array([51, 255]))), [0.2, 1.0])
    assert brightness(np.zeros((1, 1, 4, 4), "uint8")) == [0], "a chip of nothing but fill is black"


@pytest.mark.parametrize(("loss", "expected"), [("cross_entropy", 0.3), ("mse", 0.3), ("mae", 0.1)])
def test_the_constant_is_the_best_one_for_the_loss(tmp_path: Path, loss: Loss, expected: float) -> None:
    label = np.array([0.1, 0.1, 0.1, 0.3, 0.9])
    predicted = fit_and_predict("constant", samples_of(tmp_path, grey(np.arange(5))), label, "presence", loss)
    np.testing.assert_allclose(predicted, np.full(5, expected), rtol=1e-6)


def test_brightness_learns_presence_when_brightness_decides(tmp_path: Path) -> None:
    values = np.arange(40, 200, 4)
    samples = samples_of(tmp_path, grey(values))
    predicted = fit_and_predict("brightness", samples, values > 120, "presence", "cross_entropy")
    assert ((predicted > 0.5) == (values > 120)).all()
    assert ((predicted >= 0) & (predicted <= 1)).all()


def test_brightness_follows_the_median_of_richness(tmp_path: Path) -> None:
    """A fifth of the labels are wild: the line that minimises the absolute error passes them by."""
    values = np.arange(40, 200, 2)
    label = values / 255
    label[::5] = 0
    samples = samples_of(tmp_path, grey(values))
    predicted = fit_and_predict("brightness", samples, label, "richness", "mae")
    np.testing.assert_allclose(predicted, values / 255, atol=1e-3)
    predicted = fit_and_predict("brightness", samples, label, "richness", "mse")
    assert predicted.mean() == pytest.approx(label.mean(), abs=1e-3)


def test_a_baseline_may_not_be_called_as_a_kind_of_networks() -> None:
    with pytest.raises(ValueError, match="networks have a kind of that name"):
        register(replace(BASELINES["constant"], name="tuned"))
    assert "tuned" not in BASELINES
