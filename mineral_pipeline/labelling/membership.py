"""Membership of points in footprints: exact, on the sphere.

The study queries a k-d tree of deposits once per scene, for the deposits in the scene's enclosing circle. Here small
grid cells of deposits query a k-d tree of locations instead (`CandidateIndex`). Compiled loops then test deposits
against the convex polygon around each part of a footprint, and against its rings where the part is not convex; where
only sums are needed, they test whole cells against convex footprints first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from mineral_pipeline import geometry
from mineral_pipeline.errors import DataError
from mineral_pipeline.geometry import Flags, Floats, Footprints, Integers, Invalid, Points, SphericalPolygons
from mineral_pipeline.labelling import _numba
from mineral_pipeline.labelling._numba import CellPoints, IndexLists, SparseRows
from mineral_pipeline.labelling.spatial_index import CELL_RADIUS, CandidateIndex


def membership(
    footprints: Footprints | SphericalPolygons,
    points: Points,
    place: npt.ArrayLike | None = None,
    invalid: Invalid = "raise",
) -> Any:
    """Find the points inside each footprint, or on its edge. Edges are great circles from vertex to vertex.

    Args:
        footprints: (n, v, 2) lon/lat in degrees, in either winding; shorter ones repeat their last vertex. Or n shapely
            polygons and multipolygons, as an array, or as a GeoSeries or a GeoDataFrame in any reference system (WGS 84
            when it has none). They may be concave, have holes, and cross the antimeridian, by continuous longitudes or
            in parts. A point inside or between two parts counts once.
        points: (m, 2) lon/lat in degrees, or a GeoSeries or a GeoDataFrame in any reference system; a point that is not
            on the Earth (nan, latitude beyond 90) is in none.
        place: (n,) number of each footprint's location, such as path/row; only the speed depends on it.
        invalid: ``"raise"`` refuses footprints that are no polygon (fewer than three distinct vertices, crossing
            themselves, not finite, as wide as a hemisphere); ``"warn"`` names them in a warning, and they contain
            nothing. `SphericalPolygons` are taken as they are: those in their ``errors`` contain nothing.

    Returns:
        Sparse ``csr_array`` (n, m) int8, 1 where the point is inside, with sorted indices.

    Raises:
        DataError: the shapes of the arguments do not match, or a footprint is no polygon; the message names the rows.
    """
    polygons, positions, keys = _validated(footprints, points, place, invalid)
    return _list_inside(polygons, np.ones(len(polygons.owner), dtype=bool), positions, keys)


def sum_inside(
    footprints: Footprints | SphericalPolygons,
    points: Points,
    weights: Any,
    place: npt.ArrayLike | None = None,
    invalid: Invalid = "raise",
) -> Integers:
    """Add up the weights of the points inside each footprint: the product of `membership` and ``weights``.

    The membership itself is computed only for footprints that are not convex.

    Args:
        footprints: as for `membership`.
        points: as for `membership`.
        weights: sparse (m, k) integers, such as 1 where a deposit holds a commodity.
        place: as for `membership`.
        invalid: as for `membership`.

    Returns:
        Sums (n, k).

    Raises:
        DataError: as for `membership`, or there is no row of weights for each point.
    """
    polygons, positions, keys = _validated(footprints, points, place, invalid)
    sparse = csr_array(weights, dtype=np.int64)
    if sparse.shape[0] != len(positions):
        raise DataError(f"weights must have a row for each of {len(positions)} points, not {sparse.shape[0]}")
    sums = np.zeros((polygons.count, sparse.shape[1]), dtype=np.int64)
    if not (polygons.count and len(positions)):
        return sums  # nothing is compiled to learn the types of an empty partition
    single = polygons.is_single
    if not single.all():
        sums += (_list_inside(polygons, ~single, positions, keys).astype(np.int64) @ sparse).toarray()
    index = CandidateIndex.build(polygons.keep(single), positions, keys)
    point_offsets, order = _numba.sort_by_cell(index.cells, len(index.cell_centres))
    vectors = geometry.unit_vectors(positions.take(order, axis=0))
    by_location, by_cell = index.candidates.tocsc(), sparse[order]
    sums[polygons.owner[index.rows]] += _numba.sum_members(
        CellPoints(point_offsets, vectors, index.cell_centres, CELL_RADIUS),
        IndexLists(by_location.indptr, by_location.indices),
        index.scenes,
        SparseRows(by_cell.indptr, by_cell.indices, by_cell.data, by_cell.shape[1]),
    )
    return sums


def _list_inside(polygons: SphericalPolygons, parts: Flags, positions: Floats, keys: npt.ArrayLike | None) -> Any:
    """Membership (n, m) of points in some parts of the footprints.

    Args:
        polygons: n footprints of p parts.
        parts: (p,) parts that count.
        positions: (m, 2) lon/lat of the points.
        keys: (p,) number of each part's location; None to group parts by their centres.
    """
    index = CandidateIndex.build(polygons.keep(parts), positions, keys)
    cell_locations = IndexLists(index.candidates.indptr, index.candidates.indices)
    candidates = _numba.list_candidates(index.cells, cell_locations, index.candidates.shape[1])
    # Space for all members that there can be: pages of memory that are not written are not allocated.
    buffer_size = np.diff(candidates.offsets) @ np.diff(index.scenes.offsets)
    buffer = np.empty(buffer_size, dtype=candidates.indices.dtype)
    vectors = geometry.unit_vectors(positions)
    offsets = _numba.list_members(vectors, candidates, index.scenes, buffer)
    ring = polygons.ring[index.rows]
    if (ring >= 0).any():
        offsets = _numba.drop_outside(vectors, IndexLists(offsets, buffer), ring, polygons.rings)
    members = buffer[: offsets[-1]]
    index_type = np.result_type(members, np.min_scalar_type(-len(members)))
    ones = np.ones(len(members), dtype=np.int8)
    shape = (len(index.rows), len(positions))
    arrays = (ones, members.astype(index_type, copy=False), offsets.astype(index_type))
    return _unite_rows(csr_array(arrays, shape=shape), polygons.owner[index.rows], polygons.count)


def _unite_rows(found: Any, rows: npt.NDArray[np.integer[Any]], count: int) -> Any:
    """Return a sparse array with ``count`` rows, of which each is the union of those of ``found`` that belong to it."""
    if np.array_equal(rows, np.arange(count)):
        pass
    elif len(np.unique(rows)) < len(rows):
        selected = csr_array((np.ones(len(rows), np.int32), (rows, np.arange(len(rows)))), shape=(count, len(rows)))
        found = selected @ found
        found.sort_indices()
        found.data = np.ones(len(found.indices), dtype=np.int8)
    else:
        order = np.full(count, len(rows))
        order[rows] = np.arange(len(rows))
        found.resize(len(rows) + 1, found.shape[1])  # one more row, which is empty
        found = found[order]
    found.has_sorted_indices = True
    return found


def _validated(
    footprints: Footprints | SphericalPolygons, points: Points, place: npt.ArrayLike | None, invalid: Invalid
) -> tuple[SphericalPolygons, Floats, npt.NDArray[Any] | None]:
    """Return footprints, positions (m, 2), and the number of the location of each part of the footprints."""
    polygons, positions = geometry.checked(footprints, invalid), geometry.to_positions(points)
    if place is None:
        return polygons, positions, None
    if np.shape(place) != (polygons.count,):
        raise DataError(f"place must be one number for each of {polygons.count} footprints, not {np.shape(place)}")
    return polygons, positions, np.asarray(place)[polygons.owner]
