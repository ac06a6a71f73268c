"""The compiled loops of membership.

The scenes of place p are rows ``visits[p]`` to ``visits[p + 1]`` of ``normals`` (s, v, 3), the inward normals of their
edges. Points are unit vectors (m, 3).
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from mineral_pipeline.geometry import TOLERANCE, chord, is_on_earth
from mineral_pipeline.jit import njit

_fused = partial(njit, fastmath={"contract"})
"""A product may be added without being rounded: next to the tolerance that is nothing."""


@njit
def number_cells(positions: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the cells of a grid that hold positions.

    Args:
        positions: (n, 2) lon/lat in degrees.
        starts: (r + 1,) first cell of each of r rows of equal height from south to north, and the end.

    Returns:
        Number (n,) of the cell of each position, -1 for what is not on the Earth; the cells (c,), ascending.
    """
    rows = len(starts) - 1
    cells, number = np.full(len(positions), -1, np.int32), np.zeros(starts[-1], np.int32)
    for i in range(len(positions)):
        if is_on_earth(positions[i, 0], positions[i, 1]):
            turns, height = positions[i, 0] / 360, (positions[i, 1] + 90) / 180
            row = min(int(height * rows), rows - 1)
            width = starts[row + 1] - starts[row]
            cells[i] = starts[row] + min(int((turns - math.floor(turns)) * width), width - 1)
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
    scenes: np.ndarray, visits: np.ndarray, centres: np.ndarray, radii: np.ndarray, normals: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How far the scenes of each place extend, and how much they differ.

    Args:
        scenes: (s,) rows of ``centres`` and ``radii``, place by place.
        visits: see above.
        centres: (n, 3) unit vectors of the scenes' circles.
        radii: (n,) radians.
        normals: see above.

    Returns:
        Chord (p,) from the centre of a place's first scene to the farthest point of them all; most (p,) that the
        height of a point above an edge differs between the first scene and the others.
    """
    count = len(visits) - 1
    chords, spreads = np.zeros(count), np.zeros(count)
    for place in range(count):
        first = visits[place]
        for scene in range(first, visits[place + 1]):
            drift = chord(centres[scenes[first]], centres[scenes[scene]])
            chords[place] = max(chords[place], drift + 2 * math.sin(radii[scenes[scene]] / 2))
            for edge in range(normals.shape[1]):
                spreads[place] = max(spreads[place], chord(normals[first, edge], normals[scene, edge]))
    return chords, spreads


@njit
def can_meet(
    middles: np.ndarray, cells: np.ndarray, normals: np.ndarray, scenes: np.ndarray, margins: np.ndarray
) -> np.ndarray:
    """Whether the middle (c, 3) of a cell lies no farther than a margin outside of a scene, for pairs (k,) of both."""
    meets = np.ones(len(cells), np.bool_)
    for pair in range(len(cells)):
        middle = middles[cells[pair]]
        for normal in normals[scenes[pair]]:
            height = normal[0] * middle[0] + normal[1] * middle[1] + normal[2] * middle[2]
            meets[pair] &= height >= -margins[pair]
    return meets


@njit
def list_near(cells: np.ndarray, starts: np.ndarray, places: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """List the points near each place.

    Args:
        cells: (m,) cell of each point, or -1.
        starts: (c + 1,) where in ``places`` each cell's start.
        places: near each cell.
        count: of the places, p.

    Returns:
        Where each place's points start, and the end, (p + 1,); the points, ascending within each place.
    """
    crowds = np.zeros(len(starts) - 1, np.int64)
    for cell in cells:
        if cell >= 0:
            crowds[cell] += 1
    ends = np.zeros(count + 1, np.int64)
    for cell in range(len(crowds)):
        for place in places[starts[cell] : starts[cell + 1]]:
            ends[place + 1] += crowds[cell]
    ends = np.cumsum(ends)
    near, at = np.empty(ends[-1], np.int32), ends[:-1].copy()
    for point in range(len(cells)):
        if cells[point] >= 0:
            for k in range(starts[cells[point]], starts[cells[point] + 1]):
                near[at[places[k]]] = point
                at[places[k]] += 1
    return ends, near


@_fused
def list_members(
    points: np.ndarray,
    starts: np.ndarray,
    near: np.ndarray,
    visits: np.ndarray,
    normals: np.ndarray,
    members: np.ndarray,
) -> np.ndarray:
    """List the points inside each scene.

    Args:
        points: see above.
        starts: (p + 1,) where in ``near`` each place's points start.
        near: points near each place, of `list_near`.
        visits: see above.
        normals: see above.
        members: room for as many as could be; the points inside are written, ascending within each scene.

    Returns:
        Where each scene's members start, and the end, (s + 1,).
    """
    most = _longest(starts)
    x, y, z, heights = np.empty(most), np.empty(most), np.empty(most), np.empty(most)
    ends = np.zeros(len(normals) + 1, np.int64)
    for place in range(len(starts) - 1):
        names = near[starts[place] : starts[place + 1]]
        _gather(points, names, x, y, z)
        for scene in range(visits[place], visits[place + 1]):
            _measure(x, y, z, normals[scene], heights[: len(names)])
            ends[scene + 1] = ends[scene] + _keep(names, heights, members[ends[scene] :])
    return ends


@_fused
def sum_members(
    points: np.ndarray, crowds: np.ndarray, middles: np.ndarray, slack: float,
    starts: np.ndarray, near: np.ndarray, visits: np.ndarray, normals: np.ndarray,
    rows: np.ndarray, columns: np.ndarray, weights: np.ndarray, width: int,
) -> np.ndarray:  # fmt: skip
    """Add up the weights of the points inside each scene, without listing them.

    A cell whose middle is farther than ``slack`` from all edges lies inside or outside with all its points.

    Args:
        points: see above; cell by cell.
        crowds: (c + 1,) where each cell's points start, and the end.
        middles: (c, 3) of the cells.
        slack: farthest that a point lies from its cell's middle.
        starts: (p + 1,) where in ``near`` each place's cells start.
        near: the cells near each place.
        visits: see above.
        normals: see above.
        rows: (m + 1,) where in ``columns`` and ``weights`` each point's start.
        columns: of the weights.
        weights: integers.
        width: number of columns, k.

    Returns:
        Sums (s, k).
    """
    sums, totals = np.zeros((len(normals), width), np.int64), np.zeros((len(middles), width), np.int64)
    for cell in range(len(middles)):
        for k in range(rows[crowds[cell]], rows[crowds[cell + 1]]):
            totals[cell, columns[k]] += weights[k]
    x, y, z = points[:, 0].copy(), points[:, 1].copy(), points[:, 2].copy()
    numbers, inside, heights = np.arange(len(points)), np.empty(_longest(crowds), np.int64), np.empty(_longest(crowds))
    for place in range(len(starts) - 1):
        cells = near[starts[place] : starts[place + 1]]
        u, v, w = middles[cells, 0], middles[cells, 1], middles[cells, 2]
        above = np.empty(len(cells))
        for scene in range(visits[place], visits[place + 1]):
            _measure(u, v, w, normals[scene], above)
            for i in range(len(cells)):
                first, end = crowds[cells[i]], crowds[cells[i] + 1]
                if above[i] >= slack:
                    for k in range(width):
                        sums[scene, k] += totals[cells[i], k]
                elif above[i] >= -slack:
                    _measure(x[first:end], y[first:end], z[first:end], normals[scene], heights[: end - first])
                    for point in inside[: _keep(numbers[first:end], heights, inside)]:
                        for k in range(rows[point], rows[point + 1]):
                            sums[scene, columns[k]] += weights[k]
    return sums


@njit
def sort_by_cell(cells: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Sort points by the number (m,) of their cell, -1 left out.

    Returns:
        Where each of ``count`` cells' points start, and the end; the points, cell by cell.
    """
    starts = np.zeros(count + 1, np.int64)
    for cell in cells:
        if cell >= 0:
            starts[cell + 1] += 1
    starts = np.cumsum(starts)
    points, at = np.empty(starts[-1], np.int64), starts[:-1].copy()
    for point in range(len(cells)):
        if cells[point] >= 0:
            points[at[cells[point]]] = point
            at[cells[point]] += 1
    return starts, points


@njit
def _longest(starts: np.ndarray) -> int:
    """The length of the longest of the runs that begin at ``starts``, of which the last is the end."""
    longest = 0
    for run in range(len(starts) - 1):
        longest = max(longest, starts[run + 1] - starts[run])
    return longest


@njit
def _gather(points: np.ndarray, names: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> None:
    """Write points by component, so that loops over them run in vector registers."""
    for i in range(len(names)):
        x[i], y[i], z[i] = points[names[i], 0], points[names[i], 1], points[names[i], 2]


@_fused
def _measure(x: np.ndarray, y: np.ndarray, z: np.ndarray, normals: np.ndarray, heights: np.ndarray) -> None:
    """Write the least height (k,) of every point above the edges (v, 3) of a scene, four edges at a time."""
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
            least = one if one < other else other
            heights[i] = least if least < heights[i] else heights[i]


@njit
def _keep(names: np.ndarray, heights: np.ndarray, kept: np.ndarray) -> int:
    """Write the names of those that do not lie outside, and return how many they are."""
    count = 0
    for i in range(len(names)):  # without a branch: what lies outside is written over by the next
        kept[count] = names[i]
        count += heights[i] >= -TOLERANCE
    return count
