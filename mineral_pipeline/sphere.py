"""Geometry on the unit sphere, where the antimeridian and the poles are nothing special.

A footprint is a convex polygon whose edges are great circles: the intersection of half-spaces through the
Earth's centre. Arrays of footprints are (n, v, 2) longitude and latitude in degrees; shorter polygons
repeat their last vertex; both windings are understood. Positions that are not finite, or with a latitude
beyond 90 degrees, lie nowhere: their vectors are nan.

The excess of a triangle is after A. van Oosterom and J. Strackee, The Solid Angle of a Plane Triangle, IEEE
Trans. Biomed. Eng. 30 (1983) 125-126; clipping after I. E. Sutherland and G. W. Hodgman, Reentrant Polygon
Clipping, CACM 17 (1974) 32-42.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of WGS 84 (IUGG)."""

TOLERANCE = 1e-9
"""Radians (6 mm) by which a point may lie outside an edge and still count: polygons are closed."""

CONCAVITY = 1e-2
"""Share of its thickness by which a footprint may be dented; its convex hull is meant then.

A straight edge of a map projection bends on the sphere, by up to some hundred metres along a scene, so that a
vertex halfway along it may lie inside the great circle of its neighbours."""

ROUNDING = 1e-12
"""Radians that arithmetic may lose."""

NEGLIGIBLE_KM2 = 1e-6
"""1 m2: an intersection below is rounding, so that what merely touches does not intersect."""

PAIRS_AT_ONCE = 20_000  # of footprints to intersect: about 100 MB


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


def unit_vectors(lonlat: npt.ArrayLike) -> Floats:
    """Unit vectors (..., 3) of positions (..., 2) in degrees; nan where a position is not on the Earth."""
    degrees = np.asarray(lonlat, dtype=np.float64)
    lon, lat = np.radians(degrees[..., 0]), np.radians(degrees[..., 1])
    on_earth = np.isfinite(lon) & (np.abs(degrees[..., 1]) <= 90)
    lon, lat = np.where(on_earth, lon, np.nan), np.where(on_earth, lat, np.nan)
    vectors = np.empty((*lon.shape, 3))
    np.multiply(np.cos(lat), np.cos(lon), out=vectors[..., 0])
    np.multiply(np.cos(lat), np.sin(lon), out=vectors[..., 1])
    np.sin(lat, out=vectors[..., 2])
    return vectors


def lonlat(vectors: npt.ArrayLike) -> Floats:
    """Positions (..., 2) in degrees, longitude in -180..180, of vectors (..., 3) of any length."""
    x, y, z = np.moveaxis(np.asarray(vectors, dtype=np.float64), -1, 0)
    return np.asarray(np.degrees(np.stack([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))], axis=-1)))


def half_spaces(footprints: npt.ArrayLike) -> HalfSpaces:
    """The half-spaces of footprints (n, v, 2); see `HalfSpaces` for which are valid."""
    return _half_spaces(unit_vectors(footprints))


def enclosing_circles(footprints: npt.ArrayLike) -> tuple[Floats, Floats]:
    """A circle around each of the footprints (n, v, 2).

    Returns:
        Centres (n, 3), the mean of the outline; radii (n,) in radians, to the vertex farthest from it. nan
        where a vertex is not on the Earth.
    """
    centres, radii = _circles(_components(unit_vectors(footprints)))
    return centres.T, radii


def areas(footprints: npt.ArrayLike) -> Floats:
    """Areas (n,) of footprints (n, v, 2) in km2; nan where a vertex is not on the Earth."""
    return _areas(unit_vectors(footprints))


def intersection_areas(a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """Areas (k,) in km2 shared by footprints ``a`` (k, v, 2) and ``b`` (k, w, 2) row by row; 0 if invalid."""
    first, second = unit_vectors(a), unit_vectors(b)
    pieces = [slice(start, start + PAIRS_AT_ONCE) for start in range(0, len(first), PAIRS_AT_ONCE)]
    return np.concatenate([np.zeros(0), *(_intersections(first[rows], second[rows]) for rows in pieces)])


def distances_km(a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """Great-circle distances in km between positions ``a`` and ``b``, (..., 2) each and broadcast."""
    return EARTH_RADIUS_KM * angles(unit_vectors(a), unit_vectors(b))


def _dot(a: Floats, b: Floats) -> Floats:
    """Inner products of vectors (..., 3), broadcast; by component, since a reduction over three is slow."""
    return np.asarray(a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2])


def _normalised(vectors: Floats) -> Floats:
    """Vectors of length 1; those without a length stay 0."""
    lengths = np.sqrt(_dot(vectors, vectors))
    lengths[lengths == 0] = 1
    return np.asarray(vectors / lengths[..., None])


def angles(a: Floats, b: Floats) -> Floats:
    """Angles between unit vectors, from the half chords: exact for small angles and for antipodes."""
    return np.asarray(2 * np.arctan2(np.sqrt(_dot(a - b, a - b)), np.sqrt(_dot(a + b, a + b))))


def _components(vertices: Floats) -> Floats:
    """Vectors (n, v, 3) as (3, v, n): a processor does many footprints at a time, but not three components."""
    return np.ascontiguousarray(vertices.transpose(2, 1, 0))


def _inner(a: Floats, b: Floats) -> Floats:
    """Inner products of vectors (3, ...), broadcast."""
    return np.asarray(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])


