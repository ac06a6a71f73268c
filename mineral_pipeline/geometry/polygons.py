"""Convex polygons on the unit sphere, whose edges are great circles, and the circles that enclose them.

A footprint is such a polygon: the intersection of half-spaces through the Earth's centre. Arrays of footprints are
(n, v, 2) longitude and latitude in degrees. Shorter polygons repeat their last vertex; both windings are accepted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from mineral_pipeline.geometry import _numba
from mineral_pipeline.geometry._numba import TOLERANCE
from mineral_pipeline.geometry.vectors import Flags, Floats, unit_vectors

ROUNDING_RAD = 1e-12
"""Radians of error that floating-point arithmetic may introduce."""


@dataclass(frozen=True)
class HalfSpaces:
    """Convex footprints as half-spaces: a vector is inside when it is on the inner side of every edge."""

    normals: Floats
    """(n, v, 3) unit vectors that point inwards; an edge of length 0 repeats another one; nan if invalid."""
    valid: Flags
    """(n,) True for convex polygons: finite, three distinct vertices, no bow tie, no dart, within a hemisphere."""
    centres: Floats
    """(n, 3) unit vectors to the centres of the enclosing circles."""
    radii: Floats
    """(n,) radii of the enclosing circles in radians."""


def half_spaces(footprints: npt.ArrayLike) -> HalfSpaces:
    """Return the half-spaces of footprints (n, v, 2); `HalfSpaces` says which are valid."""
    return half_spaces_from_vectors(unit_vectors(footprints))


def enclosing_circles(footprints: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return a circle around each of the footprints (n, v, 2).

    Returns:
        Centres (n, 3), the mean of the outline; radii (n,) in radians, to the vertex farthest from the centre. Both
        are nan where a vertex is not on the Earth.
    """
    return _numba.circles(unit_vectors(footprints))


def half_spaces_from_vectors(vertices: Floats) -> HalfSpaces:
    """Return the half-spaces of footprints whose vertices (n, v, 3) are unit vectors."""
    centres, radii = _numba.circles(vertices)
    normals, lowest, highest = _numba.edge_normals(vertices, centres)
    # Comparisons with nan are false, so that footprints that are not finite are not valid.
    valid = (lowest >= -ROUNDING_RAD) & (highest > 10 * TOLERANCE) & (radii < np.pi / 2)
    normals[~valid] = np.nan
    _numba.repeat_edges(normals)
    return HalfSpaces(normals, valid, centres, radii)


def vertex_array(polygons: npt.ArrayLike) -> Floats:
    """Return the vertices (n, v, 2) of the exterior rings of shapely polygons (n,), in their coordinates.

    Shorter polygons repeat their last vertex; missing ones (None) are nan.
    """
    rings = shapely.get_exterior_ring(np.asarray(polygons))
    vertices, owner = shapely.get_coordinates(rings, return_index=True)
    counts = np.bincount(owner, minlength=len(rings))
    last = np.maximum(counts - 2, 0)  # a ring ends where it begins
    column = np.minimum(np.arange(last.max(initial=0) + 1), last[:, None])
    vertices = np.vstack([vertices, np.full((1, 2), np.nan)])
    first = np.cumsum(counts)[:, None] - counts[:, None]
    return vertices[np.where(counts[:, None] > 0, first + column, -1)]
