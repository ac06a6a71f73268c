"""Compiled loops over the vertices of polygons on the unit sphere."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mineral_pipeline.geometry.vectors import Floats, Integers, chord
from mineral_pipeline.jit import njit

TOLERANCE = 1e-9
"""Radians (6 mm) by which a point may lie outside an edge and still count as inside: polygons are closed."""

EPSILON = float(np.finfo(float).eps)
"""Weight of an edge of length 0: small but not 0, so that a single point has a centre."""


class Rings(NamedTuple):
    """Rings of polygons in gnomonic planes, where great circles are straight lines."""

    offsets: Integers
    """(r + 1,) first edge of each of r polygons, and the end."""
    planes: Floats
    """(r, 3, 3) axes of the plane of each polygon, as `gnomonic.tangent_planes` gives them."""
    edges: Floats
    """(e, 4) ends x, y, x, y of all edges, holes' included, polygon by polygon."""


NO_RINGS = Rings(np.zeros(1, np.int64), np.empty((0, 3, 3)), np.empty((0, 4)))


@njit
def _circle(corners: Floats, centre: Floats) -> float:
    """Return the radius of a circle around the corners (v, 3) of a footprint; write its centre to ``centre`` (3,)."""
    x = y = z = 0.0
    for i in range(len(corners)):
        a, b = corners[i - 1], corners[i]
        # Edges weigh by their length, so that crowded vertices do not pull the centre.
        weight = chord(a, b) + EPSILON
        x, y, z = x + weight * (a[0] + b[0]), y + weight * (a[1] + b[1]), z + weight * (a[2] + b[2])
    length = math.sqrt(x**2 + y**2 + z**2) or 1.0
    centre[0], centre[1], centre[2] = x / length, y / length, z / length
    farthest = 0.0
    for corner in corners:
        square = (corner[0] - centre[0]) ** 2 + (corner[1] - centre[1]) ** 2 + (corner[2] - centre[2]) ** 2
        farthest = farthest if square <= farthest else square  # nan persists
    return 2 * math.asin(min(math.sqrt(farthest) / 2, 1.0))


@njit
def circles(vertices: Floats) -> tuple[Floats, Floats]:
    """Return centres (n, 3) and radii (n,) in radians of circles around footprints (n, v, 3)."""
    centres, radii = np.empty((len(vertices), 3)), np.empty(len(vertices))
    for footprint in range(len(vertices)):
        radii[footprint] = _circle(vertices[footprint], centres[footprint])
    return centres, radii


@njit
def edge_normals(vertices: Floats, centres: Floats) -> tuple[Floats, Floats, Floats]:
    """Find the great circles of the edges of footprints (n, v, 3) with centres (n, 3).

    Returns:
        Normals (n, v, 3) that point inwards, 0 where an edge is shorter than rounding errors; the lowest and the
        highest (n,) of the heights of all vertices above all edges.
    """
    count, width = vertices.shape[:2]
    normals, lowest, highest = np.empty_like(vertices), np.zeros(count), np.zeros(count)
    for n in range(count):
        corners, own, centre, total = vertices[n], normals[n], centres[n], 0.0
        for i in range(width):
            a, b, edge = corners[i], corners[i + 1 - width], own[i]
            # (b - a) x (b + a) = 2 a x b, without the cancellation of close vertices
            edge[0] = (b[1] - a[1]) * (b[2] + a[2]) - (b[2] - a[2]) * (b[1] + a[1])
            edge[1] = (b[2] - a[2]) * (b[0] + a[0]) - (b[0] - a[0]) * (b[2] + a[2])
            edge[2] = (b[0] - a[0]) * (b[1] + a[1]) - (b[1] - a[1]) * (b[0] + a[0])
            length = math.sqrt(edge[0] ** 2 + edge[1] ** 2 + edge[2] ** 2)
            for axis in range(3):  # array expressions are slower to run, and much slower to compile
                edge[axis] /= np.inf if length < 2 * TOLERANCE else length
            total += edge[0] * centre[0] + edge[1] * centre[1] + edge[2] * centre[2]
        turn = np.sign(total)
        for edge in own:
            for axis in range(3):
                edge[axis] *= turn
            for corner in corners:
                height = edge[0] * corner[0] + edge[1] * corner[1] + edge[2] * corner[2]
                lowest[n], highest[n] = min(lowest[n], height), max(highest[n], height)
    return normals, lowest, highest


@njit
def repeat_edges(normals: Floats) -> None:
    """Replace normals that are 0 in place by those of another edge of the same footprint."""
    for n in range(normals.shape[0]):
        for i in range(normals.shape[1]):
            if _is_zero(normals[n, i]):
                for k in range(normals.shape[1]):
                    if not _is_zero(normals[n, k]):
                        for axis in range(3):  # array assignment takes ten times as long to compile
                            normals[n, i, axis] = normals[n, k, axis]


@njit
def _is_zero(vector: Floats) -> bool:
    return bool(vector[0] == 0 and vector[1] == 0 and vector[2] == 0)


@njit
def is_in_rings(point: Floats, polygon: int, rings: Rings) -> bool:
    """Return whether a unit vector (3,) is inside a polygon, or on its edge, by the even-odd rule.

    A point nearer than the tolerance to an edge is on it. The distance from a great circle is that of the line in the
    plane over the lengths of the line's normal and of the point in three dimensions.
    """
    right, up, centre = rings.planes[polygon, 0], rings.planes[polygon, 1], rings.planes[polygon, 2]
    depth = centre[0] * point[0] + centre[1] * point[1] + centre[2] * point[2]
    if not depth > 0:
        return False
    x = (right[0] * point[0] + right[1] * point[1] + right[2] * point[2]) / depth
    y = (up[0] * point[0] + up[1] * point[1] + up[2] * point[2]) / depth
    near = TOLERANCE**2 * (1 + x * x + y * y)
    inside = False
    for edge in range(rings.offsets[polygon], rings.offsets[polygon + 1]):
        x1, y1, x2, y2 = rings.edges[edge]
        along_x, along_y = x2 - x1, y2 - y1
        side = along_x * (y - y1) - along_y * (x - x1)
        moment = x1 * y2 - x2 * y1
        square = along_x * along_x + along_y * along_y
        if square > 0 and side * side <= near * (square + moment * moment):
            share = along_x * (x - x1) + along_y * (y - y1)
            if 0 <= share <= square:
                return True
        if (x - x1) ** 2 + (y - y1) ** 2 <= near:
            return True
        # An edge holds its lower end and not its upper one, so that a ray through a vertex crosses once.
        if (y1 > y) != (y2 > y) and (side > 0) == (y2 > y1):
            inside = not inside
    return inside