def _circles(corners: Floats) -> tuple[Floats, Floats]:
    """Centres (3, n) and radii (n,) of circles around footprints (3, v, n)."""
    following = np.roll(corners, -1, axis=1)
    edges = following - corners
    # Edges weigh by their length: crowded vertices do not pull. A single point still has a centre.
    sums = ((following + corners) * (np.sqrt(_inner(edges, edges)) + np.finfo(float).eps)).sum(axis=1)
    lengths = np.sqrt(_inner(sums, sums))
    lengths[lengths == 0] = 1
    centres = sums / lengths
    chords = corners - centres[:, None]
    return centres, 2 * np.arcsin(np.minimum(np.sqrt(_inner(chords, chords).max(axis=0, initial=0)) / 2, 1))


def _half_spaces(vertices: Floats) -> HalfSpaces:
    corners = _components(vertices)
    centres, radii = _circles(corners)
    normals = _edges(corners)
    turns = np.sign(_inner(normals, centres[:, None]).sum(axis=0))
    normals *= turns
    lowest, highest = _heights(normals, corners)
    # Comparisons with nan are false: what is not finite is not valid.
    valid = (lowest >= -CONCAVITY * highest) & (highest > 10 * TOLERANCE) & (radii < np.pi / 2)
    dented = np.flatnonzero(valid & (lowest < -ROUNDING))
    inwards = np.ascontiguousarray(normals.transpose(2, 1, 0))
    inwards[dented] = _hull(vertices[dented], turns[dented, None, None])
    inwards[~valid] = np.nan
    footprint, edge = np.nonzero(~inwards.any(axis=2))
    inwards[footprint, edge] = inwards[footprint, np.abs(inwards[footprint]).max(axis=2).argmax(axis=1)]
    return HalfSpaces(inwards, valid, centres.T, radii)


def _edges(corners: Floats) -> Floats:
    """Normals (3, v, n) of the edges of footprints (3, v, n); 0 where an edge is shorter than rounding can tell."""
    following = np.roll(corners, -1, axis=1)
    # (b - a) x (b + a) = 2 a x b, without the cancellation of close vertices
    (a, b, c), (d, e, f) = following - corners, following + corners
    normals = np.stack([b * f - c * e, c * d - a * f, a * e - b * d])
    lengths = np.sqrt(_inner(normals, normals))
    lengths[lengths < 2 * TOLERANCE] = np.inf
    return np.asarray(normals / lengths)


def _heights(normals: Floats, corners: Floats) -> tuple[Floats, Floats]:
    """Lowest and highest (n,) of the heights of all vertices above all edges."""
    lowest, highest = np.full(corners.shape[2], np.inf), np.zeros(corners.shape[2])
    for edge in normals.transpose(1, 0, 2):
        heights = _inner(edge[:, None], corners)
        np.minimum(lowest, heights.min(axis=0), out=lowest)
        np.maximum(highest, heights.max(axis=0), out=highest)
    return lowest, highest


def _hull(vertices: Floats, turns: Floats) -> Floats:
    """Normals (n, v, 3) of the convex hulls; 0 for the vertices within.

    A hull's edge leads from a vertex to that other one from which all vertices are on the inner side.
    """
    start, end = vertices[:, :, None], vertices[:, None]
    chords = _normalised(np.cross(end - start, end + start)) * turns[..., None]
    heights = np.einsum("nijx,nvx->nijv", chords, vertices).min(axis=3, initial=np.inf)
    heights[~chords.any(axis=3)] = -np.inf
    best = heights.argmax(axis=2)[..., None]
    normals = np.take_along_axis(chords, best[..., None], axis=2)[:, :, 0]
    return np.where(np.take_along_axis(heights, best, axis=2) >= -ROUNDING, normals, 0)


def _areas(vertices: Floats) -> Floats:
    """Sum of the excesses of the triangles of a fan around the first vertex."""
    a, b, c = vertices[:, :1], vertices[:, 1:-1], vertices[:, 2:]
    volumes = _dot(a, np.cross(b - a, c - a))
    excesses = 2 * np.arctan2(volumes, 1 + _dot(a, b) + _dot(b, c) + _dot(c, a))
    return np.asarray(np.abs(excesses.sum(axis=1)) * EARTH_RADIUS_KM**2)


def _intersections(a: Floats, b: Floats) -> Floats:
    subjects, clips = _half_spaces(a), _half_spaces(b)
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
    heights = _dot(polygons, normals[:, None])
    following, next_heights = np.roll(polygons, -1, axis=1), np.roll(heights, -1, axis=1)
    inside, crosses = heights >= 0, (heights >= 0) != (next_heights >= 0)
    # On the chord from one vertex to the next; both weights are positive, so that it lies between them.
    crossings = _normalised(following * np.abs(heights)[..., None] + polygons * np.abs(next_heights)[..., None])
    count, width = heights.shape
    corners = np.stack([polygons, crossings], axis=2).reshape(count, 2 * width, 3)
    kept = np.stack([inside, crosses], axis=2).reshape(count, 2 * width)
    counts = kept.sum(axis=1)
    # The kept corners first; rows with fewer repeat their last one, and one without any shrinks to a point.
    places = np.minimum(np.arange(max(counts.max(initial=1), 1)), np.maximum(counts - 1, 0)[:, None])
    order = np.take_along_axis(np.argsort(~kept, axis=1, kind="stable"), places, axis=1)
    return np.asarray(np.take_along_axis(corners, order[..., None], axis=1))
