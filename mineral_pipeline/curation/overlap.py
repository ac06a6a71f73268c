"""Exact test of which locations overlap: every footprint is a convex polygon of great circles.

Two convex polygons are apart when an edge of one has all of the other on its outer side. This is the separating axis
theorem. It holds on the sphere within a hemisphere, because the gnomonic projection keeps great circles straight.

In this module ``location`` is an array (n,) with the number of the location of each footprint, from 0 to p - 1, each
number in use.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely
from scipy.spatial import cKDTree

from mineral_pipeline import geometry
from mineral_pipeline.curation import _numba
from mineral_pipeline.curation._numba import ConvexPolygons, Members
from mineral_pipeline.geometry import Floats, Integers
from mineral_pipeline.geometry.gnomonic import from_plane, tangent_planes, to_plane

FOOTPRINTS_PER_BLOCK = 50_000
"""Footprints whose normals are computed together: about 100 MB."""


def group_members(location: npt.ArrayLike) -> Members:
    """The footprints of each location."""
    numbers = np.asarray(location, dtype=np.int64)
    ends = np.cumsum(np.bincount(numbers))
    return Members(np.concatenate([[0], ends]), np.argsort(numbers, kind="stable"))


def convex_polygons(footprints: npt.ArrayLike) -> ConvexPolygons:
    """Convex footprints (n, v, 2) lon/lat as vectors; the normals of an invalid footprint are nan."""
    vertices = geometry.unit_vectors(footprints)
    normals = np.empty_like(vertices)
    for start in range(0, len(vertices), FOOTPRINTS_PER_BLOCK):
        rows = slice(start, start + FOOTPRINTS_PER_BLOCK)
        normals[rows] = geometry.half_spaces(np.asarray(footprints)[rows]).normals
    return ConvexPolygons(vertices, normals)


def overlapping_pairs(footprints: npt.ArrayLike, location: npt.ArrayLike) -> Integers:
    """Pairs of locations of which any two footprints have a point in common.

    Candidates come from k-d trees of the locations' enclosing circles. The hulls of all footprints of a location settle
    most of them; for the others footprints are compared one by one.

    Args:
        footprints: (n, v, 2) lon/lat, all valid.
        location: (n,) number of the location of each footprint.

    Returns:
        (k, 2) numbers of locations, the smaller one first, in ascending order.
    """
    if len(np.asarray(location)) == 0:
        return np.empty((0, 2), dtype=np.int64)
    outer = hulls(footprints, location)
    pairs = _candidate_pairs(*geometry.enclosing_circles(outer))
    members, polygons = group_members(location), convex_polygons(footprints)
    return np.asarray(pairs[_numba.locations_meet(pairs, members, polygons, convex_polygons(outer))])


def hulls(footprints: npt.ArrayLike, location: npt.ArrayLike) -> Floats:
    """Spherical convex hulls (p, w, 2) lon/lat of all footprints (n, v, 2) of each location.

    A hull with fewer vertices than others repeats its last one.
    """
    numbers = np.asarray(location, dtype=np.int64)
    order = np.argsort(numbers, kind="stable")
    vectors, numbers = geometry.unit_vectors(np.asarray(footprints)[order]), numbers[order]
    planes = location_planes(vectors, numbers)
    flat = to_plane(vectors, planes[numbers]).reshape(-1, 2)
    # The hull of a line is that of its points, and one line is cheaper to make than many points.
    lines = shapely.linestrings(flat, indices=np.repeat(numbers, vectors.shape[1]))
    corners, owner = shapely.get_coordinates(shapely.convex_hull(lines), return_index=True)
    counts = np.bincount(owner, minlength=len(planes))
    rows = (np.cumsum(counts) - counts)[:, None] + np.minimum(np.arange(counts.max()), counts[:, None] - 1)
    return geometry.lonlat(from_plane(corners[rows], planes))


def outlines(footprints: npt.ArrayLike, location: npt.ArrayLike) -> npt.NDArray[np.object_]:
    """`hulls` as polygons (p,) in lon/lat, continuous across the antimeridian."""
    corners = hulls(footprints, location)
    lon = corners[..., 0]
    lon -= 360 * np.round((lon - lon[:, :1]) / 360)
    return np.asarray(shapely.polygons(corners))


def location_planes(vectors: Floats, location: Integers) -> Floats:
    """`tangent_planes` (p, 3, 3) at the mean of the vertices (n, v, 3) of all footprints of each location."""
    centres = np.zeros((int(location.max(initial=-1)) + 1, 3))
    np.add.at(centres, location, vectors.sum(axis=1))
    return tangent_planes(centres)


def chords(angles: Floats) -> Floats:
    """Chord lengths on the unit sphere of ``angles`` in radians, enlarged by the tolerance."""
    return np.asarray(2 * np.sin(np.minimum(angles, np.pi) / 2) + geometry.TOLERANCE)


def _candidate_pairs(centres: Floats, radii: Floats) -> Integers:
    """Pairs (k, 2) of circles that meet, the smaller number first.

    There is one tree per octave of the radius, so that one huge location does not make all small ones candidates of
    each other.
    """
    octave = np.floor(np.log2(np.maximum(radii, 1e-6)))
    keys = [np.empty(0, dtype=np.int64)]
    for level in np.unique(octave):
        indexed, queries = np.flatnonzero(octave == level), np.flatnonzero(octave <= level)
        radius = chords(2 * radii[indexed].max())
        near = cKDTree(centres[queries]).sparse_distance_matrix(
            cKDTree(centres[indexed]), radius, output_type="ndarray"
        )
        pairs = np.stack([queries[near["i"]], indexed[near["j"]]], axis=1)
        lower, higher = np.sort(pairs[near["v"] <= chords(radii[pairs].sum(axis=1))], axis=1).T
        # A pair as one integer sorts quickly.
        keys.append(lower[lower < higher] * len(radii) + higher[lower < higher])
    return np.stack(np.divmod(np.unique(np.concatenate(keys)), max(len(radii), 1)), axis=1)
