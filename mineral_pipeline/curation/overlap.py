"""Which places share ground, exactly: footprints are convex polygons of great circles, and so is every test here.

Two convex polygons are apart when an edge of one has the whole other on its outer side (the separating axis theorem,
which holds on the sphere within a hemisphere, because the gnomonic projection keeps great circles straight).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import shapely
from scipy.spatial import cKDTree

from mineral_pipeline import sphere

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

PAIRS_AT_ONCE = 20_000  # of polygons to compare: about 50 MB


def neighbours(footprints: npt.ArrayLike, place: npt.ArrayLike) -> Integers:
    """Pairs of places of which any two footprints meet.

    Candidates come from a tree of the places' enclosing circles. Most are settled by the hulls of all footprints of
    the two places, or by their first footprints; the few between are compared footprint by footprint.

    Args:
        footprints: (n, v, 2) lon/lat, all valid.
        place: (n,) number of the place of each, 0 to p - 1, each number in use.

    Returns:
        (k, 2) numbers of places, the smaller one first, in ascending order.
    """
    places = np.asarray(place, dtype=np.int64)
    if len(places) == 0:
        return np.empty((0, 2), dtype=np.int64)
    chips = _Polygons(hulls(footprints, np.arange(len(places))))
    outlines = hulls(footprints, places)
    pairs = _candidates(*sphere.enclosing_circles(outlines))
    pairs = pairs[_Polygons(outlines).meet(pairs)]
    own = chips_by_place(places)
    first = np.array([chips_of_place[0] for chips_of_place in own])
    certain = chips.meet(first[pairs])
    doubtful = [chips.meet(_product(own[a], own[b])).any() for a, b in pairs[~certain]]
    certain[~certain] = np.array(doubtful, dtype=bool)
    return pairs[certain]


def chips_by_place(place: Integers) -> list[Integers]:
    """Positions of the chips of every place, for numbers of places (n,) as in `neighbours`."""
    order = np.argsort(place, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(place[order])) + 1)


def hulls(footprints: npt.ArrayLike, place: npt.ArrayLike) -> Floats:
    """Spherical convex hulls (p, w, 2) lon/lat of all footprints of every place; arguments as in `neighbours`."""
    vectors, places = sphere.unit_vectors(footprints), np.asarray(place, dtype=np.int64)
    centres = np.zeros((int(places.max(initial=-1)) + 1, 3))
    np.add.at(centres, places, vectors.sum(axis=1))
    planes = tangent_planes(centres)
    flat = to_plane(vectors, planes[places])
    order = np.argsort(places, kind="stable")
    points = shapely.multipoints(
        shapely.points(flat[order]).ravel(), indices=np.repeat(places[order], vectors.shape[1])
    )
    corners, owner = shapely.get_coordinates(shapely.convex_hull(points), return_index=True)
    counts = np.bincount(owner, minlength=len(planes))
    # Shorter hulls repeat their last corner.
    rows = (np.cumsum(counts) - counts)[:, None] + np.minimum(np.arange(counts.max()), counts[:, None] - 1)
    return sphere.lonlat(from_plane(corners[rows], planes))


def tangent_planes(centres: npt.ArrayLike) -> Floats:
    """Axes (n, 3, 3) of the planes that touch the sphere at ``centres`` (n, 3): two in the plane, then the centre."""
    up = np.asarray(centres, dtype=np.float64)
    up = up / np.linalg.norm(up, axis=-1, keepdims=True)
    # The coordinate axis farthest from the centre: no place is special, not even a pole.
    away = np.eye(3)[np.abs(up).argmin(axis=-1)]
    right = np.cross(away, up)
    right /= np.linalg.norm(right, axis=-1, keepdims=True)
    return np.stack([right, np.cross(up, right), up], axis=-2)


def to_plane(vectors: Floats, planes: Floats) -> Floats:
    """Gnomonic projection of unit vectors (n, v, 3) to (n, v, 2): great circles become straight lines."""
    local = np.einsum("nax,nvx->nva", planes, vectors)
    return np.asarray(local[..., :2] / local[..., 2:])


def from_plane(flat: Floats, planes: Floats) -> Floats:
    """Vectors (n, v, 3), not of unit length, of points (n, v, 2) in the planes of `to_plane`."""
    return np.asarray(np.einsum("nax,nva->nvx", planes, np.concatenate([flat, np.ones((*flat.shape[:2], 1))], axis=2)))


class _Polygons:
    """Convex footprints, ready to be compared."""

    def __init__(self, footprints: Floats) -> None:
        self.vertices = sphere.unit_vectors(footprints)
        self.normals = sphere.half_spaces(footprints).normals

    def meet(self, pairs: Integers) -> npt.NDArray[np.bool_]:
        """Whether polygons ``pairs`` (k, 2) have a point in common, their edges included."""
        chunks = [pairs[start : start + PAIRS_AT_ONCE] for start in range(0, len(pairs), PAIRS_AT_ONCE)]
        apart = [self._apart(a, b) | self._apart(b, a) for a, b in (chunk.T for chunk in chunks)]
        return ~np.concatenate([*apart, np.zeros(0, dtype=bool)])

    def _apart(self, a: Integers, b: Integers) -> npt.NDArray[np.bool_]:
        highest = np.matmul(self.normals[a], self.vertices[b].transpose(0, 2, 1)).max(axis=2)
        return np.asarray((highest < -sphere.TOLERANCE).any(axis=1))


def _candidates(centres: Floats, radii: Floats) -> Integers:
    """Pairs of circles that meet. One tree per octave of radius: one huge place must not pair all small ones."""
    octave = np.floor(np.log2(np.maximum(radii, 1e-6)))
    found = [np.empty((0, 2), dtype=np.int64)]
    for level in np.unique(octave):
        members, askers = np.flatnonzero(octave == level), np.flatnonzero(octave <= level)
        reach = 2 * np.sin(np.minimum(radii[askers] + radii[members].max(), np.pi) / 2) + sphere.TOLERANCE
        near = cKDTree(centres[members]).query_ball_point(centres[askers], reach)
        counts = np.fromiter(map(len, near), dtype=np.int64, count=len(near))
        partner = members[np.fromiter(_flat(near), dtype=np.int64, count=int(counts.sum()))]
        found.append(np.sort(np.stack([np.repeat(askers, counts), partner], axis=1), axis=1))
    pairs = np.unique(np.concatenate(found), axis=0)
    return pairs[pairs[:, 0] < pairs[:, 1]]


def _flat(lists: npt.NDArray[np.object_]) -> Iterator[int]:
    return (item for found in lists for item in found)


def _product(a: Integers, b: Integers) -> Integers:
    return np.stack([np.repeat(a, len(b)), np.tile(b, len(a))], axis=1)
