"""Labels that mean nothing but lie on the Earth as the true ones do: random fields with the labels' variogram.

After J. Viladomat, R. Mazumder, A. McInturff, D. McCauley and T. Hastie, Assessing the significance of global and local
correlations under spatial autocorrelation, Biometrics 70 (2014) 409-418.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import stats
from scipy.spatial import KDTree
from scipy.spatial.distance import pdist, squareform

from mineral_pipeline.evaluation.variogram import Variogram, draw_fields, field_root, fit_variogram
from mineral_pipeline.geometry import EARTH_RADIUS_KM, unit_vectors
from mineral_pipeline.learning import Task, kind_of

MAX_KNOTS = 4000
"""Most locations of which the field is drawn exactly: the root of their correlations takes 128 MB and a few seconds."""

MIN_NUGGET = 1e-9
"""Least part of the variance that is a location's own, so that those of one knot come in random order."""


@dataclass(frozen=True)
class LabelField:
    """Where labels lie and how they vary in space, over the subsets that are judged together."""

    variogram: Variogram
    """Variogram of the field behind the labels."""
    distance_km: np.ndarray
    """(knot, knot) distances between the locations where the structured part of the field is drawn."""
    knot: np.ndarray
    """(location,) number of the knot nearest to each location: itself, when there are few locations."""
    location: np.ndarray
    """(sample,) number of the location of each sample."""
    subset: np.ndarray
    """(sample,) number of the subset of each sample."""
    label: np.ndarray
    """(sample,) true labels."""

    @cached_property
    def root(self) -> np.ndarray:
        """`field_root` of the structured part of the field."""
        return field_root(self.distance_km, Variogram(self.variogram.range_km, nugget=0.0))

    def draw(self, n_fields: int, rng: np.random.Generator) -> np.ndarray:
        """Labels (n_fields, sample) with the structure of the true ones.

        Each subset keeps exactly its labels: they are dealt out in the order of the field. The chips of a location
        have one value of the field, so that their labels are alike. The nugget is each location's own.
        """
        nugget = max(self.variogram.nugget, MIN_NUGGET)
        structure = draw_fields(self.root, n_fields, rng)[:, self.knot]
        own = rng.standard_normal(structure.shape)
        field = (np.sqrt(1 - nugget) * structure + np.sqrt(nugget) * own)[:, self.location]
        drawn: np.ndarray = np.empty_like(field)
        for number in np.unique(self.subset):
            rows = np.flatnonzero(self.subset == number)
            order = np.argsort(field[:, rows], axis=1, kind="stable")
            drawn[np.arange(n_fields)[:, None], rows[order]] = np.sort(self.label[rows])
        return drawn


def label_field(task: Task, samples: pd.DataFrame) -> LabelField:
    """The field of some samples' labels.

    Of more than `MAX_KNOTS` locations as many are drawn at random, as knots. The variogram is fitted on them, and the
    structured part of the field has the value of the nearest at every other location.

    Args:
        task: task of the labels.
        samples: ``subset``, ``location_id``, ``lon``, ``lat`` in degrees and ``label``, one row per sample.
    """
    # A location lies in one subset, as every split has it.
    locations = samples.groupby("location_id", sort=True).agg(
        {"subset": "first", "lon": "first", "lat": "first", "label": "mean"}
    )
    vectors, knots = unit_vectors(locations[["lon", "lat"]].to_numpy()), _choose_knots(len(locations))
    distance_km = squareform(2 * EARTH_RADIUS_KM * np.arcsin(np.minimum(pdist(vectors[knots]) / 2, 1)))
    value = (
        locations["label"]
        .groupby(locations["subset"])
        .transform(_standardised if kind_of(task) == "presence" else _scores)
    )
    return LabelField(
        fit_variogram(task, value.to_numpy()[knots], distance_km),
        distance_km,
        KDTree(vectors[knots]).query(vectors)[1] if len(knots) < len(vectors) else knots,
        locations.index.get_indexer(pd.Index(samples["location_id"])),
        pd.factorize(samples["subset"])[0],
        samples["label"].to_numpy(np.float64),
    )


def _choose_knots(n_locations: int) -> np.ndarray:
    """Ascending numbers of the locations that are knots; the same for the same number of locations."""
    if n_locations <= MAX_KNOTS:
        return np.arange(n_locations)
    return np.sort(np.random.default_rng(0).choice(n_locations, MAX_KNOTS, replace=False))


def _standardised(values: pd.Series) -> pd.Series:
    deviation = float(values.std(ddof=0))
    return (values - values.mean()) / (deviation or 1.0)


def _scores(values: pd.Series) -> pd.Series:
    """Normal scores: the quantiles of the normal distribution at the ranks."""
    return pd.Series(stats.norm.ppf((values.rank() - 0.5) / len(values)), values.index)
