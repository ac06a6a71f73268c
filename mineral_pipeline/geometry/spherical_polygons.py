"""Polygons and multipolygons of any kind on the sphere, whose edges are great circles from vertex to vertex.

A footprint is the union of its *parts*, simple polygons that may be concave and may have holes. Around each part lies a
convex polygon, whose half-spaces are quick to test (`HalfSpaces`). Where the part is convex itself, that is all. Else
the rings of the part decide, by the even-odd rule in the gnomonic plane that touches the Earth at the part's centre:
great circles are straight there. No vertex is moved or removed.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from mineral_pipeline.errors import DataError
from mineral_pipeline.geometry import _numba
from mineral_pipeline.geometry._numba import TOLERANCE, Rings
from mineral_pipeline.geometry.gnomonic import from_plane, tangent_planes, to_plane
from mineral_pipeline.geometry.polygons import HalfSpaces, half_spaces_from_vectors, vertex_array
from mineral_pipeline.geometry.vectors import CRS, EARTH_RADIUS_KM, Flags, Floats, Integers, normalise, unit_vectors

Shapes = npt.NDArray[np.object_]
"""Arrays of shapely geometries."""

Footprints: TypeAlias = npt.ArrayLike | gpd.GeoSeries | gpd.GeoDataFrame
"""Polygons in lon/lat: (n, v, 2) degrees, shorter ones repeat their last vertex; or n shapely (multi)polygons."""

Invalid = Literal["raise", "warn"]
"""What is done with footprints that are no polygon: refused, or empty and named in a warning."""

MAX_EDGES = 32
"""Largest number of edges of a convex polygon around a part; a part with more gets the four of a rectangle."""

MAX_RADIUS = np.radians(89.9)
"""Largest radius of a part that is not convex: its plane ends at 90 degrees."""

SELF_CROSSING_KM = 1e-3
"""Distance by which a ring may cross itself, as rounded coordinates do, without being taken for a bow tie."""

NOT_ON_EARTH = "a vertex is not on the Earth, where latitudes are -90 to 90 degrees"

ROWS_NAMED = 10
"""Rows that a message lists for each reason."""


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
        outlines = _as_array(footprints)
        if outlines is None:
            return _from_shapes(to_shapes(footprints))
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


def checked(footprints: Footprints | SphericalPolygons, invalid: Invalid) -> SphericalPolygons:
    """Prepare footprints, and refuse or name those that are no polygon.

    Footprints that are prepared already are returned as they are: who prepared them knows ``errors``.

    Raises:
        DataError: ``invalid`` is ``"raise"`` and there are such; the message names their rows.
    """
    if isinstance(footprints, SphericalPolygons):
        return footprints
    polygons = SphericalPolygons.of(footprints)
    refuse(polygons.errors, f"{len(polygons.errors):,} of {polygons.count:,} footprints are no polygons", invalid)
    return polygons


def refuse(errors: Mapping[int, str], what: str, invalid: Invalid) -> None:
    """Raise or warn when there are errors.

    Args:
        errors: why rows are no polygons.
        what: what is wrong, as the message begins.
        invalid: what to do.

    Raises:
        DataError: ``invalid`` is ``"raise"``.
    """
    if errors and invalid == "raise":
        raise DataError(f"{what}: {_by_reason(errors)}; invalid='warn' takes them as empty")
    if errors:
        warnings.warn(f"{what} and taken as empty: {_by_reason(errors)}", stacklevel=4)


@np.errstate(invalid="ignore")  # vertices that are not finite are named, and make GEOS raise a flag
def to_shapes(footprints: Footprints) -> Shapes:
    """Footprints as shapely geometries (n,) in lon/lat, WGS 84; rows of an array that are not finite are None."""
    outlines = _as_array(footprints)
    if outlines is None:
        shapes = np.asarray(_in_wgs84(footprints), dtype=object)
        return np.asarray(shapely.force_2d(shapes.reshape(-1)))
    padding = np.repeat(outlines[:, -1:], max(3 - outlines.shape[1], 0), axis=1)
    rings, finite = np.concatenate([outlines, padding], axis=1), np.isfinite(outlines).all(axis=(1, 2))
    shapes = np.full(len(outlines), None)
    shapes[finite] = shapely.polygons(rings[finite])
    return shapes


def _as_array(footprints: Footprints) -> Floats | None:
    """Footprints as an array (n, v, 2); None when they are shapely geometries.

    Raises:
        DataError: they are neither.
    """
    if isinstance(footprints, gpd.GeoDataFrame | gpd.GeoSeries):
        return None
    try:
        array = np.asarray(footprints)
        if array.dtype == object and all(one is None or isinstance(one, shapely.Geometry) for one in array.flat):
            return None if array.size else np.empty((0, 3, 2))
        outlines = np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"footprints must be (n, v, 2) lon/lat or shapely polygons ({error})") from None
    if not outlines.size:
        return np.full((len(outlines), 3, 2), np.nan)
    if outlines.ndim != 3 or outlines.shape[2] != 2:
        raise DataError(f"footprints must be (n, v, 2) lon/lat or shapely polygons, not {outlines.shape}")
    return outlines


def _in_wgs84(footprints: Any) -> Any:
    """The geometry column of a table, in WGS 84 if it has a reference system."""
    if isinstance(footprints, gpd.GeoDataFrame):
        footprints = footprints.geometry
    if isinstance(footprints, gpd.GeoSeries) and footprints.crs is not None and footprints.crs != CRS:
        footprints = footprints.to_crs(CRS)
    return footprints


@np.errstate(invalid="ignore")
def _from_shapes(shapes: Shapes, known: Mapping[int, str] = MappingProxyType({})) -> SphericalPolygons:
    """Prepare shapely geometries (n,) in lon/lat, some of which are known to be no polygons."""
    errors = wrong_types(shapes) | dict(known)
    usable = np.array([row for row in range(len(shapes)) if row not in errors], dtype=np.int64)
    parts, index = shapely.get_parts(shapes[usable], return_index=True)
    filled = ~shapely.is_empty(parts)
    parts, owner = parts[filled], usable[index[filled]]
    vertices, bounds = _convex_parts(parts)
    rest = np.flatnonzero(~bounds.valid)
    ring, rings = np.full(len(parts), -1), _numba.NO_RINGS
    if len(rest):
        bounds, vertices, rings, reasons = _concave_parts(parts, rest, bounds, vertices)
        ring[rest] = np.arange(len(rest))
        for part, reason in reasons.items():
            errors.setdefault(int(owner[part]), reason)
    valid = ~np.isin(owner, list(errors))
    bounds.normals[~valid] = np.nan
    return SphericalPolygons(len(shapes), owner, replace(bounds, valid=valid), vertices, ring, rings, errors)


def _convex_parts(parts: Shapes) -> tuple[Floats, HalfSpaces]:
    """Vertices (p, w, 3) and half-spaces of parts; nan and invalid for those that are not convex or have many edges."""
    n_edges = shapely.get_num_coordinates(parts) - 1
    rows = np.flatnonzero((shapely.get_num_interior_rings(parts) == 0) & (n_edges <= MAX_EDGES))
    found = unit_vectors(vertex_array(parts[rows]))
    halves = half_spaces_from_vectors(found)
    if not halves.valid.all():  # the others may have more vertices
        width = n_edges[rows][halves.valid].max(initial=3)
        rows, found = rows[halves.valid], found[halves.valid, :width]
        halves = half_spaces_from_vectors(found)
    vertices, normals = (np.full((len(parts), found.shape[1], 3), np.nan) for _ in range(2))
    valid, centres, radii = np.zeros(len(parts), bool), np.full((len(parts), 3), np.nan), np.full(len(parts), np.nan)
    vertices[rows], normals[rows], centres[rows], radii[rows] = found, halves.normals, halves.centres, halves.radii
    valid[rows] = True
    return vertices, HalfSpaces(normals, valid, centres, radii)


def wrong_types(shapes: Shapes) -> dict[int, str]:
    """Rows without a polygon, and why."""
    types, empty = shapely.get_type_id(shapes), shapely.is_empty(shapes)
    areal = np.isin(types, (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON))
    errors = {int(row): "no geometry" for row in np.flatnonzero((types < 0) | (areal & empty))}
    return errors | {
        int(row): f"a {shapes[row].geom_type} instead of a polygon" for row in np.flatnonzero((types >= 0) & ~areal)
    }


def _concave_parts(
    parts: Shapes, rows: Integers, bounds: HalfSpaces, vertices: Floats
) -> tuple[HalfSpaces, Floats, Rings, dict[int, str]]:
    """Give parts that are not convex their rings and convex hulls.

    Args:
        parts: (p,) polygons.
        rows: (r,) those that are not convex, or no polygons.
        bounds: half-spaces of the p parts, to be completed.
        vertices: (p, w, 3) vertices of the half-spaces' polygons, to be completed.

    Returns:
        The half-spaces, their vertices, the rings (r,) of the parts, and why some are no polygons, by part.
    """
    rings, ring_owner = shapely.get_rings(parts[rows], return_index=True)
    corners, ring = shapely.get_coordinates(rings, return_index=True)
    vectors, owner = unit_vectors(corners), ring_owner[ring]
    follows = np.flatnonzero(ring[1:] == ring[:-1])
    centres, radii, longest = _circles(vectors, owner, follows, len(rows))
    unusable = {NOT_ON_EARTH: ~np.isfinite(radii)}
    unusable["it is as wide as a hemisphere"] = ~(radii < MAX_RADIUS) | (longest > 2 - TOLERANCE)
    bad = np.any(list(unusable.values()), axis=0)
    planes = tangent_planes(np.where(bad[:, None], (0.0, 0.0, 1.0), centres))
    vectors = np.where(bad[owner, None], (0.0, 0.0, 1.0), vectors)
    flat = to_plane(vectors[:, None], planes[owner])[:, 0]
    drawn = shapely.set_coordinates(parts[rows].copy(), flat)
    unusable |= _flaws(drawn, radii)
    reasons = {int(rows[row]): why for why, flags in reversed(unusable.items()) for row in np.flatnonzero(flags)}
    hulls = _hulls(drawn)
    around = normalise(from_plane(vertex_array(hulls), planes))
    vertices = _replace_rows(vertices, np.isin(np.arange(len(parts)), rows), around)
    normals = _replace_rows(bounds.normals, np.isin(np.arange(len(parts)), rows), _normals(around, radii))
    bounds.centres[rows], bounds.radii[rows] = centres, radii
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owner[follows], minlength=len(rows)))])
    edges = np.concatenate([flat[follows], flat[follows + 1]], axis=1)
    return replace(bounds, normals=normals), vertices, Rings(offsets, planes, edges), reasons


def _circles(vectors: Floats, owner: Integers, follows: Integers, count: int) -> tuple[Floats, Floats, Floats]:
    """Circles around parts.

    Args:
        vectors: (k, 3) vertices of all rings.
        owner: (k,) part of each vertex, ascending.
        follows: (e,) vertices from which an edge goes to the next one.
        count: number of parts.

    Returns:
        Centres (count, 3), means of the outlines; radii (count,) in radians; chords (count,) of the longest edges.
    """
    start, end = vectors[follows], vectors[follows + 1]
    chords = np.linalg.norm(end - start, axis=1)
    first_vertex, first_edge = (np.searchsorted(parts, np.arange(count)) for parts in (owner, owner[follows]))
    centres = normalise(np.add.reduceat((chords + _numba.EPSILON)[:, None] * (start + end), first_edge))
    farthest = np.maximum.reduceat(np.linalg.norm(vectors - centres[owner], axis=1), first_vertex)
    return centres, 2 * np.arcsin(np.minimum(farthest / 2, 1)), np.maximum.reduceat(chords, first_edge)


def _flaws(drawn: Shapes, radii: Floats) -> dict[str, Flags]:
    """What keeps parts (r,), drawn in their planes, from being polygons: flags (r,) by reason.

    A ring that crosses itself encloses some ground clockwise, which shapely's area subtracts; `make_valid` follows the
    even-odd rule, so that the areas differ.
    """
    length, area = shapely.length(drawn), shapely.area(drawn)
    enclosed = area.copy()
    broken = ~shapely.is_valid(drawn)
    enclosed[broken] = shapely.area(shapely.make_valid(drawn[broken]))
    slack = np.minimum(SELF_CROSSING_KM / EARTH_RADIUS_KM, np.nan_to_num(radii) / 1000)
    empty = np.maximum(enclosed, area) <= 2 * TOLERANCE * length
    distinct = np.array([len(np.unique(shapely.get_coordinates(one), axis=0)) for one in drawn[empty]])
    few = np.zeros(len(drawn), dtype=bool)
    few[empty] = distinct < 3
    return {
        "fewer than three distinct vertices": few,
        "it encloses no ground": empty & ~few,
        "it crosses itself": ~empty & (np.abs(enclosed - area) > length * slack),
    }


def _hulls(drawn: Shapes) -> Shapes:
    """Convex polygons, counter-clockwise and of at most `MAX_EDGES` edges, around parts (r,) in their planes."""
    hulls = shapely.convex_hull(drawn)
    many = shapely.get_num_coordinates(hulls) > MAX_EDGES + 1
    hulls[many] = shapely.oriented_envelope(hulls[many])
    flat = shapely.get_dimensions(hulls) < 2  # of what is no polygon
    hulls[flat] = shapely.box(-1, -1, 1, 1)
    return np.asarray(shapely.orient_polygons(hulls))


def _normals(vertices: Floats, radii: Floats) -> Floats:
    """Inward normals (r, w, 3) of convex polygons (r, w, 3), counter-clockwise.

    Edges too short for a sure direction are left out: without them the polygon around a part is larger.
    """
    following = np.roll(vertices, -1, axis=1)
    chords = np.linalg.norm(following - vertices, axis=2)
    normals = normalise(np.cross(vertices - following, vertices + following))  # 2 a x b, without its cancellation
    normals[chords < 1e-4 * radii[:, None]] = 0
    _numba.repeat_edges(normals)
    return normals


def _replace_rows(arrays: Floats, rows: Flags, new: Floats) -> Floats:
    """Replace rows of (p, w, 3) by ``new`` (r, u, 3), padding the narrower by its last vectors."""
    width = max(arrays.shape[1], new.shape[1])
    widened, inserted = (
        np.concatenate([one, np.repeat(one[:, -1:], width - one.shape[1], axis=1)], axis=1) for one in (arrays, new)
    )
    widened[rows] = inserted
    return widened


def _by_reason(errors: Mapping[int, str]) -> str:
    """Rows reason by reason, of each the first `ROWS_NAMED`."""
    rows: dict[str, list[int]] = {}
    for row, reason in sorted(errors.items()):
        rows.setdefault(reason, []).append(row)
    return "; ".join(
        f"row{'s' if len(found) > 1 else ''} {', '.join(map(str, found[:ROWS_NAMED]))}"
        f"{f' and {len(found) - ROWS_NAMED:,} more' if len(found) > ROWS_NAMED else ''}: {reason}"
        for reason, found in rows.items()
    )
