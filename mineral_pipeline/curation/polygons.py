"""Polygons as they are drawn in a file, of land or regions: which points they contain, and what is wrong with them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from mineral_pipeline.geometry import CRS, Floats, Integers, Shapes, find_geometry, wrong_types

ROUND_TRIP_DEG = 1e-6
"""Degrees by which a position may differ that was projected and taken back; more, and the plane does not show it."""


def find_containing(points: npt.ArrayLike, polygons: gpd.GeoSeries | gpd.GeoDataFrame) -> tuple[Integers, Integers]:
    """Which points lie inside which polygons, or on their edge.

    Edges are straight in the polygons' own coordinates, as they are drawn; invalid polygons are repaired. Longitudes of
    points and polygons may be -180..180 or 0..360, and continue across the antimeridian. Points that are not finite,
    or that a polygon's projection does not show, are in none; a row without ground contains nothing.

    Args:
        points: (n, 2) longitude and latitude, WGS 84.
        polygons: polygons in any reference system; WGS 84 when they have none.

    Returns:
        Positions of points and rows of polygons, pair by pair; a pair may come twice.
    """
    lonlat = np.array(points, dtype=np.float64).reshape(-1, 2)
    crs = pyproj.CRS(polygons.crs or CRS)
    usable = np.flatnonzero(np.isfinite(lonlat).all(axis=1))
    x, y = _in_plane(lonlat[usable], crs)
    shown = np.isfinite(x)
    usable, x, y = usable[shown], x[shown], y[shown]
    # Every turn of the Earth is tried: the antimeridian is 180 in one polygon and -180 in another.
    turns = (-360.0, 0.0, 360.0) if crs.is_geographic else (0.0,)
    turned = np.concatenate([shapely.points(x + turn, y) for turn in turns])
    polygon, found = shapely.STRtree(turned).query(_with_ground(polygons), predicate="intersects")
    return usable[found % max(len(usable), 1)], polygon


def without_ground(polygons: gpd.GeoSeries | gpd.GeoDataFrame) -> dict[int, str]:
    """Rows that hold no ground even when repaired, and why."""
    shapes = np.asarray(find_geometry(polygons))
    errors = wrong_types(shapes)
    rows = np.setdiff1d(np.arange(len(shapes)), list(errors))
    flat = rows[shapely.get_dimensions(make_valid(shapes[rows])) < 2]
    return errors | dict.fromkeys(flat.tolist(), "it encloses no ground")


def make_valid(shapes: Shapes) -> Shapes:
    """Shapes of which invalid ones are repaired; the others stay as they are."""
    repaired, broken = shapes.copy(), ~shapely.is_valid(shapes)
    repaired[broken] = shapely.make_valid(shapes[broken])
    return repaired


def _with_ground(polygons: gpd.GeoSeries | gpd.GeoDataFrame) -> Shapes:
    """The repaired shapes; None in place of those without ground."""
    shapes = make_valid(np.asarray(polygons.geometry))
    shapes[shapely.get_dimensions(shapes) < 2] = None
    return shapes


def _in_plane(lonlat: Floats, crs: pyproj.CRS) -> tuple[Floats, Floats]:
    """Positions (n, 2) in a reference system; nan where its projection does not show them."""
    if crs == CRS:
        return _wrapped(lonlat[:, 0]), lonlat[:, 1]
    way = pyproj.Transformer.from_crs(CRS, crs, always_xy=True)
    x, y = way.transform(_wrapped(lonlat[:, 0]), lonlat[:, 1])
    back = np.column_stack(way.transform(x, y, direction="INVERSE"))
    error = np.abs(back - lonlat)
    error[:, 0] = np.abs((error[:, 0] + 180) % 360 - 180) * np.cos(np.radians(lonlat[:, 1]))
    lost = ~(error <= ROUND_TRIP_DEG).all(axis=1)
    return np.where(lost, np.nan, x), np.where(lost, np.nan, y)


def _wrapped(lon: Floats) -> Floats:
    """Longitudes within a turn of 0; those that are keep every bit, so that a point on an edge stays on it."""
    return np.where(np.abs(lon) > 360, (lon + 180) % 360 - 180, lon)
