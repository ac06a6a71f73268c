"""The ocean mask: which locations are over land, by their centre as in the study or by the land in their outline."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from mineral_pipeline import geometry
from mineral_pipeline.curation.polygons import find_containing, make_valid, without_ground
from mineral_pipeline.geometry import CRS, Invalid, Points, Shapes, polygon_area, refuse

STEPS_PER_EDGE = 16
"""Straight pieces in longitude and latitude that an edge is drawn with. A scene's edge then leaves its great circle by
at most 16 m, at 80 degrees of latitude."""

FRACTION_TOLERANCE = 1e-9
"""Share of an outline that rounding may lose."""

MAX_CORNERS = 256
"""Largest number of corners of a piece of land. A continent has 100,000, and to intersect it as a whole is slow."""


def over_land(
    points: Points, land: gpd.GeoSeries | gpd.GeoDataFrame, invalid: Invalid = "raise"
) -> npt.NDArray[np.bool_]:
    """Whether points lie over land; a point on the shore does.

    Args:
        points: (n, 2) longitude and latitude, as for `find_containing`; or points in any reference system.
        land: polygons, as for `find_containing`.
        invalid: what is done with rows of ``land`` that hold no ground: refused, or named in a warning.

    Returns:
        (n,) flags.

    Raises:
        DataError: a row of ``land`` is no polygon, or one without ground, and the message names it; or ``points`` are
            no points.
    """
    positions = geometry.to_positions(points)
    refuse(without_ground(land), "rows of the land polygons hold no ground", invalid)
    inside = np.zeros(len(positions), dtype=bool)
    inside[find_containing(positions, land)[0]] = True
    return inside


def land_fractions(outlines: npt.ArrayLike, land: gpd.GeoSeries | gpd.GeoDataFrame) -> npt.NDArray[np.float64]:
    """Share of the area of outlines that is land; areas are those of the sphere.

    Args:
        outlines: (n, v, 2) lon/lat of convex polygons of great circles; those with fewer vertices repeat their last.
        land: land polygons as in `over_land`; where they overlap, the ground counts once. Land that went through
            `subdivide` makes repeated calls faster.

    Returns:
        (n,) from 0 to 1.
    """
    drawn, pieces = _draw(outlines), np.asarray(subdivide(land).geometry)
    # Every turn of the Earth is tried: outlines across the antimeridian reach beyond 180.
    turned = np.concatenate([_turned(pieces, turn) for turn in (-360, 0, 360)])
    piece, outline = shapely.STRtree(drawn).query(turned, predicate="intersects")
    order = np.argsort(outline, kind="stable")
    parts = shapely.intersection(drawn[outline[order]], turned[piece[order]])
    found = np.full(len(drawn), shapely.GeometryCollection(), dtype=object)
    shapely.geometrycollections(parts, indices=outline[order], out=found)
    return np.asarray(
        polygon_area.lonlat_areas(shapely.union_all(found[:, None], axis=1)) / polygon_area.lonlat_areas(drawn)
    )


def subdivide(land: gpd.GeoSeries | gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Land in WGS 84, halved again and again into pieces of at most `MAX_CORNERS`; invalid polygons are repaired."""
    whole, small = shapely.get_parts(_repaired(land)), []
    while len(whole):
        fits = shapely.get_num_coordinates(whole) <= MAX_CORNERS
        small.append(whole[fits])
        whole = shapely.get_parts(shapely.intersection(np.repeat(whole[~fits], 2), _halves(whole[~fits])))
        whole = whole[shapely.get_dimensions(whole) == 2]
    return gpd.GeoDataFrame(geometry=np.concatenate([np.empty(0, dtype=object), *small]), crs=CRS)


def _turned(shapes: Shapes, turn: float) -> Shapes:
    """Shapes moved eastwards by ``turn`` degrees."""
    return np.asarray(shapely.transform(shapes, lambda lonlat: lonlat + np.array([turn, 0.0])))


def _halves(shapes: Shapes) -> Shapes:
    """The two halves (2n,) of the bounds of each shape, cut across the longer edge."""
    west, south, east, north = shapely.bounds(shapes).T
    wide, x, y = east - west > north - south, (west + east) / 2, (south + north) / 2
    lower = shapely.box(west, south, np.where(wide, x, east), np.where(wide, north, y))
    upper = shapely.box(np.where(wide, x, west), np.where(wide, south, y), east, north)
    return np.stack([lower, upper], axis=1).ravel()


def _draw(outlines: npt.ArrayLike) -> Shapes:
    """Polygons of great circles as polygons in longitude and latitude, continuous across the antimeridian."""
    corners = geometry.unit_vectors(outlines)[:, :, None]
    along = np.linspace(0, 1, STEPS_PER_EDGE, endpoint=False)[:, None]
    rings = geometry.lonlat(corners * (1 - along) + np.roll(corners, -1, axis=1) * along).reshape(len(corners), -1, 2)
    rings[..., 0] = np.unwrap(rings[..., 0], period=360, axis=1)
    drawn = shapely.polygons(rings)
    turns = rings[:, -1, 0] - rings[:, 0, 0]
    for polar in np.flatnonzero(np.abs(turns) > 180):  # the ring goes round a pole: it is closed along the pole
        (lon, lat), turn = rings[polar, 0], np.copysign(360, turns[polar])
        pole = np.copysign(90, rings[polar, :, 1].mean())
        drawn[polar] = shapely.Polygon([*rings[polar], (lon + turn, lat), (lon + turn, pole), (lon, pole)])
    return np.asarray(drawn)


def is_on_land(locations: gpd.GeoDataFrame, land: gpd.GeoDataFrame, min_fraction: float | None = None) -> pd.Series:
    """Which locations of a partition are over land.

    Args:
        locations: locations as `find_locations` gives them: outlines when ``min_fraction`` is given, else centres.
        land: land polygons as in `over_land`.
        min_fraction: share of an outline that must be land; by default the centre must be.

    Returns:
        Flags with the index of ``locations``.
    """
    if min_fraction is None:
        flags = over_land(shapely.get_coordinates(locations.geometry), land)
    else:
        fractions = land_fractions(geometry.vertex_array(locations.geometry), land)
        flags = fractions >= min_fraction - FRACTION_TOLERANCE
    return pd.Series(flags, index=locations.index, name="on_land")


def _repaired(land: gpd.GeoSeries | gpd.GeoDataFrame) -> Shapes:
    """Land polygons in WGS 84, invalid ones made valid."""
    if land.crs is not None and land.crs != CRS:
        land = land.to_crs(CRS)
    shapes = make_valid(np.asarray(land.geometry.dropna()))
    return np.asarray(shapes[shapely.get_dimensions(shapes) == 2])
