"""Polygons and multipolygons of any kind on the sphere, whose edges are great circles from vertex to vertex.

A footprint is the union of its *parts*, simple polygons that may be concave and may have holes (`polygon_parts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import shapely

from mineral_pipeline.geometry import _numba
from mineral_pipeline.geometry._numba import TOLERANCE, Rings
from mineral_pipeline.geometry.polygon_parts import MAX_EDGES, NOT_ON_EARTH, concave_parts, convex_parts
from mineral_pipeline.geometry.polygons import HalfSpaces, half_spaces_from_vectors
from mineral_pipeline.geometry.shapes import (
    TAKE_AS_EMPTY,
    Footprints,
    Invalid,
    Shapes,
    as_array,
    refuse,
    to_shapes,
    wrong_types,
)
from mineral_pipeline.geometry.vectors import Flags, Floats, Integers, normalise, unit_vectors


@dataclass(frozen=True)
class SphericalPolygons:
    """Footprints as parts, ready for tests of membership and overlap."""

    count: int
    """Number n of footprints."""
    owner: Integers
    """(p,) footprint of each part, ascending."""
    bounds: HalfSpaces
    """Convex polygons around the p parts; valid where the part's footprint is."""
    vertices: Floats
    """(p, w, 3) vertices of the polygons of ``bounds``."""
    ring: Integers
    """(p,) number of each part in ``rings``; -1 where the part is convex, so that ``bounds`` is the part itself."""
    rings: Rings
    """Rings of the parts that are not convex."""
    errors: Mapping[int, str]
    """Why footprints are no polygon, by row. They contain nothing."""

    @classmethod
    def of(cls, footprints: Footprints | SphericalPolygons) -> SphericalPolygons:
        """Prepare footprints; what is no polygon is named in ``errors``.

        Raises:
            DataError: the argument is neither an array (n, v, 2) nor shapely geometries.
        """
        if isinstance(footprints, SphericalPolygons):
            return footprints
        outlines = as_array(footprints)
        if outlines is None:
            return _from_shapes(to_shapes(footprints))
        if outlines.shape[1] <= MAX_EDGES:  # else every vertex would be compared with every edge
            vertices = unit_vectors(outlines)
            halves = half_spaces_from_vectors(vertices)
            if halves.valid.all():
                count = len(outlines)
                return cls(count, np.arange(count), halves, vertices, np.full(count, -1), _numba.NO_RINGS, {})
        absent = np.flatnonzero(~np.isfinite(outlines).all(axis=(1, 2)))
        return _from_shapes(to_shapes(outlines), dict.fromkeys(absent.tolist(), NOT_ON_EARTH))

    @property
    def is_single(self) -> Flags:
        """(p,) whether a part is convex and the only one of its footprint."""
        return np.asarray((self.ring < 0) & (np.bincount(self.owner, minlength=self.count)[self.owner] == 1))

    @property
    def valid(self) -> Flags:
        """(n,) whether a footprint is a polygon."""
        flags = np.ones(self.count, dtype=bool)
        flags[list(self.errors)] = False
        return flags

    @property
    def centres(self) -> Floats:
        """(n, 3) unit vectors to the centres of the footprints; nan where one is no polygon.

        That of several parts is the mean of theirs, by the square of their radii.
        """
        sums = np.zeros((self.count, 3))
        weight = np.maximum(self.bounds.radii, TOLERANCE)[:, None] ** 2
        np.add.at(sums, self.owner, np.where(self.bounds.valid[:, None], weight * self.bounds.centres, np.nan))
        sums[~self.valid] = np.nan
        return normalise(sums)

    def keep(self, parts: Flags) -> HalfSpaces:
        """``bounds``, valid for some of the parts only."""
        return replace(self.bounds, valid=self.bounds.valid & parts)


def checked(
    footprints: Footprints | SphericalPolygons, invalid: Invalid, advice: str = TAKE_AS_EMPTY
) -> SphericalPolygons:
    """Prepare footprints, and refuse or name those that are no polygon.

    Footprints that are prepared already are returned as they are: who prepared them knows ``errors``.

    Args:
        footprints: polygons.
        invalid: what to do with those that are none.
        advice: what the caller can do about them, as the message ends.

    Raises:
        DataError: ``invalid`` is ``"raise"`` and there are such; the message names their rows.
    """
    if isinstance(footprints, SphericalPolygons):
        return footprints
    polygons = SphericalPolygons.of(footprints)
    refuse(
        polygons.errors, f"{len(polygons.errors):,} of {polygons.count:,} footprints are no polygons", invalid, advice
    )
    return polygons


@np.errstate(invalid="ignore")
def _from_shapes(shapes: Shapes, known: Mapping[int, str] = MappingProxyType({})) -> SphericalPolygons:
    """Prepare shapely geometries (n,) in lon/lat, some of which are known to be no polygons."""
    errors = wrong_types(shapes) | dict(known)
    usable = np.array([row for row in range(len(shapes)) if row not in errors], dtype=np.int64)
    parts, index = shapely.get_parts(shapes[usable], return_index=True)
    filled = ~shapely.is_empty(parts)
    parts, owner = parts[filled], usable[index[filled]]
    vertices, bounds = convex_parts(parts)
    rest = np.flatnonzero(~bounds.valid)
    ring, rings = np.full(len(parts), -1), _numba.NO_RINGS
    if len(rest):
        bounds, vertices, rings, reasons = concave_parts(parts, rest, bounds, vertices)
        ring[rest] = np.arange(len(rest))
        for part, reason in reasons.items():
            errors.setdefault(int(owner[part]), reason)
    valid = ~np.isin(owner, list(errors))
    bounds.normals[~valid] = np.nan
    return SphericalPolygons(len(shapes), owner, replace(bounds, valid=valid), vertices, ring, rings, errors)
