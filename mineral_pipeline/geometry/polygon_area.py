"""Areas of polygons on the sphere, and of the intersections of convex ones.

The spherical excess of a triangle is after A. van Oosterom and J. Strackee, The Solid Angle of a Plane Triangle, IEEE
Trans. Biomed. Eng. 30 (1983) 125-126; clipping after I. E. Sutherland and G. W. Hodgman, Reentrant Polygon Clipping,
CACM 17 (1974) 32-42.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import shapely

from mineral_pipeline.geometry.polygons import half_spaces_from_vectors
from mineral_pipeline.geometry.vectors import EARTH_RADIUS_KM, Floats, angles, dot, normalise, unit_vectors

Shapes = npt.NDArray[np.object_]
"""Arrays of shapely geometries."""

NEGLIGIBLE_KM2 = 1e-6
"""1 m2: a smaller intersection is a rounding error, so that footprints that merely touch do not intersect."""

PAIRS_PER_BLOCK = 20_000  # intersected together: about 100 MB


def areas(footprints: npt.ArrayLike) -> Floats:
    """Return the areas (n,) of footprints (n, v, 2) in km2; nan where a vertex is not on the Earth."""
    return _areas(unit_vectors(footprints))


def intersection_areas(a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """Return the areas (k,) in km2 shared by footprints (k, v, 2) and (k, w, 2), row by row; 0 where one is invalid."""
    first, second = unit_vectors(a), unit_vectors(b)
    pieces = [slice(start, start + PAIRS_PER_BLOCK) for start in range(0, len(first), PAIRS_PER_BLOCK)]
    return np.concatenate([np.zeros(0), *(_intersections(first[rows], second[rows]) for rows in pieces)])


def gnomonic_areas(shapes: Shapes) -> Floats:
    """Return the areas (n,) in km2 of polygons of a gnomonic plane, whose edges are great circles.

    Every edge spans a triangle with the centre of the plane, which counts by its spherical excess (van Oosterom and
    Strackee) with the sign of its turn.
    """

    def excess(a: Floats, b: Floats) -> Floats:
        (x1, y1), (x2, y2) = a.T, b.T
        length1, length2 = np.sqrt(1 + x1**2 + y1**2), np.sqrt(1 + x2**2 + y2**2)
        scale = (1 + length1) * (1 + length2) + x1 * x2 + y1 * y2
        return np.asarray(2 * np.arctan2(x1 * y2 - y1 * x2, scale))

    return _sum_of_edges(shapes, excess)


def lonlat_areas(shapes: Shapes) -> Floats:
    """Return the areas (n,) in km2 of polygons with straight edges in longitude and latitude (degrees).

    By Green's theorem they are the integral over longitude of the sine of the latitude along each edge (closed form).
    """

    def under(a: Floats, b: Floats) -> Floats:
        (lon1, lat1), (lon2, lat2) = np.radians(a).T, np.radians(b).T
        half = (lat2 - lat1) / 2
        return np.asarray((lon1 - lon2) * np.sin((lat1 + lat2) / 2) * np.sinc(half / np.pi))

    return _sum_of_edges(shapes, under)


def _areas(vertices: Floats) -> Floats:
    """Return the sums of the spherical excesses of the triangles of a fan around the first vertex, in km2."""
    a, b, c = vertices[:, :1], vertices[:, 1:-1], vertices[:, 2:]
    volumes = dot(a, np.cross(b - a, c - a))
    excesses = 2 * np.arctan2(volumes, 1 + dot(a, b) + dot(b, c) + dot(c, a))
    return np.asarray(np.abs(excesses.sum(axis=1)) * EARTH_RADIUS_KM**2)


def _intersections(a: Floats, b: Floats) -> Floats:
    """Return the shared areas (k,) in km2 of polygons of unit vectors (k, v, 3) and (k, w, 3)."""
    subjects, clips = half_spaces_from_vectors(a), half_spaces_from_vectors(b)
    near = angles(subjects.centres, clips.centres) <= subjects.radii + clips.radii
    pairs = np.flatnonzero(near & subjects.valid & clips.valid)
    polygons, normals = a[pairs], clips.normals[pairs]
    for edge in range(normals.shape[1]):
        polygons = _clip(polygons, normals[:, edge])
    found = _areas(polygons)
    shared = np.zeros(len(a))
    shared[pairs] = np.where(found > NEGLIGIBLE_KM2, found, 0)
    return shared


def _clip(polygons: Floats, normals: Floats) -> Floats:
    """Return the part of each convex polygon (n, v, 3) on the inner side of a great circle with normal (n, 3)."""
    heights = dot(polygons, normals[:, None])
    following, next_heights = np.roll(polygons, -1, axis=1), np.roll(heights, -1, axis=1)
    inside, crosses = heights >= 0, (heights >= 0) != (next_heights >= 0)
    # A crossing lies on the chord from one vertex to the next: between them, since both weights are positive.
    crossings = normalise(following * np.abs(heights)[..., None] + polygons * np.abs(next_heights)[..., None])
    count, width = heights.shape
    corners = np.stack([polygons, crossings], axis=2).reshape(count, 2 * width, 3)
    kept = np.stack([inside, crosses], axis=2).reshape(count, 2 * width)
    counts = kept.sum(axis=1)
    # Kept corners come first; rows with fewer repeat their last one, and one without any shrinks to a point.
    rank = np.minimum(np.arange(max(counts.max(initial=1), 1)), np.maximum(counts - 1, 0)[:, None])
    order = np.take_along_axis(np.argsort(~kept, axis=1, kind="stable"), rank, axis=1)
    return np.asarray(np.take_along_axis(corners, order[..., None], axis=1))


def _sum_of_edges(shapes: Shapes, share: Callable[[Floats, Floats], Floats]) -> Floats:
    """Sum ``share`` over the edges of every shape, exterior rings counter-clockwise and holes clockwise, in km2.

    Args:
        shapes: (n,) polygons, multipolygons, or anything else, which has no area.
        share: function from the ends (e, 2) of edges to their contributions (e,), in squared Earth radii.
    """
    parts, owner = shapely.get_parts(shapes, return_index=True)
    rings, part = shapely.get_rings(shapely.orient_polygons(parts), return_index=True)
    corners, ring = shapely.get_coordinates(rings, return_index=True)
    follows = ring[1:] == ring[:-1]
    edges = share(corners[:-1][follows], corners[1:][follows])
    total = np.bincount(owner[part[ring[1:][follows]]], weights=edges, minlength=len(shapes))
    return np.asarray(np.maximum(total, 0) * EARTH_RADIUS_KM**2)
