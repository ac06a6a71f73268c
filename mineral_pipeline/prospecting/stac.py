"""The prospects as a STAC item, by which catalogues of geospatial data find them.

The item follows the core specification 1.1.0 (https://github.com/radiantearth/stac-spec) with the extensions for
projections (2.0.0) and for files (2.1.0).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from mineral_pipeline.geometry import CRS
from mineral_pipeline.learning import of_subject
from mineral_pipeline.prospecting.columns import BANDS, band_title, commodity_of
from mineral_pipeline.prospecting.raster import find_grid
from mineral_pipeline.workspace import artefacts

STAC_VERSION = "1.1.0"
EXTENSIONS = (
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
)

MEDIA_TYPES = {
    artefacts.PROSPECTS: ("application/vnd.apache.parquet", "GeoParquet", ["data"]),
    artefacts.PROSPECTS_PACKAGE: ("application/geopackage+sqlite3", "GeoPackage", ["data"]),
    artefacts.PROSPECTS_GEOJSON: ("application/geo+json", "GeoJSON", ["data"]),
    artefacts.PROSPECTS_RASTER: ("image/tiff; application=geotiff; profile=cloud-optimized", "Mosaic", ["data"]),
    artefacts.PROSPECTS_STYLE: ("application/xml", "QGIS style", ["metadata"]),
    artefacts.PROSPECTS_PROJECT: ("application/xml", "QGIS project", ["metadata"]),
}
"""Media type, title and roles of the files."""


def make_item(
    prospects: gpd.GeoDataFrame, files: Mapping[str, bytes], period: Sequence[str], identity: str
) -> dict[str, Any]:
    """The item of some prospects.

    Args:
        prospects: prospects as published, cut at the antimeridian.
        files: content of the files of `MEDIA_TYPES` by name.
        period: days of the first and the last image of the prospects, as ISO 8601 has them; empty when unknown.
        identity: hash of the list, of which the item's name is made.
    """
    of = of_subject(commodity_of(prospects))
    title = f"{len(prospects):,} ranked {'' if of else 'mineral '}prospects{of}"
    box, now = extent(prospects.geometry), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    dates: dict[str, Any] = {"datetime": now}
    if len(period):
        dates = {"datetime": None} | {
            key: f"{day[:10]}T{time}Z"
            for key, day, time in zip(
                ("start_datetime", "end_datetime"), (min(period), max(period)), ("00:00:00", "23:59:59"), strict=True
            )
        }
    return {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": list(EXTENSIONS),
        "id": f"prospects-{identity[:12]}",
        "geometry": shapely.geometry.mapping(outline(box)),
        "bbox": list(box),
        "properties": dates
        | {
            "title": title,
            "created": now,
            "proj:code": CRS,
        },
        "links": [],
        "assets": {
            name.rpartition(".")[2]: _asset(name, content)
            | (_raster(prospects) if name == artefacts.PROSPECTS_RASTER else {})
            for name, content in files.items()
        },
    }


def extent(footprints: gpd.GeoSeries) -> tuple[float, float, float, float]:
    """West, south, east and north of footprints that are cut at the antimeridian.

    It is the shortest range of longitudes, so that west is above east where it crosses the antimeridian, as RFC 7946
    section 5.2 asks; all longitudes where the footprints leave none free.
    """
    bounds = shapely.bounds(shapely.get_parts(footprints.to_numpy()))
    south, north = float(bounds[:, 1].min()), float(bounds[:, 3].max())
    ranges = bounds[np.argsort(bounds[:, 0])][:, [0, 2]]
    reached = np.maximum.accumulate(ranges[:, 1])
    ends = np.append(ranges[1:, 0], ranges[0, 0] + 360)  # what follows each range, the first again a turn later
    gap = int(np.argmax(ends - reached))
    if ends[gap] - reached[gap] <= 0:
        return -180.0, south, 180.0, north
    return float((ends[gap] + 180) % 360 - 180), south, float(reached[gap]), north


def outline(box: Sequence[float]) -> shapely.Geometry:
    """An `extent` as a polygon, or two where it crosses the antimeridian."""
    west, south, east, north = box
    if west <= east:
        return shapely.box(west, south, east, north)
    return shapely.MultiPolygon([shapely.box(west, south, 180, north), shapely.box(-180, south, east, north)])


def _asset(name: str, content: bytes) -> dict[str, Any]:
    media_type, title, roles = MEDIA_TYPES[name]
    return {
        "href": f"./{name}",
        "type": media_type,
        "title": title,
        "roles": roles,
        "file:size": len(content),
        # Multihash: 12 is SHA-256, 20 its length in bytes, both hexadecimal.
        "file:checksum": f"1220{hashlib.sha256(content).hexdigest()}",
    }


def _raster(prospects: gpd.GeoDataFrame) -> dict[str, Any]:
    """Fields of the raster's asset: its grid and its bands."""
    grid, commodity = find_grid(prospects.geometry), commodity_of(prospects)
    transform = grid.transform
    return {
        "proj:shape": [grid.height, grid.width],
        "proj:transform": list(transform)[:6],
        "proj:bbox": [
            transform.c, transform.f + transform.e * grid.height, transform.c + transform.a * grid.width, transform.f
        ],
        "gsd": grid.cell * 111_195,
        "bands": [
            {"name": band, "description": band_title(band, commodity), "data_type": "float32", "nodata": "nan"}
            for band in BANDS
        ],
    }  # fmt: skip
