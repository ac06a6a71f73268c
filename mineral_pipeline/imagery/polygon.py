"""Convex polygons in the plane: the hull of points, and a simpler polygon of about the same area."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import spatial

from mineral_pipeline.imagery.raster import UnusableRaster

Floats = npt.NDArray[np.float64]

VERTICES = 8
"""At most so many: four cover 96-99 % of a TM image, whose ends are stepped, and eight 99.5 %."""

NEGLIGIBLE = 1e-4
"""Share of the area that a vertex must be worth: less is the staircase of the pixels."""


def convex_hull(points: Floats) -> npt.NDArray[np.int32]:
    """Which of the points (n, 2) are corners of their convex hull, counter-clockwise in a right-handed plane.

    Raises:
        UnusableRaster: the points span no area.
    """
    try:
        return np.asarray(spatial.ConvexHull(points).vertices)
    except (spatial.QhullError, ValueError) as error:  # too few, all on one line, or not finite
        raise UnusableRaster("positions that span no area") from error


def simplify(ring: Floats) -> Floats:
    """A convex polygon (v, 2) with at most `VERTICES` vertices, and none worth less than `NEGLIGIBLE` of its area.

    Again and again the change that moves least area is made: to leave a vertex out, which loses a triangle, or to leave
    an edge out and prolong its neighbours until they meet, which gains one. Losses and gains cancel in part.
    """
    area = polygon_area(ring)
    while len(ring) > 3:
        lost = _triangles(np.roll(ring, 1, axis=0), ring, np.roll(ring, -1, axis=0))
        meeting, gained = _prolonged(ring)
        if len(ring) <= VERTICES and min(lost.min(), gained.min()) > NEGLIGIBLE * area:
            break
        if lost.min() <= gained.min():
            ring = np.delete(ring, lost.argmin(), axis=0)
        else:
            edge = int(gained.argmin())
            ring = ring.copy()
            ring[edge] = meeting[edge]
            ring = np.delete(ring, (edge + 1) % len(ring), axis=0)
    return ring


def _prolonged(ring: Floats) -> tuple[Floats, Floats]:
    """Where the two neighbours of the edge after each vertex meet, and the area gained; infinite if they do not."""
    before, start = np.roll(ring, 1, axis=0), ring
    end, after = np.roll(ring, -1, axis=0), np.roll(ring, -2, axis=0)
    forwards, backwards = start - before, end - after
    turn = _cross(forwards, -backwards)
    meets = turn > 1e-12 * np.linalg.norm(forwards, axis=1) * np.linalg.norm(backwards, axis=1)
    way = np.divide(_cross(end - start, -backwards), turn, out=np.zeros(len(ring)), where=meets)
    meeting = start + way[:, None] * forwards
    return meeting, np.where(meets, _triangles(start, meeting, end), np.inf)


def polygon_area(ring: Floats) -> float:
    """Area of a plane polygon (v, 2), positive when counter-clockwise."""
    return float(_cross(ring, np.roll(ring, -1, axis=0)).sum() / 2)


def _triangles(a: Floats, b: Floats, c: Floats) -> Floats:
    return np.abs(_cross(b - a, c - a)) / 2


def _cross(a: Floats, b: Floats) -> Floats:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
