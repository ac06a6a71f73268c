"""Models without a network, which every network must beat: a constant, and the brightness of a chip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from mineral_pipeline.modelling.dataset import ChunkCache, Subset, batches
from mineral_pipeline.modelling.spec import ModelSpec

FILE = "model.json"
"""Where a baseline keeps its numbers."""


@dataclass(frozen=True)
class Baseline:
    """A function of a chip's mean brightness; constant when the slope is 0."""

    intercept: float
    """Prediction (its logit when ``logistic``) of a black chip."""
    slope: float = 0.0
    """Change from black to white."""
    logistic: bool = False
    """Whether the line gives a logit."""

    @classmethod
    def fit(cls, spec: ModelSpec, side: Subset) -> Self:
        """Fit to the training side.

        The constant is the mean label for presence (the majority follows from it) and the median for the absolute
        error. Brightness goes through logistic regression for presence, and for richness through the line that
        minimises the task's own error.
        """
        if spec.kind == "constant":
            return cls(float(np.median(side.label) if spec.loss == "mae" else np.mean(side.label)))
        grey = side_brightness(side)[:, None]
        line: Any = _regression(spec.loss)
        line.fit(grey, side.label > 0.5 if spec.task == "presence" else side.label)
        slope, intercept = (float(np.ravel(value)[0]) for value in (line.coef_, line.intercept_))
        return cls(intercept, slope, logistic=spec.task == "presence")

    def predict(self, images: np.ndarray) -> np.ndarray:
        """(n, band, y, x) to (n,) in 0..1."""
        line = self.intercept + self.slope * brightness(images)
        return 1 / (1 + np.exp(-line)) if self.logistic else np.clip(line, 0, 1)


def brightness(images: np.ndarray) -> np.ndarray:
    """Mean of the valid pixels (not 0, the fill) of all bands as a share of white; (n, band, y, x) to (n,)."""
    valid = np.maximum(np.count_nonzero(images, axis=(1, 2, 3)), 1)
    return np.asarray(images.sum(axis=(1, 2, 3), dtype=np.int64) / valid / np.iinfo(images.dtype).max)


def side_brightness(side: Subset) -> np.ndarray:
    """Brightness of every sample of a side, (sample,)."""
    pixels = ChunkCache(side.images)
    try:
        rows = batches(np.arange(len(side)), side.images.chunks[0])
        return np.concatenate([brightness(pixels.take(batch)) for batch in rows])
    finally:
        pixels.close()


def _regression(loss: str) -> Any:
    from sklearn.linear_model import LinearRegression, LogisticRegression, QuantileRegressor

    match loss:
        case "cross_entropy":
            return LogisticRegression(C=1e6)  # as good as no penalty, and defined for separable classes
        case "mae":
            return QuantileRegressor(quantile=0.5, alpha=0)
        case _:
            return LinearRegression()
