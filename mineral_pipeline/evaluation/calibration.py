"""The calibration error of a model whose probabilities are right: it is not zero, because samples are few."""

from __future__ import annotations

import numpy as np

from mineral_pipeline.evaluation.metrics import calibration_error
from mineral_pipeline.evaluation.resampling import LABELS_PER_CALL, Resampling


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
    rng, left, found = np.random.default_rng(resampling.seed), resampling.n_resamples, list[np.ndarray]()
    while left:
        rows = min(left, max(LABELS_PER_CALL // len(prediction), 1))
        drawn = rng.random((rows, len(keys)))[:, location] < prediction
        found.append(calibration_error(drawn.astype(float), prediction))
        left -= rows
    return float(np.concatenate(found).mean())
