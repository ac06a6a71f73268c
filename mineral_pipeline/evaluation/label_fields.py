"""Labels that mean nothing but lie on the Earth as the true ones do: random fields with the labels' variogram.

After J. Viladomat, R. Mazumder, A. McInturff, D. McCauley and T. Hastie, Assessing the significance of global and local
correlations under spatial autocorrelation, Biometrics 70 (2014) 409-418.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import stats
from scipy.spatial.distance import cdist

from mineral_pipeline.geometry import EARTH_RADIUS_KM, unit_vectors
from mineral_pipeline.learning import Task

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
        (lambda r: 2 / np.pi * np.arcsin(r)) if task == "presence" else lambda r: r
    )
    best, found = np.inf, Variogram(float(RANGES_KM[0]), 1.0)
    for range_km in RANGES_KM:
        for nugget in NUGGETS:
            tried = Variogram(float(range_km), float(nugget))
            shape = 1 - link(tried.correlation(lag))
            sill = (pairs * shape * observed).sum() / (pairs * shape**2).sum()
            error = (pairs * (observed - sill * shape) ** 2).sum()
            if error < best:
                best, found = error, tried
    return found


def _empirical_variogram(value: np.ndarray, distance_km: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half the mean squared difference, mean distance and number of pairs, of every class of distance with pairs."""
    a, b = np.triu_indices(len(value), 1)
    distance = distance_km[a, b]
    lag_class, n_classes = np.digitize(distance, LAG_EDGES_KM) - 1, len(LAG_EDGES_KM) - 1
    near = lag_class < n_classes
    lag_class, distance, squared = lag_class[near], distance[near], (value[a] - value[b])[near] ** 2 / 2
    pairs = np.bincount(lag_class, minlength=n_classes)
    held = pairs > 0
    sums = (np.bincount(lag_class, weights, n_classes)[held] for weights in (squared, distance))
    observed, lag = (total / pairs[held] for total in sums)
    return observed, lag, pairs[held]


@dataclass(frozen=True)
class LabelField:
    """Where labels lie and how they vary in space, over the subsets that are judged together."""

    variogram: Variogram
    """Variogram of the field behind the labels."""
    distance_km: np.ndarray
    """(location, location) distances."""
    location: np.ndarray
    """(sample,) number of the location of each sample."""
    subset: np.ndarray
    """(sample,) number of the subset of each sample."""
    label: np.ndarray
    """(sample,) true labels."""

    @cached_property
    def root(self) -> np.ndarray:
        """`field_root` of the labels' variogram."""
        return field_root(self.distance_km, self.variogram)

    def draw(self, n_fields: int, rng: np.random.Generator) -> np.ndarray:
        """Labels (n_fields, sample) with the structure of the true ones.

        Each subset keeps exactly its labels: they are dealt out in the order of the field. The chips of a location
        have one value of the field, so that their labels are alike.
        """
        field = draw_fields(self.root, n_fields, rng)[:, self.location]
        drawn = np.empty_like(field)
        for number in np.unique(self.subset):
            rows = np.flatnonzero(self.subset == number)
            order = np.argsort(field[:, rows], axis=1, kind="stable")
            drawn[np.arange(n_fields)[:, None], rows[order]] = np.sort(self.label[rows])
        return drawn


def label_field(task: Task, samples: pd.DataFrame) -> LabelField:
    """The field of some samples' labels.

    Args:
        task: task of the labels.
        samples: ``subset``, ``location_id``, ``lon``, ``lat`` in degrees and ``label``, one row per sample.
    """
    # A location lies in one subset, as every split has it.
    locations = samples.groupby("location_id", sort=True).agg(
        {"subset": "first", "lon": "first", "lat": "first", "label": "mean"}
    )
    vectors = unit_vectors(locations[["lon", "lat"]].to_numpy())
    chords = cdist(vectors, vectors)
    distance_km = 2 * EARTH_RADIUS_KM * np.arcsin(np.minimum(chords / 2, 1))
    value = locations["label"].groupby(locations["subset"]).transform(_standardised if task == "presence" else _scores)
    return LabelField(
        fit_variogram(task, value.to_numpy(), distance_km),
        distance_km,
        locations.index.get_indexer(pd.Index(samples["location_id"])),
        pd.factorize(samples["subset"])[0],
        samples["label"].to_numpy(np.float64),
    )


def _standardised(values: pd.Series) -> pd.Series:
    deviation = float(values.std(ddof=0))
    return (values - values.mean()) / (deviation or 1.0)


def _scores(values: pd.Series) -> pd.Series:
    """Normal scores: the quantiles of the normal distribution at the ranks."""
    return pd.Series(stats.norm.ppf((values.rank() - 0.5) / len(values)), values.index)
