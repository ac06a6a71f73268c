"""How much has been found around a place: the less, the less its having no known deposit tells."""

from __future__ import annotations

import numpy as np
from scipy.spatial import KDTree

from mineral_pipeline.geometry import EARTH_RADIUS_KM, Floats, Integers, chord_length, unit_vectors

REACH_KM = 300.0
"""Standard deviation of the Gaussian kernel by which the places around count."""

WIDEST = 3.0
"""Standard deviations beyond which a place counts for nothing."""


def search_effort(lonlat: Floats, n_deposits: Integers) -> Floats:
    """Mean ln(1 + known deposits) of the places around each place, by a Gaussian kernel, without the place itself.

    It stands for the search effort, of which nothing is known but what it has found.

    Args:
        lonlat: (n, 2) positions of the places, degrees.
        n_deposits: (n,) known deposits of each.

    Returns:
        (n,) not below 0; 0 where no other place is near.
    """
    if len(lonlat) == 0:
        return np.empty(0)
    tree = KDTree(unit_vectors(lonlat))
    near = tree.sparse_distance_matrix(tree, chord_length(WIDEST * REACH_KM), output_type="coo_matrix").tocsr()
    near.data = np.exp(-0.5 * (2 * EARTH_RADIUS_KM * np.arcsin(np.clip(near.data / 2, 0, 1)) / REACH_KM) ** 2)
    near.setdiag(0)
    total = np.asarray(near.sum(axis=1)).ravel()
    mean = np.divide(near @ np.log1p(n_deposits), total, out=np.zeros(len(lonlat)), where=total > 0)
    return np.asarray(mean, np.float64)
