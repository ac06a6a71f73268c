"""Which deposits lie inside which footprint, exactly, on the sphere.

The study asks a tree of deposits, scene by scene, for those in the scene's enclosing circle. Here the question is
turned round (`Reach`): small cells of deposits ask a tree of places which can reach them. Compiled loops then decide
deposit against scene; or, where only numbers are wanted, cell against scene first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from mineral_pipeline import geometry
from mineral_pipeline.errors import DataError
from mineral_pipeline.geometry import Floats
from mineral_pipeline.labelling import _numba
from mineral_pipeline.labelling.spatial_index import CELL_RADIUS, CandidateIndex


def membership(footprints: npt.ArrayLike, points: npt.ArrayLike, place: npt.ArrayLike | None = None) -> Any:
    """Find the points inside each footprint: on the inner side of every great-circle edge, or on it.

    Args:
        footprints: (n, v, 2) lon/lat in degrees, convex, in either winding; shorter ones repeat their last
            vertex. What is no such polygon (`sphere.HalfSpaces.valid`) holds nothing.
        points: (m, 2) lon/lat in degrees; what is not on the Earth (nan, latitude beyond 90) lies nowhere.
        place: (n,) a number that neighbouring scenes share, such as path/row; only the speed depends on it.

    Returns:
        Sparse ``csr_array`` (n, m) int8, 1 where the point lies inside, with sorted indices.

    Raises:
        DataError: shapes that do not fit.
    """
    outlines, positions = _checked(footprints, points, place)
    reach = CandidateIndex.of(geometry.half_spaces(outlines), positions, place)
    starts, near = _numba.list_near(reach.cells, reach.near.indptr, reach.near.indices, reach.near.shape[1])
    # Room for all that could be inside; what is not written takes no memory.
    room = np.empty(np.diff(starts) @ np.diff(reach.visits), dtype=near.dtype)
    ends = _numba.list_members(geometry.unit_vectors(positions), starts, near, reach.visits, reach.normals, room)
    members = room[: ends[-1]]
    index = np.result_type(members, np.min_scalar_type(-len(members)))
    ones = np.ones(len(members), dtype=np.int8)
    shape = (len(reach.scenes), len(positions))
    found = csr_array((ones, members.astype(index, copy=False), ends.astype(index)), shape=shape)
    if not np.array_equal(reach.scenes, np.arange(len(outlines))):  # back into their order, and with the invalid ones
        rows = np.full(len(outlines), len(reach.scenes))
        rows[reach.scenes] = np.arange(len(reach.scenes))
        found.resize(len(reach.scenes) + 1, len(positions))  # one more row, without members
        found = found[rows]
    found.has_sorted_indices = True
    return found


def sum_inside(
    footprints: npt.ArrayLike, points: npt.ArrayLike, weights: Any, place: npt.ArrayLike | None = None
) -> npt.NDArray[np.int64]:
    """Add up the weights of the points inside each footprint: `membership` times ``weights``, without the membership.

    Args:
        footprints: as for `membership`.
        points: as for `membership`.
        weights: sparse (m, k) integers, such as 1 where a deposit holds a commodity.
        place: as for `membership`.

    Returns:
        Sums (n, k).

    Raises:
        DataError: shapes that do not fit.
    """
    outlines, positions = _checked(footprints, points, place)
    sparse = csr_array(weights, dtype=np.int64)
    if sparse.shape[0] != len(positions):
        raise DataError(f"weights must have a row for each of {len(positions)} points, not {sparse.shape[0]}")
    reach = CandidateIndex.of(geometry.half_spaces(outlines), positions, place)
    crowds, order = _numba.sort_by_cell(reach.cells, len(reach.middles))
    near, own = reach.near.tocsc(), sparse[order]
    sums = np.zeros((len(outlines), sparse.shape[1]), dtype=np.int64)
    sums[reach.scenes] = _numba.sum_members(
        geometry.unit_vectors(positions.take(order, axis=0)), crowds, reach.middles, CELL_RADIUS, near.indptr, near.indices,
        reach.visits, reach.normals, own.indptr, own.indices, own.data, own.shape[1],
    )  # fmt: skip
    return sums


def _checked(footprints: npt.ArrayLike, points: npt.ArrayLike, place: npt.ArrayLike | None) -> tuple[Floats, Floats]:
    outlines, positions = np.asarray(footprints, dtype=np.float64), np.asarray(points, dtype=np.float64)
    outlines = outlines if outlines.size else np.full((len(outlines), 1, 2), np.nan)
    positions = positions if positions.size else np.empty((0, 2))
    if outlines.ndim != 3 or outlines.shape[2] != 2:
        raise DataError(f"footprints must be (n, v, 2) lon/lat, not {outlines.shape}")
    if positions.ndim != 2 or positions.shape[1] != 2:
        raise DataError(f"points must be (m, 2) lon/lat, not {positions.shape}")
    if place is not None and np.shape(place) != (len(outlines),):
        raise DataError(f"place must be one number for each of {len(outlines)} footprints, not {np.shape(place)}")
    return outlines, positions
