"""Gaussian random fields on the sphere, and the variogram of the one behind labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import pdist, squareform

from mineral_pipeline.learning import Task, kind_of

LAG_EDGES_KM = np.array([0, *np.geomspace(150, 5000, 18)])
"""Edges of the classes of distance of the empirical variogram; the centres of neighbouring scenes are 170 km apart."""

RANGES_KM = np.geomspace(20, 3000, 31)
"""Ranges that are tried: the correlation falls to 1/e over a range, and to 0.05 over three."""

NUGGETS = np.linspace(0, 1, 21)
"""Nuggets that are tried: the part of the variance that even near locations do not share."""


@dataclass(frozen=True)
class Variogram:
    """Gaussian field on the sphere with correlation (1 - nugget) exp(-distance / range), and 1 at the same location."""

    range_km: float
    """Distance over which the correlation falls by e."""
    nugget: float
    """Part of the variance without spatial structure."""

    def correlation(self, distance_km: np.ndarray) -> np.ndarray:
        """Correlations at distances between different locations, of any shape."""
        return np.asarray((1 - self.nugget) * np.exp(-distance_km / self.range_km))


def field_root(distance_km: np.ndarray, variogram: Variogram) -> np.ndarray:
    """Root (location, location) of the correlations of a field, from distances (location, location)."""
    correlation = variogram.correlation(distance_km)
    np.fill_diagonal(correlation, 1 + 1e-9)  # locations of one place would make the matrix singular
    return np.asarray(np.linalg.cholesky(correlation))


def draw_fields(root: np.ndarray, n_fields: int, rng: np.random.Generator) -> np.ndarray:
    """Gaussian fields of variance 1, (n_fields, location), from the root of their correlations."""
    return np.asarray(rng.standard_normal((n_fields, len(root))) @ root.T)


def fit_variogram(task: Task, value: np.ndarray, distance_km: np.ndarray) -> Variogram:
    """The variogram of the Gaussian field behind labels, by least squares weighted with the pairs of each distance.

    A presence is a field above a threshold, which halves the locations: its correlation is 2 / pi arcsin of the
    field's. The sill is fitted too, because the variance within a part of the Earth underestimates it.

    Args:
        task: task of the labels.
        value: (location,) labels with mean 0 and variance 1; normal scores of richness.
        distance_km: (location, location) distances.
    """
    observed, lag, pairs = _empirical_variogram(value, distance_km)
    link: Callable[[np.ndarray], np.ndarray] = (
        (lambda r: 2 / np.pi * np.arcsin(r)) if kind_of(task) == "presence" else lambda r: r
    )
    best, found = np.inf, Variogram(float(RANGES_KM[0]), 1.0)
    for range_km in RANGES_KM:
        for nugget in NUGGETS:
            tried = Variogram(float(range_km), float(nugget))
            shape = 1 - link(tried.correlation(lag))
            # Locations in one place, or none near enough to form a pair, have no sill.
            sill = (pairs * shape * observed).sum() / max((pairs * shape**2).sum(), 1e-12)
            error = (pairs * (observed - sill * shape) ** 2).sum()
            if error < best:
                best, found = error, tried
    return found


def _empirical_variogram(value: np.ndarray, distance_km: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half the mean squared difference, mean distance and number of pairs, of every class of distance with pairs."""
    distance, squared = squareform(distance_km, checks=False), pdist(value[:, None], "sqeuclidean") / 2
    lag_class, n_classes = np.digitize(distance, LAG_EDGES_KM) - 1, len(LAG_EDGES_KM) - 1
    near = lag_class < n_classes
    lag_class, distance, squared = lag_class[near], distance[near], squared[near]
    pairs = np.bincount(lag_class, minlength=n_classes)
    held = pairs > 0
    sums = (np.bincount(lag_class, weights, n_classes)[held] for weights in (squared, distance))
    observed, lag = (total / pairs[held] for total in sums)
    return observed, lag, pairs[held]
