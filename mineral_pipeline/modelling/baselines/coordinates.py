"""The map without pixels: what is known at the nearest places, or what trees make of the position."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mineral_pipeline.geometry import EARTH_RADIUS_KM, unit_vectors
from mineral_pipeline.modelling.baselines.baseline import Baseline, Examples, FeaturePredictor, register
from mineral_pipeline.modelling.baselines.estimators import BOOSTED_TYPES, best_on, fit_boosted_trees
from mineral_pipeline.modelling.dataset import Samples
from mineral_pipeline.modelling.spec import Loss

NEIGHBOURS = (5, 15, 45)
"""Numbers of training samples from which one is predicted, of which the validation subset chooses."""

NEAR_KM = 30.0
"""Distance below which all neighbours count alike, a sixth of a scene."""


@dataclass(frozen=True)
class NearestNeighbours:
    """The mean of the labels of the nearest training samples; their median for the absolute error.

    They count by their own weights and by the inverse of the distance. A probability is that of Laplace's rule of
    succession, so that it is neither 0 nor 1.
    """

    neighbours: int
    """Number of nearest samples, or all where there are fewer."""
    vectors: np.ndarray
    """(sample, 3) unit vectors of the training samples."""
    label: np.ndarray
    """(sample,) in 0..1."""
    weight: np.ndarray
    """(sample,) with mean 1."""
    loss: Loss
    """Loss that is to be minimised."""

    def predict(self, features: pd.DataFrame) -> np.ndarray:
        """(sample,) in 0..1."""
        from scipy.spatial import KDTree

        nearest = np.arange(1, min(self.neighbours, len(self.label)) + 1)
        distance, found = KDTree(self.vectors).query(features.to_numpy(), nearest)
        closeness = 1 / np.maximum(distance, NEAR_KM / EARTH_RADIUS_KM)
        label, weight = self.label[found], self.weight[found] * closeness / closeness.mean(axis=1, keepdims=True)
        if self.loss == "mae":
            return np.asarray(np.quantile(label, 0.5, axis=1, weights=weight, method="inverted_cdf"))
        pseudo = 1.0 if self.loss == "cross_entropy" else 0.0
        return np.asarray(((weight * label).sum(axis=1) + pseudo) / (weight.sum(axis=1) + 2 * pseudo))


def fit_coordinates(train: Examples, validation: Examples) -> FeaturePredictor:
    """Nearest neighbours or boosted trees, whichever has the lower loss on the validation subset."""
    label, weight = train.label.astype("float64"), train.weight.astype("float64")
    vectors = train.features.to_numpy()
    neighbours = [NearestNeighbours(number, vectors, label, weight, train.loss) for number in NEIGHBOURS]
    return best_on(validation, [*neighbours, fit_boosted_trees(train, validation)])


def unit_vector_features(samples: Samples) -> pd.DataFrame:
    """Columns ``x``, ``y`` and ``z`` of the unit vector of a chip's centre, without seam or pole."""
    return pd.DataFrame(unit_vectors(samples.table[["lon", "lat"]].to_numpy()), columns=["x", "y", "z"])


register(
    Baseline(
        "coordinates", "coordinates only", unit_vector_features, fit_coordinates,
        types=[NearestNeighbours, *BOOSTED_TYPES], pixels=False,
    )
)  # fmt: skip
