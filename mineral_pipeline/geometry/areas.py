"""Areas of polygons on the sphere, and of what they share.

The excess of a triangle is after A. van Oosterom and J. Strackee, The Solid Angle of a Plane Triangle, IEEE Trans.
Biomed. Eng. 30 (1983) 125-126; clipping after I. E. Sutherland and G. W. Hodgman, Reentrant Polygon Clipping, CACM 17
(1974) 32-42.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mineral_pipeline.geometry.polygons import half_spaces_of_vectors
from mineral_pipeline.geometry.vectors import EARTH_RADIUS_KM, Floats, angles, dot, normalised, unit_vectors

NEGLIGIBLE_KM2 = 1e-6
"""1 m2: an intersection below is rounding, so that what merely touches does not intersect."""

BLOCK = 20_000  # of footprints to intersect: about 100 MB


def areas(footprints: npt.ArrayLike) -> Floats:
    """Areas (n,) of footprints (n, v, 2) in km2; nan where a vertex is not on the Earth."""
    return _areas(unit_vectors(footprints))


def intersection_areas(a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """Areas (k,) in km2 shared by footprints ``a`` (k, v, 2) and ``b`` (k, w, 2) row by row; 0 if invalid."""
    first, second = unit_vectors(a), unit_vectors(b)
    pieces = [slice(start, start + BLOCK) for start in range(0, len(first), BLOCK)]
    return np.concatenate([np.zeros(0), *(_intersections(first[rows], second[rows]) for rows in pieces)])


def _areas(vertices: Floats) -> Floats:
    """Sum of the excesses of the triangles of a fan around the first vertex."""
    a, b, c = vertices[:, :1], vertices[:, 1:-1], vertices[:, 2:]
    volumes = dot(a, np.cross(b - a, c - a))
    excesses = 2 * np.arctan2(volumes, 1 + dot(a, b) + dot(b, c) + dot(c, a))
    return np.asarray(np.abs(excesses.sum(axis=1)) * EARTH_RADIUS_KM**2)


def _intersections(a: Floats, b: Floats) -> Floats:
    subjects, clips = half_spaces_of_vectors(a), half_spaces_of_vectors(b)
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
    """The part of each convex polygon (n, v, 3) on the inner side of a great circle (n, 3)."""
    heights = dot(polygons, normals[:, None])
    following, next_heights = np.roll(polygons, -1, axis=1), np.roll(heights, -1, axis=1)
    inside, crosses = heights >= 0, (heights >= 0) != (next_heights >= 0)
    # On the chord from one vertex to the next; both weights are positive, so that it lies between them.
    crossings = normalised(following * np.abs(heights)[..., None] + polygons * np.abs(next_heights)[..., None])
    count, width = heights.shape
    corners = np.stack([polygons, crossings], axis=2).reshape(count, 2 * width, 3)
    kept = np.stack([inside, crosses], axis=2).reshape(count, 2 * width)
    counts = kept.sum(axis=1)
    # The kept corners first; rows with fewer repeat their last one, and one without any shrinks to a point.
    places = np.minimum(np.arange(max(counts.max(initial=1), 1)), np.maximum(counts - 1, 0)[:, None])
    order = np.take_along_axis(np.argsort(~kept, axis=1, kind="stable"), places, axis=1)
    return np.asarray(np.take_along_axis(corners, order[..., None], axis=1))
