"""Prospects without pixels: how probable a deposit is by how near others are known.

Nearness to known deposits is the oldest evidence of prospectivity mapping, and logistic regression one of its oldest
models (F. Agterberg, Computers & Geosciences 15 (1989) 115-119). What a place itself holds is not used to predict it:
a place with known deposits is described by those around it, as one without is.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_array
from scipy.spatial import KDTree

from mineral_pipeline.geometry import EARTH_RADIUS_KM, Flags, Floats, unit_vectors

NEIGHBOURS = (1, 3, 10, 30)
"""The distances to these of the nearest known deposits describe a place: single ones, and districts."""

NEAR_KM = 10.0
"""Added to a distance before its logarithm is taken: what lies nearer is alike."""


def proximity_features(places: Floats, inside: csr_array, deposits: Floats) -> Floats:
    """Describe places by the known deposits outside of each: ln(km + `NEAR_KM`) of the great-circle distances.

    Where fewer than the last of `NEIGHBOURS` lie outside, the farthest of them stands for those that are missing, and
    half the girth of the Earth where none does.

    Args:
        places: (n, 2) lon/lat of the places in degrees.
        inside: (n, m) which deposits lie in each place, by any number but 0.
        deposits: (m, 2) lon/lat of the known deposits; one at least.

    Returns:
        (n, `NEIGHBOURS`).
    """
    vectors, tree = unit_vectors(places), KDTree(unit_vectors(deposits))
    found, counts = np.full((len(places), len(NEIGHBOURS)), np.pi), np.diff(inside.indptr)
    for count in np.unique(counts):
        rows = np.flatnonzero(counts == count)
        nearest = np.arange(1, min(count + NEIGHBOURS[-1], len(deposits)) + 1)
        chords, numbers = tree.query(vectors[rows], k=nearest)
        for row, chord, number in zip(rows, chords, numbers, strict=True):
            own = inside.indices[inside.indptr[row] : inside.indptr[row + 1]]
            outer = chord[~np.isin(number, own)] if count else chord
            if len(outer):
                chosen = outer[np.minimum(NEIGHBOURS, len(outer)) - 1]
                found[row] = 2 * np.arcsin(np.clip(chosen / 2, 0, 1))
    return np.log(EARTH_RADIUS_KM * found + NEAR_KM)


def fit_proximity(features: Floats, holds: Flags) -> Callable[[Floats], Floats]:
    """Fit the probability that a place holds a known deposit, by a logistic regression.

    Args:
        features: (n, k) as `proximity_features` gives them, with or without other evidence.
        holds: (n,) whether each holds one; some do, and some do not.

    Returns:
        Function from features (m, k) to probabilities (m,).
    """
    from sklearn.linear_model import LogisticRegression  # slow to import
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(features, holds)
    return lambda described: np.asarray(model.predict_proba(described)[:, 1])
