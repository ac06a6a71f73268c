"""Means of what lies around each place, by a Gaussian kernel of the great-circle distance."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.spatial import KDTree

from mineral_pipeline.geometry.vectors import EARTH_RADIUS_KM, Floats, chord_length, unit_vectors

WIDEST = 3.0
"""Standard deviations of the kernel beyond which a place counts for nothing."""

PAIRS_PER_CALL = 1_000_000
"""Pairs of places that are found at a time, and those of one place more: 170 MB."""


def neighbour_means(lonlat: Floats, values: Floats, length_km: float) -> Floats:
    """Mean of a value over the places around each place, without the place itself.

    It is the estimator of E. A. Nadaraya (On estimating regression, 1964) and G. S. Watson (1964), leaving one out.

    Args:
        lonlat: (n, 2) positions of the places, degrees.
        values: (n,) value of each place.
        length_km: standard deviation of the kernel in kilometres.

    Returns:
        (n,) means; nan where no other place is within `WIDEST` standard deviations.
    """
    vectors, mean = unit_vectors(lonlat), np.full(len(lonlat), np.nan)
    if not len(vectors):
        return mean
    tree, chord = KDTree(vectors), chord_length(min(WIDEST * length_km, np.pi * EARTH_RADIUS_KM))
    pairs_before = np.cumsum(tree.query_ball_point(vectors, chord, return_length=True)) - 1
    starts = np.flatnonzero(np.diff(pairs_before // PAIRS_PER_CALL, prepend=-1))
    for start, end in pairwise([*starts.tolist(), len(vectors)]):
        part = KDTree(vectors[start:end])
        pairs = part.sparse_distance_matrix(tree, chord, output_type="ndarray")
        km = 2 * EARTH_RADIUS_KM * np.arcsin(np.clip(pairs["v"] / 2, 0, 1))
        kernel = np.exp(-0.5 * (km / length_km) ** 2) * (pairs["i"] + start != pairs["j"])
        total, of_values = (np.bincount(pairs["i"], one, part.n) for one in (kernel, kernel * values[pairs["j"]]))
        np.divide(of_values, total, out=mean[start:end], where=total > 0)
    return mean
