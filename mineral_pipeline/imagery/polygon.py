"""Convex polygons in the plane: the hull of points, and a simpler polygon of about the same area."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import spatial

from mineral_pipeline.imagery.raster import UnusableRaster

Floats = npt.NDArray[np.float64]
Lattice = npt.NDArray[np.int64]

VERTICES = 8
"""At most so many: four cover 96-99 % of a TM image, whose ends are stepped, and eight 99.5 %."""

NEGLIGIBLE = 1e-4
"""Share of the area that an edge must be worth: less is the staircase of the pixels."""


def convex_hull(points: Floats) -> npt.NDArray[np.int32]:
    """Which of the points (n, 2) are corners of their convex hull, counter-clockwise in a right-handed plane.

    Raises:
        UnusableRaster: the points span no area.
    """
    try:
        return np.asarray(spatial.ConvexHull(points).vertices)
    except (spatial.QhullError, ValueError) as error:  # too few, all on one line, or not finite
        raise UnusableRaster("positions that span no area") from error


def lattice_hull(points: Lattice) -> Floats:
    """The likeliest convex polygon of which the points (n, 2) are what it holds of a square lattice.

    The edge of the points' hull is the last line of lattice points inside, the next parallel one lies outside: every
    edge is moved half-way there. The distance of such lines is one over the length of their shortest lattice vector.

    Returns:
        (v, 2), counter-clockwise in a right-handed plane.

    Raises:
        UnusableRaster: the points span no area.
    """
    ring = points[convex_hull(points.astype(np.float64))]
    across, down = (np.roll(ring, -1, axis=0) - ring).T
    length = np.hypot(across, down)
    outwards = np.column_stack([down, -across]) / length[:, None]
    reach = (ring * outwards).sum(axis=1) + np.gcd(across, down) / length / 2
    half_planes = np.column_stack([outwards, -reach])
    meetings = spatial.HalfspaceIntersection(half_planes, ring.mean(axis=0)).intersections
    return np.asarray(meetings[convex_hull(meetings)])


def simplify(ring: Floats) -> Floats:
    """A convex polygon (v, 2) of the same area, with at most `VERTICES` vertices and no `NEGLIGIBLE` edge.

    Again and again the edge that moves least area shrinks to a point: one of its neighbours is prolonged to where the
    area gained is the area lost (B. J. Kronenfeld et al., Simplification of polylines by segment collapse, Int. J.
    Cartogr. 6 (2020) 22-46), which keeps a convex polygon convex.

    Args:
        ring: counter-clockwise in a right-handed plane.
    """
    area = polygon_area(ring)
    while len(ring) > 3:
        points, moved = _collapsed(ring)
        if len(ring) <= VERTICES and moved.min() > NEGLIGIBLE * area:
            break
        edge = int(moved.argmin())
        ring = ring.copy()
        ring[edge] = points[edge]
        ring = np.delete(ring, (edge + 1) % len(ring), axis=0)
    return ring


def _collapsed(ring: Floats) -> tuple[Floats, Floats]:
    """For the edge after each vertex the point to put in its place, and the area gained and lost by that."""
    before, start, end, after = (np.roll(ring, -shift, axis=0) for shift in (-1, 0, 1, 2))
    forwards, lost = _prolonged(before, start, end, after)
    backwards, lost_too = _prolonged(after, end, start, before)
    return np.where((lost <= lost_too)[:, None], forwards, backwards), 2 * np.minimum(lost, lost_too)


def _prolonged(a: Floats, b: Floats, c: Floats, d: Floats) -> tuple[Floats, Floats]:
    """The point e beyond b, seen from a, so that a-e-d has the area of a-b-c-d; how much of that it leaves out."""
    e = a + (b - a) * ((_triangles(a, b, c) + _triangles(a, c, d)) / _triangles(a, b, d))[:, None]
    inside, outside = _triangles(e, d, b), _triangles(e, d, c)  # of a-e-d lies b, and c does not
    return e, _triangles(b, c, d) * outside / np.maximum(inside + outside, np.finfo(float).tiny)


def polygon_area(ring: Floats) -> float:
    """Area of a plane polygon (v, 2), positive when counter-clockwise."""
    return float(_cross(ring, np.roll(ring, -1, axis=0)).sum() / 2)


def _triangles(a: Floats, b: Floats, c: Floats) -> Floats:
    return np.abs(_cross(b - a, c - a)) / 2


def _cross(a: Floats, b: Floats) -> Floats:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
