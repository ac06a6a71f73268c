"""Which locations overlap, exactly, on the sphere.

Two convex polygons are apart when an edge of one has all of the other on its outer side. This is the separating axis
theorem. It holds on the sphere within a hemisphere, because the gnomonic projection keeps great circles straight. Where
the convex polygons around footprints that are not convex meet, the footprints are compared in a gnomonic plane.

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
from mineral_pipeline.curation._numba import Members, Parts
from mineral_pipeline.curation.coverage import Coverage, collect, draw
from mineral_pipeline.geometry import Floats, Footprints, Integers, Shapes, SphericalPolygons
from mineral_pipeline.geometry.gnomonic import from_plane


def group_members(location: npt.ArrayLike) -> Members:
    """The footprints, or their parts, of each location."""
    numbers = np.asarray(location, dtype=np.int64)
    ends = np.cumsum(np.bincount(numbers))
    return Members(np.concatenate([[0], ends]), np.argsort(numbers, kind="stable"))


def parts_of(polygons: SphericalPolygons) -> Parts:
    """The parts of footprints, for compiled loops."""
    return Parts(polygons.vertices, polygons.bounds.normals, polygons.ring, polygons.rings)


def overlapping_pairs(footprints: Footprints, location: npt.ArrayLike) -> Integers:
    """Pairs of locations of which any two footprints have a point in common.

    Candidates come from k-d trees of the locations' enclosing circles. The hulls of all footprints of a location settle
    most of them; for the others footprints are compared one by one.

    Args:
        footprints: n polygons in any form of `geometry.Footprints`.
        location: (n,) number of the location of each footprint.

    Returns:
        (k, 2) numbers of locations, the smaller one first, in ascending order.

    Raises:
        DataError: a footprint is no polygon.
    """
    numbers = np.asarray(location, dtype=np.int64)
    if len(numbers) == 0:
        return np.empty((0, 2), dtype=np.int64)
    polygons = geometry.checked(footprints, "raise")
    outer = hulls(footprints, numbers)
    pairs = _candidate_pairs(*geometry.enclosing_circles(outer))
    members = group_members(numbers[polygons.owner])
    meeting = _numba.locations_meet(pairs, members, parts_of(polygons), parts_of(geometry.checked(outer, "raise")))
    unsure = np.flatnonzero(meeting == _numba.UNSURE)
    if len(unsure):
        coverage = Coverage.of(geometry.to_shapes(footprints), numbers)
        meeting[unsure[~coverage.touch(pairs[unsure])]] = _numba.APART
    return np.asarray(pairs[meeting != _numba.APART])


def hulls(footprints: Footprints, location: npt.ArrayLike) -> Floats:
    """Spherical convex hulls (p, w, 2) lon/lat of all n footprints of each location.

    A hull with fewer vertices than others repeats its last one.
    """
    planes, drawn, numbers = draw(geometry.to_shapes(footprints), np.asarray(location, dtype=np.int64))
    outer = shapely.convex_hull(collect(drawn, numbers, len(planes)))
    return geometry.lonlat(from_plane(geometry.vertex_array(outer), planes))


def outlines(footprints: Footprints, location: npt.ArrayLike) -> Shapes:
    """`hulls` as polygons (p,) in lon/lat, continuous across the antimeridian."""
    corners = hulls(footprints, location)
    lon = corners[..., 0]
    lon -= 360 * np.round((lon - lon[:, :1]) / 360)
    return np.asarray(shapely.polygons(corners))


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
