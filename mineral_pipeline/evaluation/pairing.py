"""Which samples are compared with which by the metrics of order: those of the same fold, and near each other.

Predictions of different folds are of different models, whose calibration differs: pairs across folds would compare the
models. Pairs of near samples ask what a model knows beyond geography, which is the same for both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.spatial import KDTree

from mineral_pipeline.errors import DataError
from mineral_pipeline.geometry import EARTH_RADIUS_KM, chord_length, unit_vectors

PAIRS_PER_CALL = 4_000_000
"""Pairs that are found at a time: 100 MB."""

MAX_PAIRS = 100_000_000
"""Most pairs that are kept: 3 GB, with what a metric needs of them."""


@dataclass(frozen=True)
class Pairing:
    """The pairs of some samples that metrics of order compare."""

    fold: np.ndarray
    """(sample,) number of the fold whose model has predicted each sample."""
    near: Mapping[str, sparse.csr_array]
    """By local metric, ones (sample, sample) where the first of a pair is compared with the second."""

    def take(self, rows: np.ndarray) -> Pairing:
        """The pairs among some of the samples, which are given by their numbers."""
        return Pairing(self.fold[rows], {name: pairs[rows][:, rows] for name, pairs in self.near.items()})


def find_near(lonlat: np.ndarray, fold: np.ndarray, km: float, label: np.ndarray | None = None) -> sparse.csr_array:
    """Ones (sample, sample) at pairs of the same fold within a great-circle distance.

    With labels a pair is of a sample with the higher and one with the lower label, each once; without them all pairs
    are there, both ways. A pair takes 12 bytes.

    Args:
        lonlat: (sample, 2) position of each sample, degrees.
        fold: (sample,) number of the fold of each sample.
        km: greatest distance in kilometres; samples of one place are 0 apart.
        label: (sample,) labels.

    Raises:
        DataError: there are more than `MAX_PAIRS`.
    """
    vectors, found, total = unit_vectors(lonlat), [np.empty((2, 0), np.int32)], 0
    for number in np.unique(fold):
        members = np.flatnonzero((fold == number) & np.isfinite(vectors).all(axis=1))
        for first, second in _within(vectors[members], km):
            pairs = members[np.stack([first, second])].astype(np.int32)
            kept = pairs[0] != pairs[1] if label is None else label[pairs[0]] > label[pairs[1]]
            found.append(pairs[:, kept])
            if (total := total + int(kept.sum())) > MAX_PAIRS:
                raise DataError(f"evaluate.local_km: {km:g} km make more than {MAX_PAIRS:,} pairs: lower it")
    first, second = np.concatenate(found, axis=1)
    return sparse.csr_array((np.ones(len(first)), (first, second)), shape=(len(fold), len(fold)))


def _within(vectors: np.ndarray, km: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Numbers of the first and the second of all ordered pairs within a distance, some at a time."""
    if not len(vectors):
        return
    tree = KDTree(vectors)
    chord = chord_length(min(km, np.pi * EARTH_RADIUS_KM)) * (1 + 1e-12) + 1e-12
    rows = max(PAIRS_PER_CALL * len(vectors) // int(tree.count_neighbors(tree, chord)), 1)
    for start in range(0, len(vectors), rows):
        part = KDTree(vectors[start : start + rows]).sparse_distance_matrix(tree, chord, output_type="ndarray")
        yield part["i"] + start, part["j"]


def share_below(prediction: np.ndarray, pairs: sparse.csr_array, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By how much the samples of each sample's pairs weigh, those that score lower (ties half), and all.

    Args:
        prediction: (sample,) predictions.
        pairs: ones (sample, sample) at pairs.
        weight: (resample, sample) weight of the second of a pair.

    Returns:
        (resample, sample) weight of those that score lower, and of all.
    """
    first = np.repeat(prediction, np.diff(pairs.indptr))
    second = prediction[pairs.indices]
    below = (first > second) + (first == second) / 2
    of_lower = sparse.csr_array((below, pairs.indices, pairs.indptr), shape=pairs.shape)
    number, columns = _distinct(weight.T)
    alike = sparse.csr_array((np.ones(len(number)), number, np.arange(len(number) + 1)), (len(number), len(columns)))
    return (of_lower @ alike @ columns).T, (pairs @ alike @ columns).T


def _distinct(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of the distinct rows each row (sample, resample) is, and these (distinct, resample).

    All samples of a group weigh alike, whichever group is left out: their pairs are added first, ten times as fast.
    """
    number, rows = pd.factorize(np.array([row.tobytes() for row in np.ascontiguousarray(weight)], dtype=object))
    return number, np.frombuffer(b"".join(rows), weight.dtype).reshape(len(rows), -1)
