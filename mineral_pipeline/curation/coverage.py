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
from mineral_pipeline.curation import overlap
from mineral_pipeline.geometry import Floats, Integers, gnomonic, polygon_area
from mineral_pipeline.geometry.polygon_area import Shapes


@dataclass(frozen=True)
class Coverage:
    """The ground that each location covers."""

    planes: Floats
    """(p, 3, 3) axes of the plane of each location, as `gnomonic.tangent_planes` gives them."""
    shapes: Shapes
    """(p,) union of the footprints of each location, in its plane."""

    @classmethod
    def of(cls, footprints: Floats, location: Integers) -> Coverage:
        """Unite footprints (n, v, 2) lon/lat by location, numbers (n,) as in `overlap`."""
        order = np.argsort(location, kind="stable")
        vectors, numbers = geometry.unit_vectors(footprints[order]), location[order]
        planes = overlap.location_planes(vectors, numbers)
        polygons = shapely.polygons(gnomonic.to_plane(vectors, planes[numbers]))
        return cls(planes, _unions(shapely.make_valid(polygons), numbers, len(planes)))

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

    def _project_others(self, pairs: Integers) -> Shapes:
        """The ground of the second location of each pair in the plane of the first."""
        first, second = pairs.T
        shapes = self.shapes[second].copy()
        corners, owner = shapely.get_coordinates(shapes, return_index=True)
        vectors = gnomonic.from_plane(corners[:, None], self.planes[second[owner]])
        projected = gnomonic.to_plane(vectors, self.planes[first[owner]])[:, 0]
        return np.asarray(shapely.make_valid(shapely.set_coordinates(shapes, projected)))


def _unions(shapes: Shapes, group: Integers, groups: int) -> Shapes:
    """Unions (groups,) of the shapes of each group, whose numbers ascend."""
    collections = np.empty(groups, dtype=object)
    shapely.geometrycollections(shapes, indices=group, out=collections)
    return np.asarray(shapely.union_all(collections[:, None], axis=1))
