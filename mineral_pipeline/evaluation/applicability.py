"""Where a model applies: the dissimilarity of a place to the places from which the model has learnt.

H. Meyer and E. Pebesma, Predicting into unknown space? Estimating the area of applicability of spatial prediction
models, Methods in Ecology and Evolution 12 (2021) 1620-1633. Features are standardised and not weighted by importance:
those of a network's last layer are already what its output is made of.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PAIRS_FROM = 2000
"""Training samples, at random, between which the mean distance is taken."""

ROWS_AT_ONCE = 1024
"""Samples whose distances to all training samples are held at a time."""


@dataclass(frozen=True)
class Applicability:
    """The features of the training samples, and how far from them the model was tested."""

    centre: np.ndarray
    """(feature,) mean of each feature in training; nan is replaced by it."""
    scale: np.ndarray
    """(feature,) its standard deviation; features that do not vary in training count for nothing."""
    trained: np.ndarray
    """(sample, feature) standardised features of the training samples."""
    mean_distance: float
    """Mean distance between two training samples; 0 where they are all alike."""
    threshold: float
    """Dissimilarity from which on the model does not apply."""

    def dissimilarity(self, features: np.ndarray) -> np.ndarray:
        """Distance (sample,) to the nearest training sample, as a share of the mean distance between these."""
        known = self._standardise(features)
        if self.mean_distance == 0:  # what the model has seen is a single place: nothing else is like it
            return np.where((known == 0).all(axis=1), 0.0, np.inf)
        squares = (self.trained**2).sum(axis=1)
        found = [np.empty(0)]
        for start in range(0, len(known), ROWS_AT_ONCE):
            rows = known[start : start + ROWS_AT_ONCE]
            distance = (rows**2).sum(axis=1)[:, None] - 2 * rows @ self.trained.T + squares
            found.append(np.sqrt(np.maximum(distance.min(axis=1), 0)) / self.mean_distance)
        return np.concatenate(found)

    def _standardise(self, features: np.ndarray) -> np.ndarray:
        known = np.where(np.isfinite(features), features, self.centre)
        varies = self.scale > 0
        return np.asarray((known - self.centre)[:, varies] / self.scale[varies])


def fit_applicability(trained: np.ndarray, held_out: np.ndarray, seed: int = 0) -> Applicability:
    """What is like the training samples, judged by samples that were held out of the training as places will be.

    Args:
        trained: (sample, feature) features of the training samples, nan where unknown.
        held_out: (sample, feature) those of samples with which the model was tested.
        seed: seed of the choice of the training samples between which the mean distance is taken.
    """
    known = np.where(np.isfinite(trained), trained.astype(float), np.nan)
    is_known = np.isfinite(known)
    count = np.maximum(is_known.sum(axis=0), 1)
    centre = np.where(is_known, known, 0).sum(axis=0) / count
    deviation = np.where(is_known, known - centre, 0)
    scale = np.sqrt((deviation**2).sum(axis=0) / count)
    scale = np.where(scale > 1e-9 * np.maximum(np.abs(centre), 1e-300), scale, 0)
    bare = Applicability(centre, scale, np.empty((0, 0)), 0.0, np.inf)
    standard = bare._standardise(known)
    found = Applicability(centre, scale, standard, _mean_distance(standard, seed), np.inf)
    return Applicability(centre, scale, standard, found.mean_distance, upper_whisker(found.dissimilarity(held_out)))


def _mean_distance(points: np.ndarray, seed: int) -> float:
    from scipy.spatial.distance import pdist

    if len(points) > PAIRS_FROM:
        points = points[np.random.default_rng(seed).choice(len(points), PAIRS_FROM, replace=False)]
    return float(pdist(points).mean()) if len(points) > 1 and points.shape[1] else 0.0


def upper_whisker(values: np.ndarray) -> float:
    """The largest value that is no outlier: at most 1.5 interquartile ranges above the upper quartile."""
    if not len(values):
        return 0.0
    low, high = np.quantile(values, (0.25, 0.75))
    return float(values[values <= high + 1.5 * (high - low)].max()) if np.isfinite(high) else float("inf")
