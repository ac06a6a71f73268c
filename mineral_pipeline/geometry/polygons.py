"""Polygons on the unit sphere, whose edges are great circles, and the circles that enclose them.

A footprint is a convex polygon: the intersection of half-spaces through the Earth's centre. Arrays of footprints are
(n, v, 2) longitude and latitude in degrees. Shorter polygons repeat their last vertex; both windings are understood.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from mineral_pipeline.geometry.vectors import Flags, Floats, chord, normalised, unit_vectors
from mineral_pipeline.jit import njit

TOLERANCE = 1e-9
"""Radians (6 mm) by which a point may lie outside an edge and still count: polygons are closed."""

CONCAVITY = 1e-2
"""Share of its thickness by which a footprint may be dented; its convex hull is meant then.

A straight edge of a map projection bends on the sphere, by up to some hundred metres along a scene, so that a
vertex halfway along it may lie inside the great circle of its neighbours."""

ROUNDING = 1e-12
"""Radians that arithmetic may lose."""

SMALLEST = float(np.finfo(float).eps)
"""Next to nothing, but not nothing."""


@dataclass(frozen=True)
class HalfSpaces:
    """Convex footprints as half-spaces: a vector is inside when it is on the inner side of every edge."""

    normals: Floats
    """(n, v, 3) unit vectors that point inwards; an edge without length repeats another; nan if invalid."""
    valid: Flags
    """(n,) convex polygons: finite, three distinct vertices, no bow tie, no dart, within a hemisphere."""
    centres: Floats
    """(n, 3) unit vectors, centres of the enclosing circles."""
    radii: Floats
    """(n,) radians, radii of the enclosing circles."""


def half_spaces(footprints: npt.ArrayLike) -> HalfSpaces:
    """The half-spaces of footprints (n, v, 2); see `HalfSpaces` for which are valid."""
    return half_spaces_of_vectors(unit_vectors(footprints))


def enclosing_circles(footprints: npt.ArrayLike) -> tuple[Floats, Floats]:
    """A circle around each of the footprints (n, v, 2).

    Returns:
        Centres (n, 3), the mean of the outline; radii (n,) in radians, to the vertex farthest from it. nan
        where a vertex is not on the Earth.
    """
    return _circles(unit_vectors(footprints))


def half_spaces_of_vectors(vertices: Floats) -> HalfSpaces:
    centres, radii = _circles(vertices)
    normals, turns, lowest, highest = _edges(vertices, centres)
    # Comparisons with nan are false: what is not finite is not valid.
    valid = (lowest >= -CONCAVITY * highest) & (highest > 10 * TOLERANCE) & (radii < np.pi / 2)
    dented = np.flatnonzero(valid & (lowest < -ROUNDING))
    normals[dented] = _hull(vertices[dented], turns[dented, None, None])
    normals[~valid] = np.nan
    _repeat_edges(normals)
    return HalfSpaces(normals, valid, centres, radii)


@njit
def _circle(corners: Floats, centre: Floats) -> float:
    """The radius of a circle around the corners (v, 3) of a footprint, whose centre (3,) is written."""
    x = y = z = 0.0
    for i in range(len(corners)):
        a, b = corners[i - 1], corners[i]
        # Edges weigh by their length: crowded vertices do not pull. A single point still has a centre.
        weight = chord(a, b) + SMALLEST
        x, y, z = x + weight * (a[0] + b[0]), y + weight * (a[1] + b[1]), z + weight * (a[2] + b[2])
    length = math.sqrt(x**2 + y**2 + z**2) or 1.0
    centre[0], centre[1], centre[2] = x / length, y / length, z / length
    farthest = 0.0
    for corner in corners:
        square = (corner[0] - centre[0]) ** 2 + (corner[1] - centre[1]) ** 2 + (corner[2] - centre[2]) ** 2
        farthest = farthest if square <= farthest else square  # nan stays
    return 2 * math.asin(min(math.sqrt(farthest) / 2, 1.0))


@njit
def _circles(vertices: Floats) -> tuple[Floats, Floats]:
    """Centres (n, 3) and radii (n,) of circles around footprints (n, v, 3)."""
    centres, radii = np.empty((len(vertices), 3)), np.empty(len(vertices))
    for footprint in range(len(vertices)):
        radii[footprint] = _circle(vertices[footprint], centres[footprint])
    return centres, radii


@njit
def _edges(vertices: Floats, centres: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """The edges of footprints (n, v, 3) around centres (n, 3).

    Returns:
        Normals (n, v, 3) that point inwards, 0 where an edge is shorter than rounding can tell; signs (n,) of the
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
            for axis in range(3):  # an operation on arrays takes longer, and much longer to compile
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
def _repeat_edges(normals: Floats) -> None:
    """Write another edge of the same footprint over those that are 0."""
    for n in range(normals.shape[0]):
        for i in range(normals.shape[1]):
            if _is_zero(normals[n, i]):
                for k in range(normals.shape[1]):
                    if not _is_zero(normals[n, k]):
                        for axis in range(3):  # an assignment of arrays takes ten times as long to compile
                            normals[n, i, axis] = normals[n, k, axis]


@njit
def _is_zero(vector: Floats) -> bool:
    return bool(vector[0] == 0 and vector[1] == 0 and vector[2] == 0)


def _hull(vertices: Floats, turns: Floats) -> Floats:
    """Normals (n, v, 3) of the convex hulls; 0 for the vertices within.

    A hull's edge leads from a vertex to that other one from which all vertices are on the inner side.
    """
    start, end = vertices[:, :, None], vertices[:, None]
    chords = normalised(np.cross(end - start, end + start)) * turns[..., None]
    heights = np.einsum("nijx,nvx->nijv", chords, vertices).min(axis=3, initial=np.inf)
    heights[~chords.any(axis=3)] = -np.inf
    best = heights.argmax(axis=2)[..., None]
    normals = np.take_along_axis(chords, best[..., None], axis=2)[:, :, 0]
    return np.where(np.take_along_axis(heights, best, axis=2) >= -ROUNDING, normals, 0)


def vertex_array(polygons: npt.ArrayLike) -> Floats:
    """Vertices (n, v, 2) of polygons (n,) of shapely, in their coordinates.

    Shorter polygons repeat their last vertex; absent ones are nan.
    """
    rings = shapely.get_exterior_ring(np.asarray(polygons))
    vertices, owner = shapely.get_coordinates(rings, return_index=True)
    counts = np.bincount(owner, minlength=len(rings))
    last = np.maximum(counts - 2, 0)  # a ring ends where it begins
    column = np.minimum(np.arange(last.max(initial=0) + 1), last[:, None])
    vertices = np.vstack([vertices, np.full((1, 2), np.nan)])
    first = np.cumsum(counts)[:, None] - counts[:, None]
    return vertices[np.where(counts[:, None] > 0, first + column, -1)]
