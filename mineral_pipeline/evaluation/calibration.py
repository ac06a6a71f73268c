"""The calibration error of a model whose probabilities are right: it is not zero, because samples are few."""

from __future__ import annotations

import numpy as np

from mineral_pipeline.evaluation.metrics import calibration_error
from mineral_pipeline.evaluation.resampling import Resampling


def perfect_calibration_error(prediction: np.ndarray, locations: np.ndarray, resampling: Resampling) -> float:
    """Mean calibration error when every label is drawn with its predicted probability.

    After J. Bröcker and L. Smith, Increasing the reliability of reliability diagrams, Weather and Forecasting 22 (2007)
    651-661. The chips of a location show the same ground and share their draw.

    Args:
        prediction: (sample,) probabilities.
        locations: (sample,) key of each sample's location.
        resampling: number and seed of the draws.
    """
    keys, location = np.unique(locations, return_inverse=True)
    drawn = np.random.default_rng(resampling.seed).random((resampling.n_resamples, len(keys)))[:, location] < prediction
    return float(calibration_error(drawn.astype(float), prediction).mean())
