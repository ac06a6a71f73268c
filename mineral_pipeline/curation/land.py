"""The ocean mask: which places lie over land."""

from __future__ import annotations

import io
from typing import cast

import fsspec
import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from mineral_pipeline.errors import DataError, SettingsError
from mineral_pipeline.workspace import CRS


def read_land(path: str) -> gpd.GeoDataFrame:
    """Read land polygons.

    Args:
        path: local path or URL (http, or any that fsspec opens) of a file that geopandas reads, GeoParquet included.

    Raises:
        SettingsError: it is absent or cannot be read.
        DataError: it holds no polygons.
    """
    try:
        land = _read(path)
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise SettingsError(
            f"curate.land: no land: {path} cannot be read ({why}): give a file of land polygons"
        ) from error
    if not isinstance(land, gpd.GeoDataFrame) or not (_is_area(land) & ~land.is_empty).any():
        raise DataError(f"curate.land: no land: {path} holds no polygons: give a file of land polygons")
    return land


def _read(path: str) -> pd.DataFrame:
    is_object = "://" in path and not path.startswith(("http://", "https://"))  # those, geopandas fetches itself
    source: str | io.BytesIO = path
    if is_object:
        with fsspec.open(path, "rb") as file:
            source = io.BytesIO(file.read())
    if path.endswith((".parquet", ".geoparquet")):
        return cast(pd.DataFrame, gpd.read_parquet(source))
    return cast(pd.DataFrame, gpd.read_file(source))  # plain when the file has no geometry


def _is_area(land: gpd.GeoDataFrame) -> pd.Series:
    return cast("pd.Series[bool]", land.geom_type.isin(["Polygon", "MultiPolygon"]))


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


def mark_land(places: gpd.GeoDataFrame, land: gpd.GeoDataFrame) -> pd.Series:
    """`over_land` for a partition of points: flags with the index of ``places``."""
    return pd.Series(over_land(shapely.get_coordinates(places.geometry), land), index=places.index, name="on_land")


def _wrapped(lon: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Longitudes within a turn of 0; those already there keep every bit, so that a point on an edge stays on it."""
    return np.where(np.abs(lon) > 360, (lon + 180) % 360 - 180, lon)


def _mended(land: gpd.GeoDataFrame) -> npt.NDArray[np.object_]:
    if land.crs is not None and land.crs != CRS:
        land = land.to_crs(CRS)
    shapes = np.asarray(land.geometry.dropna())
    return np.where(shapely.is_valid(shapes), shapes, shapely.make_valid(shapes))
