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

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from mineral_pipeline.compiled import compiled

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

FARTHEST = 1e9
"""Degrees of longitude, beyond which turns cannot be told from rounding."""

SMALLEST = float(np.finfo(float).eps)
"""Next to nothing, but not nothing."""

NEGLIGIBLE_KM2 = 1e-6
"""1 m2: an intersection below is rounding, so that what merely touches does not intersect."""

AT_ONCE = 1024
"""Positions whose cosines and sines stay in the processor's cache."""

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
    return _unit_vectors(np.ascontiguousarray(degrees).reshape(-1, 2)).reshape(*degrees.shape[:-1], 3)


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
    return _circles(unit_vectors(footprints))


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


@partial(compiled, fastmath={"contract"})
def _cos_sin(degrees: Floats) -> tuple[Floats, Floats]:
    """Cosines and sines (n,) of angles (n,): of what is left of them beside quarter turns.

    The polynomials are those of S. L. Moshier, Cephes Mathematical Library, sin.c, right to the last bit or two.
    Without branches, the loop runs in vector registers, several times as fast as a library's functions.
    """
    cosines, sines = np.empty(len(degrees)), np.empty(len(degrees))
    for i in range(len(degrees)):
        quarters = np.rint(degrees[i] / 90)
        x = (degrees[i] - 90 * quarters) * (math.pi / 180)
        y = x * x
        sine = (1.58962301576546568060e-10 * y - 2.50507477628578072866e-8) * y + 2.75573136213857245213e-6
        sine = ((sine * y - 1.98412698295895385996e-4) * y + 8.33333333332211858878e-3) * y - 1.66666666666666307295e-1
        sine = x + x * y * sine
        cosine = (-1.13585365213876817300e-11 * y + 2.08757008419747316778e-9) * y - 2.75573141792967388112e-7
        cosine = ((cosine * y + 2.48015872888517045348e-5) * y - 1.38888888888730564116e-3) * y
        cosine = 1 - y / 2 + y * y * (cosine + 4.16666666666665929218e-2)
        quarter = quarters - 4 * np.floor(quarters / 4)
        is_odd = (quarter == 1) | (quarter == 3)
        across, along = (sine, cosine) if is_odd else (cosine, sine)
        cosines[i] = -across if (quarter == 1) | (quarter == 2) else across
        sines[i] = -along if quarter >= 2 else along
    return cosines, sines


@compiled
def is_on_earth(lon: float, lat: float) -> bool:
    """Whether longitude and latitude in degrees are a position."""
    return abs(lon) <= FARTHEST and abs(lat) <= 90


@compiled
def chord(a: Floats, b: Floats) -> float:
    """Distance between two vectors (3,), through the Earth."""
    return math.sqrt((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2 + (b[2] - a[2]) ** 2)


@compiled
def _unit_vectors(degrees: Floats) -> Floats:
    vectors = np.empty((len(degrees), 3))
    for start in range(0, len(degrees), AT_ONCE):
        lon, lat = degrees[start : start + AT_ONCE, 0].copy(), degrees[start : start + AT_ONCE, 1].copy()
        (cos_lon, sin_lon), (cos_lat, sin_lat) = _cos_sin(lon), _cos_sin(lat)
        for i in range(len(lon)):
            vector = vectors[start + i]
            if is_on_earth(lon[i], lat[i]):
                vector[0], vector[1], vector[2] = cos_lat[i] * cos_lon[i], cos_lat[i] * sin_lon[i], sin_lat[i]
            else:
                vector[:] = np.nan
    return vectors


@compiled
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


@compiled
def _circles(vertices: Floats) -> tuple[Floats, Floats]:
    """Centres (n, 3) and radii (n,) of circles around footprints (n, v, 3)."""
    centres, radii = np.empty((len(vertices), 3)), np.empty(len(vertices))
    for footprint in range(len(vertices)):
        radii[footprint] = _circle(vertices[footprint], centres[footprint])
    return centres, radii


def _half_spaces(vertices: Floats) -> HalfSpaces:
    centres, radii = _circles(vertices)
    normals, turns, lowest, highest = _edges(vertices, centres)
    # Comparisons with nan are false: what is not finite is not valid.
    valid = (lowest >= -CONCAVITY * highest) & (highest > 10 * TOLERANCE) & (radii < np.pi / 2)
    dented = np.flatnonzero(valid & (lowest < -ROUNDING))
    normals[dented] = _hull(vertices[dented], turns[dented, None, None])
    normals[~valid] = np.nan
    _repeat_edges(normals)
    return HalfSpaces(normals, valid, centres, radii)


@compiled
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


@compiled
def _repeat_edges(normals: Floats) -> None:
    """Write another edge of the same footprint over those that are 0."""
    for n in range(normals.shape[0]):
        for i in range(normals.shape[1]):
            if _is_zero(normals[n, i]):
                for k in range(normals.shape[1]):
                    if not _is_zero(normals[n, k]):
                        for axis in range(3):  # an assignment of arrays takes ten times as long to compile
                            normals[n, i, axis] = normals[n, k, axis]


@compiled
def _is_zero(vector: Floats) -> bool:
    return bool(vector[0] == 0 and vector[1] == 0 and vector[2] == 0)


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
