"""The groups of samples that a jackknife leaves out, and how much each depends on its neighbours.

Groups that are near each other are alike, in their rock and in what a network makes of it: their errors may add up.
T. Conley, Journal of Econometrics 92 (1999) 1-45, gives each pair a weight that falls with its distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.spatial import KDTree

from mineral_pipeline.geometry import unit_vectors

NEIGHBOURS = 2.6
"""A kernel spans this times the square root of the number of groups: 1.3 on either side in time, where E. Lazarus, D.
Lewis, J. Stock and M. Watson, Journal of Business & Economic Statistics 36 (2018) 541-559, recommend 1.3 root T lags.
"""


@dataclass(frozen=True)
class Groups:
    """Groups of samples; the same for every model."""

    number: np.ndarray
    """(sample,) number of the group of each sample."""
    kernel: sparse.csr_array
    """(group, group) weight of each pair: 1 in the same place, 0 from the bandwidth on."""
    degrees_of_freedom: float
    """Those of the jackknife's variance of a mean; nan of a single group."""


def find_groups(keys: np.ndarray, lonlat: np.ndarray) -> Groups:
    """The groups of some samples.

    Args:
        keys: (sample,) key of each sample's group, such as the block of the split.
        lonlat: (sample, 2) position of each sample, degrees.
    """
    _, number, sizes = np.unique(keys, return_inverse=True, return_counts=True)
    vectors = unit_vectors(lonlat)
    centres = np.stack([np.bincount(number, axis) for axis in vectors.T], axis=1) / sizes[:, None]
    kernel = spatial_kernel(centres)
    return Groups(number, kernel, degrees_of_freedom(sizes, kernel) if len(sizes) > 1 else np.nan)


def spatial_kernel(centres: np.ndarray) -> sparse.csr_array:
    """Weights (group, group) of pairs: the spherical model of geostatistics, of straight distances through the Earth.

    It is positive definite in space, so that no variance is negative. The bandwidth is the mean distance at which a
    group has `NEIGHBOURS` times the square root of their number around it: more groups, less smoothing, and as many
    pairs as are needed, not the square.

    Args:
        centres: (group, 3) mean of the unit vectors of each group.
    """
    n_groups, tree = len(centres), KDTree(centres)
    neighbour = min(int(np.ceil(NEIGHBOURS * np.sqrt(n_groups))), n_groups - 1)
    bandwidth = float(tree.query(centres, k=[neighbour + 1])[0].mean())  # the first is the group itself
    if np.isclose(bandwidth, 0):
        return sparse.eye_array(n_groups, format="csr")  # one group, or all in one place: none is nearer than others
    pairs = tree.sparse_distance_matrix(tree, bandwidth, output_type="ndarray")
    distance = pairs["v"] / bandwidth
    weight = 1 - 1.5 * distance + 0.5 * distance**3
    return sparse.csr_array((weight, (pairs["i"], pairs["j"])), shape=(n_groups, n_groups))


def degrees_of_freedom(sizes: np.ndarray, kernel: sparse.csr_array) -> float:
    """Degrees of freedom of the jackknife's variance of a mean over unequal groups: g - 1 of equal, distant ones.

    They are Satterthwaite's, as R. Bell and D. McCaffrey, Survey Methodology 28 (2002) 169-181, have them, where the
    samples of a group are alike and its mean is as uncertain as any other: tr(Q)^2 / tr(Q^2), Q the quadratic form of
    the variance in the means of the groups. A wide kernel leaves fewer, as the fixed-b theory of C. Bester, T. Conley,
    C. Hansen and T. Vogelsang, Econometric Theory 32 (2016) 154-186, has it.

    Args:
        sizes: (group,) number of samples of each of at least two groups.
        kernel: (group, group) weights of pairs.
    """
    # Leaving a group out changes the mean by -odds (mean of the group - mean). Q is (1 - s 1') L (1 - 1 s'), with s the
    # shares, L the kernel times the odds of both, and 1' a row of ones: its traces need no (group, group) array.
    share = sizes / sizes.sum()
    odds = sparse.diags_array(share / (1 - share))
    scaled = odds @ kernel @ odds
    rows, shared = scaled.sum(axis=1), scaled @ share
    rest = shared - (share @ share) * rows
    trace = scaled.trace() - rows @ share - rest.sum()
    squares = (scaled.data**2).sum() - 2 * rows @ (shared + rest) + (share @ rows) ** 2
    squares += rest.sum() ** 2 + 2 * rows.sum() * (share @ rest)
    return float(trace**2 / squares)
