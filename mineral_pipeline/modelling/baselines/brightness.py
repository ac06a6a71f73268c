"""The brightness of a chip: a regression on the mean of its valid pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mineral_pipeline.learning import kind_of
from mineral_pipeline.modelling.baselines.baseline import Baseline, Examples, register
from mineral_pipeline.modelling.dataset import Samples
from mineral_pipeline.modelling.spec import Loss
from mineral_pipeline.workspace.pixels import PixelScale


@dataclass(frozen=True)
class BrightnessPredictor:
    """A line through brightness; its logistic function for presence."""

    intercept: float
    """Prediction (its logit when ``is_logit``) for a black chip."""
    slope: float
    """Change from black to white."""
    is_logit: bool
    """Whether the line gives a logit."""

    def predict(self, features: pd.DataFrame) -> np.ndarray:
        """(sample,) in 0..1."""
        line = self.intercept + self.slope * features["brightness"].to_numpy()
        return 1 / (1 + np.exp(-line)) if self.is_logit else np.clip(line, 0, 1)


def fit_brightness(train: Examples, validation: Examples) -> BrightnessPredictor:
    """Logistic regression for presence; for richness the line that minimises the task's own error."""
    is_logit = kind_of(train.task) == "presence"
    regression = _regression(train.loss)
    regression.fit(train.features[["brightness"]].to_numpy(), train.label > 0.5 if is_logit else train.label)
    slope, intercept = (float(np.ravel(value)[0]) for value in (regression.coef_, regression.intercept_))
    return BrightnessPredictor(intercept, slope, is_logit)


def brightness_features(samples: Samples) -> pd.DataFrame:
    """Column ``brightness``, one row per sample."""
    batches = [brightness(images, samples.images.scale) for images in samples.read_images()]
    return pd.DataFrame({"brightness": np.concatenate([np.empty(0), *batches])})


def brightness(images: np.ndarray, scale: PixelScale | None = None) -> np.ndarray:
    """Mean of the valid pixels (not 0, the fill) of all bands as a share of white; (n, band, y, x) to (n,).

    A chip of nothing but fill is black. Without ``scale`` pixels are digital numbers.
    """
    scale = scale or PixelScale.of_numbers(images.dtype)
    valid = np.count_nonzero(images, axis=(1, 2, 3))
    mean = images.sum(axis=(1, 2, 3), dtype=np.int64) / np.maximum(valid, 1)
    return np.where(valid > 0, scale.share(mean), 0.0)


def _regression(loss: Loss) -> Any:
    from sklearn.linear_model import LinearRegression, LogisticRegression, QuantileRegressor  # slow to import

    match loss:
        case "cross_entropy":
            return LogisticRegression(C=1e6)  # as good as no penalty, and defined for separable classes
        case "mae":
            return QuantileRegressor(quantile=0.5, alpha=0)
        case _:
            return LinearRegression()


register(Baseline("brightness", "brightness only", brightness_features, fit_brightness, 2, [BrightnessPredictor]))
