"""Which places share ground, exactly: footprints are convex polygons of great circles, and so is every test here.

Two convex polygons are apart when an edge of one has the whole other on its outer side (the separating axis theorem,
which holds on the sphere within a hemisphere, because the gnomonic projection keeps great circles straight).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from scipy.spatial import cKDTree

from mineral_pipeline import geometry
from mineral_pipeline.curation import _numba
from mineral_pipeline.geometry.gnomonic import from_plane, tangent_planes, to_plane

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

AT_ONCE = 50_000  # footprints to find the normals of: about 100 MB


@dataclass(frozen=True)
class Places:
    """The places of some footprints, whose chips lie together in ``chips``."""

    starts: Integers
    """(p + 1,) where in ``chips`` each place's chips start, and the end."""
    chips: Integers
    """(n,) positions of the footprints, place by place."""

    @classmethod
    def of(cls, place: npt.ArrayLike) -> Places:
        """From the number (n,) of the place of each footprint, 0 to p - 1, each number in use."""
        numbers = np.asarray(place, dtype=np.int64)
        ends = np.cumsum(np.bincount(numbers))
        return cls(np.concatenate([[0], ends]), np.argsort(numbers, kind="stable"))


class Polygons:
    """Convex footprints (n, v, 2) as ``vertices`` and inward ``normals`` (n, v, 3), unit vectors."""

    def __init__(self, footprints: npt.ArrayLike) -> None:
        self.vertices = geometry.unit_vectors(footprints)
        self.normals = np.empty_like(self.vertices)
        for start in range(0, len(self.vertices), AT_ONCE):
            rows = slice(start, start + AT_ONCE)
            self.normals[rows] = geometry.half_spaces(np.asarray(footprints)[rows]).normals


def neighbours(footprints: npt.ArrayLike, place: npt.ArrayLike) -> Integers:
    """Pairs of places of which any two footprints meet.

    Candidates come from a tree of the places' enclosing circles; the hulls of all footprints of a place settle most of
    the others, and what is left is compared footprint by footprint.

    Args:
        footprints: (n, v, 2) lon/lat, all valid.
        place: (n,) number of the place of each, 0 to p - 1, each number in use.

    Returns:
        (k, 2) numbers of places, the smaller one first, in ascending order.
    """
    if len(np.asarray(place)) == 0:
        return np.empty((0, 2), dtype=np.int64)
    places, outlines = Places.of(place), hulls(footprints, place)
    pairs = _candidates(*geometry.enclosing_circles(outlines))
    chips, drawn = Polygons(footprints), Polygons(outlines)
    met = _numba.places_meet(
        pairs, places.starts, places.chips, chips.vertices, chips.normals, drawn.vertices, drawn.normals
    )
    return np.asarray(pairs[met])


def hulls(footprints: npt.ArrayLike, place: npt.ArrayLike) -> Floats:
    """Spherical convex hulls (p, w, 2) lon/lat of all footprints of every place; arguments as in `neighbours`."""
    places = np.asarray(place, dtype=np.int64)
    order = np.argsort(places, kind="stable")
    vectors, places = geometry.unit_vectors(np.asarray(footprints)[order]), places[order]
    planes = planes_of_places(vectors, places)
    flat = to_plane(vectors, planes[places]).reshape(-1, 2)
    # A line has the hull of its points, and is one object where they would be many.
    lines = shapely.linestrings(flat, indices=np.repeat(places, vectors.shape[1]))
    corners, owner = shapely.get_coordinates(shapely.convex_hull(lines), return_index=True)
    counts = np.bincount(owner, minlength=len(planes))
    # Shorter hulls repeat their last corner.
    rows = (np.cumsum(counts) - counts)[:, None] + np.minimum(np.arange(counts.max()), counts[:, None] - 1)
    return geometry.lonlat(from_plane(corners[rows], planes))


def outlines(footprints: npt.ArrayLike, place: npt.ArrayLike) -> npt.NDArray[np.object_]:
    """`hulls` as polygons (p,) in longitude and latitude, continuous across the antimeridian."""
    corners = hulls(footprints, place)
    lon = corners[..., 0]
    lon -= 360 * np.round((lon - lon[:, :1]) / 360)
    return np.asarray(shapely.polygons(corners))


def planes_of_places(vectors: Floats, place: Integers) -> Floats:
    """`tangent_planes` (p, 3, 3) at the middle of all footprints (n, v, 3) of every place, numbers (n,)."""
    centres = np.zeros((int(place.max(initial=-1)) + 1, 3))
    np.add.at(centres, place, vectors.sum(axis=1))
    return tangent_planes(centres)


def _candidates(centres: Floats, radii: Floats) -> Integers:
    """Pairs of circles that meet. One tree per octave of radius: one huge place must not pair all small ones."""
    octave = np.floor(np.log2(np.maximum(radii, 1e-6)))
    found = [np.empty(0, dtype=np.int64)]
    for level in np.unique(octave):
        members, askers = np.flatnonzero(octave == level), np.flatnonzero(octave <= level)
        reach = chords(2 * radii[members].max())
        near = cKDTree(centres[askers]).sparse_distance_matrix(cKDTree(centres[members]), reach, output_type="ndarray")
        pairs = np.stack([askers[near["i"]], members[near["j"]]], axis=1)
        lower, higher = np.sort(pairs[near["v"] <= chords(radii[pairs].sum(axis=1))], axis=1).T
        found.append(lower[lower < higher] * len(radii) + higher[lower < higher])  # one number each: quick to sort
    return np.stack(np.divmod(np.unique(np.concatenate(found)), max(len(radii), 1)), axis=1)


def chords(angles: Floats) -> Floats:
    """Lengths of the chords of ``angles`` in radians, a little longer."""
    return np.asarray(2 * np.sin(np.minimum(angles, np.pi) / 2) + geometry.TOLERANCE)
