"""The ground that places cover, and how much of it lies under the footprints of other places.

Each place is worked on in the gnomonic plane that touches the Earth at its middle. There great circles are straight
lines, so that unions and intersections of footprints are those of plane polygons; a neighbour's ground comes from its
own plane by its corners. Areas are those of the sphere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from mineral_pipeline import geometry
from mineral_pipeline.curation import overlap
from mineral_pipeline.curation.overlap import Floats, Integers
from mineral_pipeline.geometry import gnomonic, polygon_area
from mineral_pipeline.geometry.polygon_area import Shapes


@dataclass(frozen=True)
class Coverage:
    """The ground of places."""

    planes: Floats
    """(p, 3, 3) axes of the plane of each place, as `gnomonic.tangent_planes` gives them."""
    shapes: Shapes
    """(p,) union of the footprints of each place, in its plane."""

    @classmethod
    def of(cls, footprints: Floats, place: Integers) -> Coverage:
        """Unite footprints (n, v, 2) by place, numbers (n,) as in `overlap.neighbours`."""
        order = np.argsort(place, kind="stable")
        vectors, places = geometry.unit_vectors(footprints[order]), place[order]
        planes = overlap.planes_of_places(vectors, places)
        drawn = shapely.polygons(gnomonic.to_plane(vectors, planes[places]))
        return cls(planes, _united(shapely.make_valid(drawn), places, len(planes)))

    def polygon_area(self) -> Floats:
        """Ground (p,) of every place in km2; what several footprints cover counts once."""
        return polygon_area.gnomonic_areas(self.shapes)

    def shared(self, pairs: Integers) -> Floats:
        """How much of the ground of every place (p,), in km2, lies under that of others.

        Args:
            pairs: (k, 2) numbers of a place and of one that may lie over it.
        """
        pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
        places, number = np.unique(pairs[:, 0], return_inverse=True)
        over = _united(self._seen_from(pairs), number, len(places))
        found = np.zeros(len(self.shapes))
        found[places] = polygon_area.gnomonic_areas(shapely.intersection(self.shapes[places], over))
        return found

    def _seen_from(self, pairs: Integers) -> Shapes:
        """The ground of the second place of each pair in the plane of the first."""
        here, there = pairs.T
        shapes = self.shapes[there].copy()
        corners, owner = shapely.get_coordinates(shapes, return_index=True)
        vectors = gnomonic.from_plane(corners[:, None], self.planes[there[owner]])
        moved = gnomonic.to_plane(vectors, self.planes[here[owner]])[:, 0]
        return np.asarray(shapely.make_valid(shapely.set_coordinates(shapes, moved)))


def _united(shapes: Shapes, group: Integers, groups: int) -> Shapes:
    """Unions (groups,) of the shapes of every group, whose numbers ascend."""
    collections = np.empty(groups, dtype=object)
    shapely.geometrycollections(shapes, indices=group, out=collections)
    return np.asarray(shapely.union_all(collections[:, None], axis=1))
