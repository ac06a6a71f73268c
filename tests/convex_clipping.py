"""Areas shared by convex polygons, by clipping on the sphere: an oracle for what is done in planes.

After I. E. Sutherland and G. W. Hodgman, Reentrant Polygon Clipping, CACM 17 (1974) 32-42.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mineral_pipeline.geometry import Floats, areas, half_spaces, lonlat, unit_vectors
from mineral_pipeline.geometry.vectors import angles, dot, normalise

NEGLIGIBLE_KM2 = 1e-6
"""1 m2: a smaller intersection is a rounding error, so that footprints that merely touch do not intersect."""


def intersection_areas(a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """Return the areas (k,) in km2 shared by footprints (k, v, 2) and (k, w, 2), row by row; 0 where one is invalid."""
    subjects, clips = half_spaces(a), half_spaces(b)
    near = angles(subjects.centres, clips.centres) <= subjects.radii + clips.radii
    pairs = np.flatnonzero(near & subjects.valid & clips.valid)
    polygons, normals = unit_vectors(a)[pairs], clips.normals[pairs]
    for edge in range(normals.shape[1]):
        polygons = _clip(polygons, normals[:, edge])
    found = areas(lonlat(polygons))
    shared = np.zeros(len(subjects.valid))
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
