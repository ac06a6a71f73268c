"""How much has been found around a place: the less, the less its having no known deposit tells."""

from __future__ import annotations

import numpy as np

from mineral_pipeline.geometry import Floats, Integers
from mineral_pipeline.geometry.neighbour_means import neighbour_means

REACH_KM = 300.0
"""Standard deviation of the Gaussian kernel by which the places around count."""


def search_effort(lonlat: Floats, n_deposits: Integers) -> Floats:
    """Mean ln(1 + known deposits) of the places around each place, by a Gaussian kernel, without the place itself.

    It stands for the search effort, of which nothing is known but what it has found.

    Args:
        lonlat: (n, 2) positions of the places, degrees.
        n_deposits: (n,) known deposits of each.

    Returns:
        (n,) not below 0; 0 where no other place is near.
    """
    return np.nan_to_num(neighbour_means(lonlat, np.log1p(n_deposits), REACH_KM))
