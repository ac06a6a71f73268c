"""Convex polygons in the plane: hulls of points, and simplification that keeps the area."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import spatial

from mineral_pipeline.geometry import Floats, Integers
from mineral_pipeline.imagery.raster import UnusableRaster

MAX_VERTICES = 8
"""Maximum number of vertices: four cover 96-99 % of a TM image, whose ends are stepped, and eight 99.5 %."""

MIN_EDGE_FRACTION = 1e-4
"""Fraction of the area by which an edge must change the polygon to be kept: shorter ones are steps of the pixels."""


def convex_hull(points: Floats) -> npt.NDArray[np.int32]:
    """Return the indices of the points (n, 2) that are corners of their convex hull.

    They are in counter-clockwise order in a right-handed plane.

    Raises:
        UnusableRaster: the points span no area.
    """
    try:
        return np.asarray(spatial.ConvexHull(points).vertices)
    except (spatial.QhullError, ValueError) as error:  # too few points, all on one line, or not finite
        raise UnusableRaster("positions that span no area") from error


def lattice_hull(points: Integers) -> Floats:
    """Estimate the convex polygon from the points (n, 2) of a square lattice that lie in it.

    An edge of the points' hull is the last line of lattice points inside of the polygon, and the next parallel line
    lies outside, so that every edge is moved half-way there. The distance of such lines is one over the length of their
    shortest lattice vector.

    Returns:
        (v, 2), counter-clockwise in a right-handed plane.

    Raises:
        UnusableRaster: the points span no area.
    """
    ring = points[convex_hull(points.astype(np.float64))]
    across, down = (np.roll(ring, -1, axis=0) - ring).T
    length = np.hypot(across, down)
    outwards = np.column_stack([down, -across]) / length[:, None]
    distance = (ring * outwards).sum(axis=1) + np.gcd(across, down) / length / 2
    half_planes = np.column_stack([outwards, -distance])
    corners = spatial.HalfspaceIntersection(half_planes, ring.mean(axis=0)).intersections
    return np.asarray(corners[convex_hull(corners)])


def simplify(ring: Floats) -> Floats:
    """Simplify a convex polygon to one of the same area with at most `MAX_VERTICES` vertices.

    Repeatedly the edge that changes the polygon least collapses to a point: one of its neighbours is extended so far
    that the area gained equals the area lost (B. J. Kronenfeld et al., Simplification of polylines by segment collapse,
    Int. J. Cartogr. 6 (2020) 22-46), which keeps a convex polygon convex. It ends when no edge is below
    `MIN_EDGE_FRACTION`.

    Args:
        ring: (v, 2) counter-clockwise in a right-handed plane.
    """
    area = plane_area(ring)
    while len(ring) > 3:
        points, moved = _collapse_edges(ring)
        if len(ring) <= MAX_VERTICES and moved.min() > MIN_EDGE_FRACTION * area:
            break
        edge = int(moved.argmin())
        ring = ring.copy()
        ring[edge] = points[edge]
        ring = np.delete(ring, (edge + 1) % len(ring), axis=0)
    return ring


def _collapse_edges(ring: Floats) -> tuple[Floats, Floats]:
    """Return the points (v, 2) to which the edges after each vertex collapse, and the areas (v,) gained and lost."""
    before, start, end, after = (np.roll(ring, -shift, axis=0) for shift in (-1, 0, 1, 2))
    forwards, lost = _extend_edge(before, start, end, after)
    backwards, lost_backwards = _extend_edge(after, end, start, before)
    return np.where((lost <= lost_backwards)[:, None], forwards, backwards), 2 * np.minimum(lost, lost_backwards)


def _extend_edge(a: Floats, b: Floats, c: Floats, d: Floats) -> tuple[Floats, Floats]:
    """Extend edges a-b to points e such that a-e-d has the area of a-b-c-d; return e and the area that a-e-d lacks."""
    e = a + (b - a) * ((_triangles(a, b, c) + _triangles(a, c, d)) / _triangles(a, b, d))[:, None]
    inside, outside = _triangles(e, d, b), _triangles(e, d, c)  # b lies inside of a-e-d, and c outside
    return e, _triangles(b, c, d) * outside / np.maximum(inside + outside, np.finfo(float).tiny)


def plane_area(ring: Floats) -> float:
    """Return the area of a plane polygon (v, 2), positive when counter-clockwise."""
    return float(_cross(ring, np.roll(ring, -1, axis=0)).sum() / 2)


def _triangles(a: Floats, b: Floats, c: Floats) -> Floats:
    """Return the areas (n,) of triangles with corners (n, 2)."""
    return np.abs(_cross(b - a, c - a)) / 2


def _cross(a: Floats, b: Floats) -> Floats:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
