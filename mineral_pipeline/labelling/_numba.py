"""Compiled loops of membership.

Groups of different sizes are stored one after the other, in the compressed sparse row form (CSR): group i is made of
the items ``offsets[i]`` to ``offsets[i + 1]``. Positions and normals are unit vectors.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np

from mineral_pipeline.geometry import TOLERANCE, Rings, chord, is_in_rings, is_on_earth
from mineral_pipeline.jit import njit

_fused = partial(njit, fastmath={"contract"})
"""`njit` that may add a product without rounding it first, which changes far less than the tolerance."""


class IndexLists(NamedTuple):
    """Lists of indices, one per group."""

    offsets: np.ndarray
    """(n + 1,) first index of each of n groups, and the end."""
    indices: np.ndarray
    """(k,) indices, group by group."""


class LocationScenes(NamedTuple):
    """Scenes by location."""

    offsets: np.ndarray
    """(p + 1,) first scene of each of p locations, and the end."""
    normals: np.ndarray
    """(s, v, 3) inward normals of the scenes' edges, location by location."""


class CellPoints(NamedTuple):
    """Points by grid cell."""

    offsets: np.ndarray
    """(c + 1,) first point of each of c cells, and the end."""
    vectors: np.ndarray
    """(m, 3) points, cell by cell."""
    centres: np.ndarray
    """(c, 3) centres of the cells."""
    radius: float
    """Largest distance of a point from the centre of its cell, in radians."""


class SparseRows(NamedTuple):
    """Integer weights of the points, as a sparse matrix."""

    offsets: np.ndarray
    """(m + 1,) first entry of each of m points, and the end."""
    columns: np.ndarray
    """(e,) column of each entry."""
    values: np.ndarray
    """(e,) value of each entry."""
    n_columns: int
    """Number of columns."""


