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
from scipy.spatial.distance import cdist

from mineral_pipeline.evaluation.variogram import Variogram, draw_fields, field_root, fit_variogram
from mineral_pipeline.geometry import EARTH_RADIUS_KM, unit_vectors
from mineral_pipeline.learning import Task


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
