"""Compiled loops over footprints: which locations overlap, and which points lie inside the footprints of a location."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mineral_pipeline.geometry import TOLERANCE, Flags, Floats, Integers
from mineral_pipeline.jit import njit


class ConvexPolygons(NamedTuple):
    """Convex polygons whose edges are great circles."""

    vertices: Floats
    """(n, v, 3) unit vectors."""
    normals: Floats
    """(n, v, 3) unit vectors, the normals of the edges' planes that point inwards."""


class Members(NamedTuple):
    """The footprints of each location: of location i ``footprints[offsets[i]:offsets[i + 1]]``."""

    offsets: Integers
    """(p + 1,) offsets into ``footprints``, and its length."""
    footprints: Integers
    """(n,) positions of the footprints, location by location."""


@njit
def locations_meet(pairs: Integers, members: Members, footprints: ConvexPolygons, hulls: ConvexPolygons) -> Flags:
    """Whether any two footprints of pairs of locations have a point in common, their edges included.

    Args:
        pairs: (k, 2) positions of locations.
        members: the footprints of each location.
        footprints: all footprints.
        hulls: one polygon per location that contains all of its footprints.

    Returns:
        (k,) flags.
    """
    meet = np.zeros(len(pairs), dtype=np.bool_)
    for number in range(len(pairs)):
        a, b = pairs[number, 0], pairs[number, 1]
        if _are_apart(hulls, a, hulls, b):
            continue
        for one in members.footprints[members.offsets[a] : members.offsets[a + 1]]:
            if meet[number]:
                break
            # A footprint apart from the other location's hull need not be compared with each of its footprints.
            if _are_apart(footprints, one, hulls, b):
                continue
            for other in members.footprints[members.offsets[b] : members.offsets[b + 1]]:
                if not _are_apart(footprints, one, footprints, other):
                    meet[number] = True
                    break
    return meet


@njit
def mark_contained(contained: Flags, points: Floats, candidates: Integers, members: Integers, normals: Floats) -> None:
    """Mark the points inside any footprint of one location.

    Args:
        contained: (m,) flags, which are written; points that are marked already are skipped.
        points: (m, 3) unit vectors.
        candidates: positions of the points near the location.
        members: positions of the location's footprints.
        normals: (n, v, 3) inward normals of all footprints.
    """
    for candidate in candidates:
        for footprint in members:
            if contained[candidate]:
                break
            contained[candidate] = _is_inside(points[candidate], normals[footprint])


@njit
def _are_apart(polygons: ConvexPolygons, i: int, others: ConvexPolygons, j: int) -> bool:
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
