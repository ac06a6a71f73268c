"""How far positions are from lines and points, on the sphere."""

from __future__ import annotations

import numpy as np
import shapely
from scipy.spatial import KDTree

from mineral_pipeline.geometry import EARTH_RADIUS_KM, Floats, Shapes, unit_vectors

STEP_DEGREES = 0.02
"""Lines are cut into pieces of at most some 2 km, which a straight line in space meets within 0.2 m."""

NEIGHBOURS = 8
"""Ends of pieces, the nearest of a position, whose pieces are measured."""


def distance_km(points: Floats, shapes: Shapes) -> Floats:
    """Great-circle distance (n,) in kilometres from each position to the nearest of some lines or points.

    The nearest piece of a line ends in one of the nearest of its points, unless more than `NEIGHBOURS` others are as
    near: then the distance is too large by half a piece at most.

    Args:
        points: (n, 2) lon/lat in degrees.
        shapes: (m,) lines and points in lon/lat, WGS 84, straight between their vertices; one at least.
    """
    is_line = shapely.length(shapes) > 0  # GEOS cuts no line that goes nowhere
    cut = shapes.copy()
    cut[is_line] = shapely.segmentize(shapes[is_line], STEP_DEGREES)
    lonlat, owner = shapely.get_coordinates(cut, return_index=True)
    ends, places = unit_vectors(lonlat), unit_vectors(points)
    _, nearest = KDTree(ends).query(places, k=list(range(1, min(NEIGHBOURS, len(ends)) + 1)))
    chord = np.full(len(places), np.inf)
    for neighbour in nearest.T:
        for other in (neighbour - 1, neighbour + 1):
            other = np.clip(other, 0, len(ends) - 1)
            other = np.where(owner[other] == owner[neighbour], other, neighbour)  # a piece of one line
            chord = np.minimum(chord, _to_piece(places, ends[neighbour], ends[other]))
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(np.clip(chord / 2, 0, 1)))


def _to_piece(places: Floats, start: Floats, end: Floats) -> Floats:
    """Straight distance (n,) from places to pieces of straight lines in space, all (n, 3)."""
    along = end - start
    length = (along**2).sum(axis=1)
    share = np.divide(((places - start) * along).sum(axis=1), length, out=np.zeros(len(places)), where=length > 0)
    return np.asarray(np.linalg.norm(places - start - np.clip(share, 0, 1)[:, None] * along, axis=1))
