"""Polygons from a file: any that geopandas reads, on disk or by URL, checked and cached by its checksum."""

from __future__ import annotations

import hashlib
import io
import os
import re
import secrets
from pathlib import Path
from typing import cast
from urllib.request import urlopen

import fsspec
import geopandas as gpd
import pandas as pd

from mineral_pipeline.curation.polygons import without_ground
from mineral_pipeline.errors import DataError, SettingsError, one_line
from mineral_pipeline.geometry import CRS, refuse

TIMEOUT_S = 60
"""Seconds without a byte after which a request fails."""


def read_land(path: str, sha256: str | None = None) -> gpd.GeoDataFrame:
    """Read the land polygons of ``curate.land``; see `read_polygons`."""
    return read_polygons(path, "curate.land", sha256)


def read_polygons(path: str, setting: str, sha256: str | None = None) -> gpd.GeoDataFrame:
    """Read polygons.

    Args:
        path: local path or URL (http, or any that fsspec opens) of a file that geopandas reads: GeoParquet, GeoPackage,
            GeoJSON, a zipped shapefile such as Natural Earth's.
        setting: name of the setting that gives the path, for messages.
        sha256: the file must have this checksum. A URL is then read once and kept in `cache_folder`.

    Returns:
        The rows of the file that hold ground; the others are named in a warning.

    Raises:
        SettingsError: it is absent, cannot be read, or has another checksum.
        DataError: it holds no polygons.
    """
    table = _read(path, setting, "polygons", sha256)
    if not isinstance(table, gpd.GeoDataFrame) or not (_is_area(table) & ~table.is_empty).any():
        raise DataError(f"{setting}: {path} holds no polygons: give a file of polygons")
    empty = without_ground(table)
    refuse(empty, f"{setting}: {len(empty):,} of {len(table):,} rows of {path} hold no ground", "warn")
    return table.drop(index=table.index[list(empty)])


def read_shapes(path: str, setting: str) -> gpd.GeoDataFrame:
    """Read polygons, lines and points; ``path`` and ``setting`` are as for `read_polygons`.

    Returns:
        One row per part of a shape, with the index of its row in the file, in the file's reference system, WGS 84 if it
        has none; rows without a shape are left out.

    Raises:
        SettingsError: the file is absent, cannot be read, or tells no reference system of coordinates that are no
            degrees.
        DataError: it holds no shapes.
    """
    table = _read(path, setting, "polygons, lines or points")
    if not isinstance(table, gpd.GeoDataFrame) or (table.geometry.isna() | table.is_empty).all():
        raise DataError(f"{setting}: {path} holds no shapes: give a file of polygons, lines or points")
    parts = table[~(table.geometry.isna() | table.is_empty)].explode(index_parts=False)
    if parts.crs is None:
        west, south, east, north = parts.total_bounds
        if not (-360 <= west <= east <= 360 and -90 <= south <= north <= 90):
            raise SettingsError(f"{setting}: {path} tells no reference system, and its coordinates are no degrees")
        parts = parts.set_crs(CRS)
    return parts


def _read(path: str, setting: str, what: str, sha256: str | None = None) -> pd.DataFrame:
    try:
        return _parse(path, _content(path, sha256))
    except SettingsError:
        raise
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        reason = one_line(error) or type(error).__name__
        raise SettingsError(f"{setting}: {path} cannot be read ({reason}): give a file of {what}") from error


def cache_folder() -> Path:
    """Folder of the files from URLs, named by checksum: ``$XDG_CACHE_HOME/mineral-pipeline``, else in ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mineral-pipeline"


def _content(path: str, sha256: str | None) -> bytes | None:
    """The checked content of a file; None for a local one without a checksum, which geopandas opens itself."""
    if sha256 is None:
        return _fetch(path) if _is_url(path) else None
    cached = cache_folder() / sha256.lower()
    if _is_url(path) and cached.is_file() and _digest(content := cached.read_bytes()) == sha256.lower():
        return content
    content = _fetch(path)
    if (found := _digest(content)) != sha256.lower():
        raise SettingsError(
            f"curate.land_sha256: {path} has the SHA-256 {found}, not {sha256}: it is another file than the one"
            " meant; get the right one, or look at it and set its checksum"
        )
    if _is_url(path):
        _keep(cached, content)
    return content


def _fetch(path: str) -> bytes:
    if path.startswith(("http://", "https://")):
        with urlopen(path, timeout=TIMEOUT_S) as response:
            return cast(bytes, response.read())
    with fsspec.open(path, "rb") as file:
        return cast(bytes, file.read())


def _keep(cached: Path, content: bytes) -> None:
    """Write a file of the cache in one piece; two runs at the same time write the same content."""
    cached.parent.mkdir(parents=True, exist_ok=True)
    temporary = cached.with_name(f".{cached.name}.{secrets.token_hex(4)}")
    temporary.write_bytes(content)
    temporary.replace(cached)


def _parse(path: str, content: bytes | None) -> pd.DataFrame:
    source = path if content is None else io.BytesIO(content)
    if path.endswith((".parquet", ".geoparquet")):
        return cast(pd.DataFrame, gpd.read_parquet(source))
    return cast(pd.DataFrame, gpd.read_file(source))  # plain when the file has no geometry


def _is_url(path: str) -> bool:
    return re.match(r"\w[\w+.-]*://", path) is not None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _is_area(table: gpd.GeoDataFrame) -> pd.Series:
    return cast("pd.Series[bool]", table.geom_type.isin(["Polygon", "MultiPolygon"]))
