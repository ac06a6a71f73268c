"""Areas of polygons on the sphere.

The spherical excess of a triangle is after A. van Oosterom and J. Strackee, The Solid Angle of a Plane Triangle, IEEE
Trans. Biomed. Eng. 30 (1983) 125-126.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import shapely

from mineral_pipeline.geometry.shapes import Shapes
from mineral_pipeline.geometry.vectors import EARTH_RADIUS_KM, Floats, dot, unit_vectors


def areas(footprints: npt.ArrayLike) -> Floats:
    """Return the areas (n,) of footprints (n, v, 2) in km2; nan where a vertex is not on the Earth."""
    return _areas(unit_vectors(footprints))


def gnomonic_areas(shapes: Shapes) -> Floats:
    """Return the areas (n,) in km2 of polygons of a gnomonic plane, whose edges are great circles.

    Every edge spans a triangle with the centre of the plane, which counts by its spherical excess (van Oosterom and
    Strackee) with the sign of its turn.
    """

    def excess(a: Floats, b: Floats) -> Floats:
        (x1, y1), (x2, y2) = a.T, b.T
        length1, length2 = np.sqrt(1 + x1**2 + y1**2), np.sqrt(1 + x2**2 + y2**2)
        scale = (1 + length1) * (1 + length2) + x1 * x2 + y1 * y2
        return np.asarray(2 * np.arctan2(x1 * y2 - y1 * x2, scale))

    return _sum_of_edges(shapes, excess)


def lonlat_areas(shapes: Shapes) -> Floats:
    """Return the areas (n,) in km2 of polygons with straight edges in longitude and latitude (degrees).

    By Green's theorem they are the integral over longitude of the sine of the latitude along each edge (closed form).
    """

    def under(a: Floats, b: Floats) -> Floats:
        (lon1, lat1), (lon2, lat2) = np.radians(a).T, np.radians(b).T
        half = (lat2 - lat1) / 2
        return np.asarray((lon1 - lon2) * np.sin((lat1 + lat2) / 2) * np.sinc(half / np.pi))

    return _sum_of_edges(shapes, under)


def _areas(vertices: Floats) -> Floats:
    """Return the sums of the spherical excesses of the triangles of a fan around the first vertex, in km2."""
    a, b, c = vertices[:, :1], vertices[:, 1:-1], vertices[:, 2:]
    volumes = dot(a, np.cross(b - a, c - a))
    excesses = 2 * np.arctan2(volumes, 1 + dot(a, b) + dot(b, c) + dot(c, a))
    return np.asarray(np.abs(excesses.sum(axis=1)) * EARTH_RADIUS_KM**2)


def _sum_of_edges(shapes: Shapes, share: Callable[[Floats, Floats], Floats]) -> Floats:
    """Sum ``share`` over the edges of every shape, exterior rings counter-clockwise and holes clockwise, in km2.

    Args:
        shapes: (n,) polygons, multipolygons, or anything else, which has no area.
        share: function from the ends (e, 2) of edges to their contributions (e,), in squared Earth radii.
    """
    parts, owner = shapely.get_parts(shapes, return_index=True)
    rings, part = shapely.get_rings(shapely.orient_polygons(parts), return_index=True)
    corners, ring = shapely.get_coordinates(rings, return_index=True)
    follows = ring[1:] == ring[:-1]
    edges = share(corners[:-1][follows], corners[1:][follows])
    total = np.bincount(owner[part[ring[1:][follows]]], weights=edges, minlength=len(shapes))
    return np.asarray(np.maximum(total, 0) * EARTH_RADIUS_KM**2)
