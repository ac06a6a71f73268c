"""Compiled loops over footprints: which locations overlap, and which points lie inside the footprints of a location."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mineral_pipeline.geometry import TOLERANCE, Flags, Floats, Integers, Rings, is_in_rings
from mineral_pipeline.jit import njit


class Parts(NamedTuple):
    """Parts of footprints, as in `geometry.SphericalPolygons`."""

    vertices: Floats
    """(n, v, 3) unit vectors of the convex polygon around each part."""
    normals: Floats
    """(n, v, 3) unit vectors, the normals of its edges' planes that point inwards."""
    ring: Integers
    """(n,) number of the part in ``rings``; -1 where it is convex, so that the polygon is the part."""
    rings: Rings
    """Rings of the parts that are not convex."""


APART, UNSURE, MEET = range(3)
"""Whether two locations have a point in common; unsure where polygons meet that only lie around parts."""


class Members(NamedTuple):
    """The footprints (or their parts) of each location: of location i ``footprints[offsets[i]:offsets[i + 1]]``."""

    offsets: Integers
    """(p + 1,) offsets into ``footprints``, and its length."""
    footprints: Integers
    """(n,) positions of the footprints, location by location."""


@njit
def locations_meet(pairs: Integers, members: Members, parts: Parts, hulls: Parts) -> Integers:
    """Whether any two footprints of pairs of locations have a point in common, their edges included.

    Args:
        pairs: (k, 2) positions of locations.
        members: the parts of the footprints of each location.
        parts: all parts.
        hulls: one polygon per location that contains all of its footprints.

    Returns:
        (k,) `APART`, `UNSURE` or `MEET`.
    """
    meet = np.full(len(pairs), APART)
    for number in range(len(pairs)):
        a, b = pairs[number, 0], pairs[number, 1]
        if _are_apart(hulls, a, hulls, b):
            continue
        for one in members.footprints[members.offsets[a] : members.offsets[a + 1]]:
            if meet[number] == MEET:
                break
            # A part apart from the other location's hull need not be compared with each of its parts.
            if _are_apart(parts, one, hulls, b):
                continue
            for other in members.footprints[members.offsets[b] : members.offsets[b + 1]]:
                if not _are_apart(parts, one, parts, other):
                    meet[number] = MEET if parts.ring[one] < 0 and parts.ring[other] < 0 else UNSURE
                    if meet[number] == MEET:
                        break
    return meet


@njit
def mark_contained(contained: Flags, points: Floats, candidates: Integers, members: Integers, parts: Parts) -> None:
    """Mark the points inside any part of the footprints of one location.

    Args:
        contained: (m,) flags, which are written; points that are marked already are skipped.
        points: (m, 3) unit vectors.
        candidates: positions of the points near the location.
        members: positions of the location's parts.
        parts: all parts.
    """
    for candidate in candidates:
        for part in members:
            if contained[candidate]:
                break
            if _is_inside(points[candidate], parts.normals[part]):
                ring = parts.ring[part]
                contained[candidate] = ring < 0 or is_in_rings(points[candidate], ring, parts.rings)


@njit
def _are_apart(polygons: Parts, i: int, others: Parts, j: int) -> bool:
    """Whether an edge of one polygon has all of the other on its outer side."""
    apart: bool = _is_separated(polygons.normals[i], others.vertices[j]) or _is_separated(
        others.normals[j], polygons.vertices[i]
    )
    return apart


@njit
def _is_separated(normals: Floats, vertices: Floats) -> bool:
    for edge in range(len(normals)):
        separates = True
        for vertex in range(len(vertices)):
            if _height(vertices[vertex], normals[edge]) >= -TOLERANCE:
                separates = False
                break
        if separates:
            return True
    return False


@njit
def _is_inside(point: Floats, normals: Floats) -> bool:
    for edge in range(len(normals)):  # noqa: SIM110 - numba does not support generators here
        if not _height(point, normals[edge]) >= -TOLERANCE:  # a point of nan is inside of nothing
            return False
    return True


@njit
def _height(point: Floats, normal: Floats) -> float:
    height: float = point[0] * normal[0] + point[1] * normal[1] + point[2] * normal[2]
    return height
