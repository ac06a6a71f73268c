"""The ocean mask: which places lie over land, by their centre as in the study or by the land in their outline."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from mineral_pipeline import geometry
from mineral_pipeline.geometry import CRS, polygon_area
from mineral_pipeline.geometry.polygon_area import Shapes

STEPS = 16
"""Pieces of an edge drawn in longitude and latitude: a scene's edge then leaves its great circle by 16 m at most, at 80
degrees of latitude."""

ROUNDING = 1e-9
"""Share of an outline that arithmetic may lose."""

PIECE = 256
"""Corners of a piece of land, at most, where land is cut to be intersected: a continent has 100,000."""


def over_land(points: npt.ArrayLike, land: gpd.GeoDataFrame) -> npt.NDArray[np.bool_]:
    """Whether points lie over land; a point on the shore does.

    Polygons are taken as they are drawn, with straight edges in longitude and latitude; invalid ones are mended. Points
    and polygons may use -180..180 or 0..360.

    Args:
        points: (n, 2) longitude and latitude, WGS 84; points that are not finite are not over land.
        land: polygons in any reference system; WGS 84 when it has none.

    Returns:
        (n,) flags.
    """
    positions = np.array(points, dtype=np.float64).reshape(-1, 2)
    usable = np.flatnonzero(np.isfinite(positions).all(axis=1))
    lon, lat = _wrapped(positions[usable, 0]), positions[usable, 1]
    # Every turn of the Earth once: the antimeridian is 180 in one polygon and -180 in another.
    turns = np.concatenate([shapely.points(lon + turn, lat) for turn in (-360.0, 0.0, 360.0)])
    _, found = shapely.STRtree(turns).query(_mended(land), predicate="intersects")
    inside = np.zeros(len(positions), dtype=bool)
    inside[usable[found % max(len(usable), 1)]] = True
    return inside


def land_fractions(outlines: npt.ArrayLike, land: gpd.GeoDataFrame) -> npt.NDArray[np.float64]:
    """Share of the area of outlines that is land.

    Land is taken as `over_land` takes it; areas are those of the sphere.

    Args:
        outlines: (n, v, 2) lon/lat of convex polygons of great circles; those with fewer vertices repeat their last.
        land: as for `over_land`; what overlaps counts once. `cut` before makes repeated calls faster.

    Returns:
        (n,) from 0 to 1.
    """
    drawn, pieces = _drawn(outlines), np.asarray(subdivide(land).geometry)
    # Every turn of the Earth once: outlines across the antimeridian reach beyond 180.
    turned = np.concatenate([_turned(pieces, turn) for turn in (-360, 0, 360)])
    piece, outline = shapely.STRtree(drawn).query(turned, predicate="intersects")
    order = np.argsort(outline, kind="stable")
    parts = shapely.intersection(drawn[outline[order]], turned[piece[order]])
    found = np.full(len(drawn), shapely.GeometryCollection(), dtype=object)
    shapely.geometrycollections(parts, indices=outline[order], out=found)
    return np.asarray(
        polygon_area.lonlat_areas(shapely.union_all(found[:, None], axis=1)) / polygon_area.lonlat_areas(drawn)
    )


def subdivide(land: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Land in pieces of at most `PIECE` corners, halved again and again; in WGS 84, invalid polygons mended."""
    whole, small = shapely.get_parts(_mended(land)), []
    while len(whole):
        fits = shapely.get_num_coordinates(whole) <= PIECE
        small.append(whole[fits])
        whole = shapely.get_parts(shapely.intersection(np.repeat(whole[~fits], 2), _halves(whole[~fits])))
        whole = whole[shapely.get_dimensions(whole) == 2]
    return gpd.GeoDataFrame(geometry=np.concatenate([np.empty(0, dtype=object), *small]), crs=CRS)


def _turned(shapes: Shapes, turn: float) -> Shapes:
    return np.asarray(shapely.transform(shapes, lambda lonlat: lonlat + np.array([turn, 0.0])))


def _halves(shapes: Shapes) -> Shapes:
    """The two halves (2n,) of the bounds of each shape, cut across the longer edge."""
    west, south, east, north = shapely.bounds(shapes).T
    wide, x, y = east - west > north - south, (west + east) / 2, (south + north) / 2
    lower = shapely.box(west, south, np.where(wide, x, east), np.where(wide, north, y))
    upper = shapely.box(np.where(wide, x, west), np.where(wide, south, y), east, north)
    return np.stack([lower, upper], axis=1).ravel()


def _drawn(outlines: npt.ArrayLike) -> Shapes:
    """Polygons of great circles as such of longitude and latitude, continuous across the antimeridian."""
    corners = geometry.unit_vectors(outlines)[:, :, None]
    along = np.linspace(0, 1, STEPS, endpoint=False)[:, None]
    rings = geometry.lonlat(corners * (1 - along) + np.roll(corners, -1, axis=1) * along).reshape(len(corners), -1, 2)
    rings[..., 0] = np.unwrap(rings[..., 0], period=360, axis=1)
    drawn = shapely.polygons(rings)
    turns = rings[:, -1, 0] - rings[:, 0, 0]
    for polar in np.flatnonzero(np.abs(turns) > 180):  # round a pole: on to where it began, and back along the pole
        (lon, lat), turn = rings[polar, 0], np.copysign(360, turns[polar])
        pole = np.copysign(90, rings[polar, :, 1].mean())
        drawn[polar] = shapely.Polygon([*rings[polar], (lon + turn, lat), (lon + turn, pole), (lon, pole)])
    return np.asarray(drawn)


def is_on_land(places: gpd.GeoDataFrame, land: gpd.GeoDataFrame, least: float | None = None) -> pd.Series:
    """Which places of a partition are over land: flags with the index of ``places``.

    Args:
        places: as `find_places` gives them: centres, or outlines when ``least`` is given.
        land: as for `over_land`.
        least: share of an outline that must be land; None asks for the centre.
    """
    if least is None:
        flags = over_land(shapely.get_coordinates(places.geometry), land)
    else:
        flags = land_fractions(geometry.vertex_array(places.geometry), land) >= least - ROUNDING
    return pd.Series(flags, index=places.index, name="on_land")


def _wrapped(lon: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Longitudes within a turn of 0; those already there keep every bit, so that a point on an edge stays on it."""
    return np.where(np.abs(lon) > 360, (lon + 180) % 360 - 180, lon)


def _mended(land: gpd.GeoDataFrame) -> npt.NDArray[np.object_]:
    if land.crs is not None and land.crs != CRS:
        land = land.to_crs(CRS)
    shapes = np.asarray(land.geometry.dropna())
    return np.where(shapely.is_valid(shapes), shapes, shapely.make_valid(shapes))
