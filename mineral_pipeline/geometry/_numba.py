"""Compiled loops over the vertices of polygons on the unit sphere."""

from __future__ import annotations

import math

import numpy as np

from mineral_pipeline.geometry.vectors import Floats, chord
from mineral_pipeline.jit import njit

TOLERANCE = 1e-9
"""Radians (6 mm) by which a point may lie outside an edge and still count as inside: polygons are closed."""

EPSILON = float(np.finfo(float).eps)
"""Weight of an edge of length 0: small but not 0, so that a single point has a centre."""


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
def edge_normals(vertices: Floats, centres: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Find the great circles of the edges of footprints (n, v, 3) with centres (n, 3).

    Returns:
        Normals (n, v, 3) that point inwards, 0 where an edge is shorter than rounding errors; signs (n,) of the
        windings; the lowest and the highest (n,) of the heights of all vertices above all edges.
    """
    count, width = vertices.shape[:2]
    normals, turns, lowest, highest = np.empty_like(vertices), np.zeros(count), np.zeros(count), np.zeros(count)
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
        turns[n] = np.sign(total)
        for edge in own:
            for axis in range(3):
                edge[axis] *= turns[n]
            for corner in corners:
                height = edge[0] * corner[0] + edge[1] * corner[1] + edge[2] * corner[2]
                lowest[n], highest[n] = min(lowest[n], height), max(highest[n], height)
    return normals, turns, lowest, highest


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
