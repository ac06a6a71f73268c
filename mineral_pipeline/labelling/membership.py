"""Membership of points in footprints: exact, on the sphere.

The study queries a k-d tree of deposits once per scene, for the deposits in the scene's enclosing circle. Here small
grid cells of deposits query a k-d tree of locations instead (`CandidateIndex`). Compiled loops then test deposits
against scenes; where only sums are needed, they test whole cells against scenes first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from mineral_pipeline import geometry
from mineral_pipeline.errors import DataError
from mineral_pipeline.geometry import Floats, Integers
from mineral_pipeline.labelling import _numba
from mineral_pipeline.labelling._numba import CellPoints, IndexLists, SparseRows
from mineral_pipeline.labelling.spatial_index import CELL_RADIUS, CandidateIndex


def membership(footprints: npt.ArrayLike, points: npt.ArrayLike, place: npt.ArrayLike | None = None) -> Any:
    """Find the points inside each footprint: on the inner side of every great-circle edge, or on it.

    Args:
        footprints: (n, v, 2) lon/lat in degrees, convex, in either winding; shorter ones repeat their last
            vertex. A footprint that is not such a polygon (`HalfSpaces.valid`) contains no points.
        points: (m, 2) lon/lat in degrees; a point that is not on the Earth (nan, latitude beyond 90) is in none.
        place: (n,) number of each footprint's location, such as path/row; only the speed depends on it.

    Returns:
        Sparse ``csr_array`` (n, m) int8, 1 where the point is inside, with sorted indices.

    Raises:
        DataError: the shapes of the arguments do not match.
    """
    outlines, positions = _validated(footprints, points, place)
    index = CandidateIndex.build(geometry.half_spaces(outlines), positions, place)
    cell_locations = IndexLists(index.candidates.indptr, index.candidates.indices)
    candidates = _numba.list_candidates(index.cells, cell_locations, index.candidates.shape[1])
    # Space for all members that there can be: pages of memory that are not written are not allocated.
    buffer_size = np.diff(candidates.offsets) @ np.diff(index.scenes.offsets)
    buffer = np.empty(buffer_size, dtype=candidates.indices.dtype)
    offsets = _numba.list_members(geometry.unit_vectors(positions), candidates, index.scenes, buffer)
    members = buffer[: offsets[-1]]
    index_type = np.result_type(members, np.min_scalar_type(-len(members)))
    ones = np.ones(len(members), dtype=np.int8)
    shape = (len(index.rows), len(positions))
    arrays = (ones, members.astype(index_type, copy=False), offsets.astype(index_type))
    return _restore_rows(csr_array(arrays, shape=shape), index.rows, len(outlines))


def _restore_rows(found: Any, rows: npt.NDArray[np.integer[Any]], count: int) -> Any:
    """Return a sparse array with ``count`` rows, those of ``found`` at ``rows`` and all others empty."""
    if not np.array_equal(rows, np.arange(count)):
        order = np.full(count, len(rows))
        order[rows] = np.arange(len(rows))
        found.resize(len(rows) + 1, found.shape[1])  # one more row, which is empty
        found = found[order]
    found.has_sorted_indices = True
    return found


def sum_inside(
    footprints: npt.ArrayLike, points: npt.ArrayLike, weights: Any, place: npt.ArrayLike | None = None
) -> Integers:
    """Add up the weights of the points inside each footprint: the product of `membership` and ``weights``.

    The membership itself is not computed.

    Args:
        footprints: as for `membership`.
        points: as for `membership`.
        weights: sparse (m, k) integers, such as 1 where a deposit holds a commodity.
        place: as for `membership`.

    Returns:
        Sums (n, k).

    Raises:
        DataError: the shapes of the arguments do not match.
    """
    outlines, positions = _validated(footprints, points, place)
    sparse = csr_array(weights, dtype=np.int64)
    if sparse.shape[0] != len(positions):
        raise DataError(f"weights must have a row for each of {len(positions)} points, not {sparse.shape[0]}")
    index = CandidateIndex.build(geometry.half_spaces(outlines), positions, place)
    point_offsets, order = _numba.sort_by_cell(index.cells, len(index.cell_centres))
    vectors = geometry.unit_vectors(positions.take(order, axis=0))
    by_location, by_cell = index.candidates.tocsc(), sparse[order]
    sums = np.zeros((len(outlines), sparse.shape[1]), dtype=np.int64)
    sums[index.rows] = _numba.sum_members(
        CellPoints(point_offsets, vectors, index.cell_centres, CELL_RADIUS),
        IndexLists(by_location.indptr, by_location.indices),
        index.scenes,
        SparseRows(by_cell.indptr, by_cell.indices, by_cell.data, by_cell.shape[1]),
    )
    return sums


def _validated(footprints: npt.ArrayLike, points: npt.ArrayLike, place: npt.ArrayLike | None) -> tuple[Floats, Floats]:
    """Return footprints (n, v, 2) and points (m, 2) as arrays whose shapes match."""
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
