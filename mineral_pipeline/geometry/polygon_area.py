"""Areas on the sphere of polygons that are drawn in a plane, whatever they are made of; holes count as such."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import shapely

from mineral_pipeline.geometry import EARTH_RADIUS_KM

Floats = npt.NDArray[np.float64]
Shapes = npt.NDArray[np.object_]


def gnomonic_areas(shapes: Shapes) -> Floats:
    """Areas (n,) in km2 of polygons of a gnomonic plane, whose edges are great circles.

    Every edge spans a triangle with the middle of the plane. It counts by its spherical excess (van Oosterom and
    Strackee, see `sphere`) and its turn.
    """

    def excess(a: Floats, b: Floats) -> Floats:
        (x1, y1), (x2, y2) = a.T, b.T
        length1, length2 = np.sqrt(1 + x1**2 + y1**2), np.sqrt(1 + x2**2 + y2**2)
        scale = (1 + length1) * (1 + length2) + x1 * x2 + y1 * y2
        return np.asarray(2 * np.arctan2(x1 * y2 - y1 * x2, scale))

    return _sum_of_edges(shapes, excess)


def lonlat_areas(shapes: Shapes) -> Floats:
    """Areas (n,) in km2 of polygons with straight edges in longitude and latitude (degrees).

    By Green's theorem: the integral of the sine of the latitude along each edge, over longitude, in closed form.
    """

    def under(a: Floats, b: Floats) -> Floats:
        (lon1, lat1), (lon2, lat2) = np.radians(a).T, np.radians(b).T
        half = (lat2 - lat1) / 2
        return np.asarray((lon1 - lon2) * np.sin((lat1 + lat2) / 2) * np.sinc(half / np.pi))

    return _sum_of_edges(shapes, under)


def _sum_of_edges(shapes: Shapes, share: Callable[[Floats, Floats], Floats]) -> Floats:
    """Sums over the edges of every shape, outer rings counter-clockwise and holes clockwise, in km2."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    rings, part = shapely.get_rings(shapely.orient_polygons(parts), return_index=True)
    corners, ring = shapely.get_coordinates(rings, return_index=True)
    follows = ring[1:] == ring[:-1]
    edges = share(corners[:-1][follows], corners[1:][follows])
    total = np.bincount(owner[part[ring[1:][follows]]], weights=edges, minlength=len(shapes))
    return np.asarray(np.maximum(total, 0) * EARTH_RADIUS_KM**2)
