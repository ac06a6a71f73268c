"""The best constant: the same prediction for every chip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mineral_pipeline.learning import CONSTANT
from mineral_pipeline.modelling.baselines.baseline import Baseline, Examples, register
from mineral_pipeline.modelling.dataset import Samples


@dataclass(frozen=True)
class ConstantPredictor:
    """Predicts the same value for every chip."""

    value: float
    """Prediction in 0..1."""

    def predict(self, features: pd.DataFrame) -> np.ndarray:
        """(sample,) equal values."""
        return np.full(len(features), self.value)


def fit_constant(train: Examples, validation: Examples) -> ConstantPredictor:
    """The median label for the absolute error, else the mean; for presence the majority follows from it."""
    return ConstantPredictor(float(np.median(train.label) if train.loss == "mae" else np.mean(train.label)))


def no_features(samples: Samples) -> pd.DataFrame:
    """No column, one row per sample."""
    return pd.DataFrame(index=range(len(samples)))


register(Baseline(CONSTANT, "constant", no_features, fit_constant, 1, [ConstantPredictor], pixels=False))