@njit
def number_cells(positions: np.ndarray, row_offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the cells of a global grid that hold positions.

    Args:
        positions: (n, 2) lon/lat in degrees.
        row_offsets: (r + 1,) first cell of each of r rows of equal height from south to north, and the end.

    Returns:
        Number (n,) of the cell of each position, -1 where it is not on the Earth; the occupied cells (c,), ascending.
    """
    n_rows = len(row_offsets) - 1
    cells, number = np.full(len(positions), -1, np.int32), np.zeros(row_offsets[-1], np.int32)
    for i in range(len(positions)):
        if is_on_earth(positions[i, 0], positions[i, 1]):
            turns, height = positions[i, 0] / 360, (positions[i, 1] + 90) / 180
            row = min(int(height * n_rows), n_rows - 1)
            width = row_offsets[row + 1] - row_offsets[row]
            cells[i] = row_offsets[row] + min(int((turns - math.floor(turns)) * width), width - 1)
            number[cells[i]] = 1
    occupied = np.flatnonzero(number)
    for cell in range(len(occupied)):  # an assignment of arrays takes ten times as long to compile
        number[occupied[cell]] = cell
    for i in range(len(cells)):
        if cells[i] >= 0:
            cells[i] = number[cells[i]]
    return cells, occupied


@njit
def extents(
    scenes: LocationScenes, rows: np.ndarray, centres: np.ndarray, radii: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Measure how far the scenes of each location extend, and how much they differ.

    Args:
        scenes: s scenes by location.
        rows: (s,) row of each scene in ``centres`` and ``radii``.
        centres: (n, 3) centres of the scenes' enclosing circles.
        radii: (n,) radii of the circles in radians.

    Returns:
        Chord (p,) from the centre of a location's first scene to the farthest point of all its scenes; largest
        difference (p,) between the heights of a point above an edge of the first scene and of another one.
    """
    n_locations = len(scenes.offsets) - 1
    chords, spreads = np.zeros(n_locations), np.zeros(n_locations)
    for location in range(n_locations):
        first = scenes.offsets[location]
        for scene in range(first, scenes.offsets[location + 1]):
            drift = chord(centres[rows[first]], centres[rows[scene]])
            chords[location] = max(chords[location], drift + 2 * math.sin(radii[rows[scene]] / 2))
            for edge in range(scenes.normals.shape[1]):
                difference = chord(scenes.normals[first, edge], scenes.normals[scene, edge])
                spreads[location] = max(spreads[location], difference)
    return chords, spreads


@njit
def can_meet(
    centres: np.ndarray, cells: np.ndarray, normals: np.ndarray, scenes: np.ndarray, margins: np.ndarray
) -> np.ndarray:
    """True (k,) where the centre of a cell is inside a scene or within ``margin`` of it.

    Args:
        centres: (c, 3) centres of the cells.
        cells: (k,) cell of each pair.
        normals: (s, v, 3) inward normals of the scenes' edges.
        scenes: (k,) scene of each pair.
        margins: (k,) largest distance of each pair, in radians.
    """
    meets = np.ones(len(cells), np.bool_)
    for pair in range(len(cells)):
        centre = centres[cells[pair]]
        for normal in normals[scenes[pair]]:
            height = normal[0] * centre[0] + normal[1] * centre[1] + normal[2] * centre[2]
            meets[pair] &= height >= -margins[pair]
    return meets


@njit
def list_candidates(cells: np.ndarray, locations: IndexLists, n_locations: int) -> IndexLists:
    """List the candidate points of each location: those of its candidate cells.

    Args:
        cells: (m,) cell of each point, or -1.
        locations: locations of which each cell is a candidate.
        n_locations: number of locations.

    Returns:
        Points by location, ascending within each.
    """
    n_points = np.zeros(len(locations.offsets) - 1, np.int64)
    for cell in cells:
        if cell >= 0:
            n_points[cell] += 1
    offsets = np.zeros(n_locations + 1, np.int64)
    for cell in range(len(n_points)):
        for location in locations.indices[locations.offsets[cell] : locations.offsets[cell + 1]]:
            offsets[location + 1] += n_points[cell]
    offsets = np.cumsum(offsets)
    points, free = np.empty(offsets[-1], np.int32), offsets[:-1].copy()
    for point in range(len(cells)):
        if cells[point] >= 0:
            for k in range(locations.offsets[cells[point]], locations.offsets[cells[point] + 1]):
                points[free[locations.indices[k]]] = point
                free[locations.indices[k]] += 1
    return IndexLists(offsets, points)


@_fused
def list_members(points: np.ndarray, candidates: IndexLists, scenes: LocationScenes, members: np.ndarray) -> np.ndarray:
    """List the points inside each scene.

    Args:
        points: (m, 3) points.
        candidates: candidate points of each location.
        scenes: s scenes by location.
        members: buffer with space for every candidate of every scene. The points inside are written to its beginning,
            scene by scene, ascending within each.

    Returns:
        First member (s + 1,) of each scene in ``members``, and the end.
    """
    longest = _longest(candidates.offsets)
    x, y, z, heights = np.empty(longest), np.empty(longest), np.empty(longest), np.empty(longest)
    offsets = np.zeros(len(scenes.normals) + 1, np.int64)
    for location in range(len(candidates.offsets) - 1):
        indices = candidates.indices[candidates.offsets[location] : candidates.offsets[location + 1]]
        _gather(points, indices, x, y, z)
        for scene in range(scenes.offsets[location], scenes.offsets[location + 1]):
            _measure(x, y, z, scenes.normals[scene], heights[: len(indices)])
            offsets[scene + 1] = offsets[scene] + _keep(indices, heights, members[offsets[scene] :])
    return offsets


@njit
def drop_outside(points: np.ndarray, members: IndexLists, ring: np.ndarray, rings: Rings) -> np.ndarray:
    """Keep the members of scenes that are not convex which their rings hold.

    Args:
        points: (m, 3) points.
        members: points by scene, inside the convex polygon around it. Those that are kept are moved to the beginning.
        ring: (s,) number of each scene in ``rings``, -1 for one that is convex.
        rings: rings of scenes.

    Returns:
        First member (s + 1,) of each scene, and the end.
    """
    offsets, count = np.zeros(len(ring) + 1, np.int64), 0
    for scene in range(len(ring)):
        for k in range(members.offsets[scene], members.offsets[scene + 1]):
            members.indices[count] = members.indices[k]
            if ring[scene] < 0 or is_in_rings(points[members.indices[k]], ring[scene], rings):
                count += 1
        offsets[scene + 1] = count
    return offsets


@_fused
def sum_members(points: CellPoints, candidates: IndexLists, scenes: LocationScenes, weights: SparseRows) -> np.ndarray:
    """Add up the weights of the points inside each scene, without listing the points.

    A cell whose centre is farther than ``points.radius`` from all edges is inside or outside with all its points.

    Args:
        points: m points by cell.
        candidates: candidate cells of each location.
        scenes: s scenes by location.
        weights: weights of the m points, k columns.

    Returns:
        Sums (s, k).
    """
    radius, width = points.radius, weights.n_columns
    centres, point_offsets, vectors = points.centres, points.offsets, points.vectors
    sums = np.zeros((len(scenes.normals), width), np.int64)
    cell_sums = np.zeros((len(centres), width), np.int64)
    for cell in range(len(centres)):
        for k in range(weights.offsets[point_offsets[cell]], weights.offsets[point_offsets[cell + 1]]):
            cell_sums[cell, weights.columns[k]] += weights.values[k]
    longest = _longest(point_offsets)
    x, y, z = vectors[:, 0].copy(), vectors[:, 1].copy(), vectors[:, 2].copy()
    numbers, inside, heights = np.arange(len(vectors)), np.empty(longest, np.int64), np.empty(longest)
    for location in range(len(candidates.offsets) - 1):
        cells = candidates.indices[candidates.offsets[location] : candidates.offsets[location + 1]]
        u, v, w = centres[cells, 0], centres[cells, 1], centres[cells, 2]
        cell_heights = np.empty(len(cells))
        for scene in range(scenes.offsets[location], scenes.offsets[location + 1]):
            _measure(u, v, w, scenes.normals[scene], cell_heights)
            for i in range(len(cells)):
                first, end = point_offsets[cells[i]], point_offsets[cells[i] + 1]
                if cell_heights[i] >= radius:
                    for k in range(width):
                        sums[scene, k] += cell_sums[cells[i], k]
                elif cell_heights[i] >= -radius:
                    _measure(x[first:end], y[first:end], z[first:end], scenes.normals[scene], heights[: end - first])
                    for point in inside[: _keep(numbers[first:end], heights, inside)]:
                        for k in range(weights.offsets[point], weights.offsets[point + 1]):
                            sums[scene, weights.columns[k]] += weights.values[k]
    return sums


@njit
def sort_by_cell(cells: np.ndarray, n_cells: int) -> IndexLists:
    """List the points of each cell, from the cell (m,) of each point, or -1."""
    offsets = np.zeros(n_cells + 1, np.int64)
    for cell in cells:
        if cell >= 0:
            offsets[cell + 1] += 1
    offsets = np.cumsum(offsets)
    points, free = np.empty(offsets[-1], np.int64), offsets[:-1].copy()
    for point in range(len(cells)):
        if cells[point] >= 0:
            points[free[cells[point]]] = point
            free[cells[point]] += 1
    return IndexLists(offsets, points)


@njit
def _longest(offsets: np.ndarray) -> int:
    """Return the size of the largest group."""
    longest = 0
    for group in range(len(offsets) - 1):
        longest = max(longest, offsets[group + 1] - offsets[group])
    return longest


@njit
def _gather(points: np.ndarray, indices: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> None:
    """Write the components of the indexed points, so that loops over them run in vector registers."""
    for i in range(len(indices)):
        x[i], y[i], z[i] = points[indices[i], 0], points[indices[i], 1], points[indices[i], 2]


@_fused
def _measure(x: np.ndarray, y: np.ndarray, z: np.ndarray, normals: np.ndarray, heights: np.ndarray) -> None:
    """Write the smallest height (k,) of every point above the edges (v, 3) of a scene, four edges at a time."""
    heights[:] = np.inf
    last = len(normals) - 1
    for first in range(0, len(normals), 4):
        a, b = normals[first], normals[min(first + 1, last)]
        c, d = normals[min(first + 2, last)], normals[min(first + 3, last)]
        a0, a1, a2, b0, b1, b2 = a[0], a[1], a[2], b[0], b[1], b[2]
        c0, c1, c2, d0, d1, d2 = c[0], c[1], c[2], d[0], d[1], d[2]
        for i in range(len(heights)):
            above_a, above_b = a0 * x[i] + a1 * y[i] + a2 * z[i], b0 * x[i] + b1 * y[i] + b2 * z[i]
            above_c, above_d = c0 * x[i] + c1 * y[i] + c2 * z[i], d0 * x[i] + d1 * y[i] + d2 * z[i]
            one = above_a if above_a < above_b else above_b
            other = above_c if above_c < above_d else above_d
            lowest = one if one < other else other
            heights[i] = lowest if lowest < heights[i] else heights[i]


@njit
def _keep(indices: np.ndarray, heights: np.ndarray, kept: np.ndarray) -> int:
    """Write the indices of the points that are inside, and return their number."""
    count = 0
    for i in range(len(indices)):  # without a branch: the next index replaces that of a point outside
        kept[count] = indices[i]
        count += heights[i] >= -TOLERANCE
    return count
