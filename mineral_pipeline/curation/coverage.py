"""The ground that locations cover, and how much of it lies under the footprints of other locations.

Each location is worked on in the gnomonic plane that touches the Earth at its centre. There great circles are straight
lines, so that unions and intersections of footprints are those of plane polygons. The ground of another location is
projected from its own plane vertex by vertex. Areas are those of the sphere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from mineral_pipeline import geometry
from mineral_pipeline.errors import DataError
from mineral_pipeline.geometry import Flags, Floats, Integers, Shapes, gnomonic, polygon_area

MIN_DEPTH = 0.1
"""Smallest component of a vertex along the axis of a plane that shows it: 84 degrees from the centre."""


@dataclass(frozen=True)
class Coverage:
    """The ground that each location covers."""

    planes: Floats
    """(p, 3, 3) axes of the plane of each location, as `gnomonic.tangent_planes` gives them."""
    shapes: Shapes
    """(p,) union of the footprints of each location, in its plane."""

    @classmethod
    def of(cls, footprints: Shapes, location: Integers) -> Coverage:
        """Unite footprints by location.

        Args:
            footprints: (n,) shapely polygons and multipolygons in lon/lat.
            location: (n,) numbers as in `overlap`.

        Raises:
            DataError: a location is nearly as wide as a hemisphere, so that no plane shows it.
        """
        planes, drawn, numbers = draw(footprints, location)
        return cls(planes, _unions(shapely.make_valid(drawn), numbers, len(planes)))

    def areas(self) -> Floats:
        """Area (p,) of the ground of each location in km2; ground under several footprints counts once."""
        return polygon_area.gnomonic_areas(self.shapes)

    def shared_areas(self, pairs: Integers) -> Floats:
        """Area (p,) in km2 of the ground of each location that other locations cover too.

        Args:
            pairs: (k, 2) numbers of a location and of one that may cover its ground.
        """
        pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
        locations, number = np.unique(pairs[:, 0], return_inverse=True)
        others = _unions(self._project_others(pairs), number, len(locations))
        shared = np.zeros(len(self.shapes))
        shared[locations] = polygon_area.gnomonic_areas(shapely.intersection(self.shapes[locations], others))
        return shared

    def touch(self, pairs: Integers) -> Flags:
        """Whether the grounds of pairs (k, 2) of locations have a point in common, up to the tolerance."""
        return np.asarray(shapely.dwithin(self.shapes[pairs[:, 0]], self._project_others(pairs), geometry.TOLERANCE))

    def _project_others(self, pairs: Integers) -> Shapes:
        """The ground of the second location of each pair in the plane of the first."""
        first, second = pairs.T
        shapes = self.shapes[second].copy()
        corners, owner = shapely.get_coordinates(shapes, return_index=True)
        vectors = gnomonic.from_plane(corners[:, None], self.planes[second[owner]])[:, 0]
        projected = _project(vectors, self.planes[first[owner]])
        return np.asarray(shapely.make_valid(shapely.set_coordinates(shapes, projected)))


def draw(footprints: Shapes, location: Integers) -> tuple[Floats, Shapes, Integers]:
    """Draw footprints in the planes that touch the Earth at the middle of their locations.

    Args:
        footprints: (n,) shapely polygons and multipolygons in lon/lat.
        location: (n,) numbers as in `overlap`.

    Returns:
        Axes (p, 3, 3) of the planes; the footprints (n,) in them, by location; the ascending numbers (n,) of these.

    Raises:
        DataError: a location is nearly as wide as a hemisphere, so that no plane shows it.
    """
    order = np.argsort(location, kind="stable")
    shapes, numbers = footprints[order], location[order]
    corners, owner = shapely.get_coordinates(shapes, return_index=True)
    vectors, number = geometry.unit_vectors(corners), numbers[owner]
    firsts = np.searchsorted(number, np.arange(numbers.max(initial=-1) + 1))
    planes = gnomonic.tangent_planes(np.add.reduceat(vectors, firsts))
    return planes, shapely.set_coordinates(shapes.copy(), _project(vectors, planes[number])), numbers


def _project(vectors: Floats, planes: Floats) -> Floats:
    """Project vectors (k, 3), each onto its plane (k, 3, 3), to (k, 2)."""
    depth = np.einsum("kx,kx->k", planes[:, 2], vectors) / np.linalg.norm(vectors, axis=1)
    if (depth < MIN_DEPTH).any():
        raise DataError("a location and one that it overlaps are nearly as wide as a hemisphere: cut its footprints")
    return gnomonic.to_plane(vectors[:, None], planes)[:, 0]


def collect(shapes: Shapes, group: Integers, groups: int) -> Shapes:
    """Collections (groups,) of the shapes of each group, whose numbers ascend."""
    collections = np.empty(groups, dtype=object)
    shapely.geometrycollections(shapes, indices=group, out=collections)
    return collections


def _unions(shapes: Shapes, group: Integers, groups: int) -> Shapes:
    """Unions (groups,) of the shapes of each group, whose numbers ascend."""
    return np.asarray(shapely.union_all(collect(shapes, group, groups)[:, None], axis=1))
