"""The prospects as files: GeoParquet for programs, GeoJSON and a Cloud-Optimised GeoTIFF for maps, a QGIS style."""

from __future__ import annotations

import json
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from mineral_pipeline.prospecting.qgis import style
from mineral_pipeline.prospecting.raster import to_raster
from mineral_pipeline.workspace import Workspace, artefacts

COLUMN_DECIMALS = {
    "probability": 4, "expected_given_one": 3, "expected_number": 4, "expected_low": 3, "expected_high": 3,
    "spread": 4, "first_10": 3, "dissimilarity": 3, "distance_km": 1, "lon": 6, "lat": 6,
}  # fmt: skip
COORDINATE_DECIMALS = 6
"""About 0.1 m, as RFC 7946 section 11.2 recommends."""


def write(workspace: Workspace, prospects: gpd.GeoDataFrame) -> None:
    """Write all files of the prospects, each in one piece, and the GeoParquet last: where it exists, all files do."""
    geojson = json.dumps(to_geojson(prospects), separators=(",", ":"))
    workspace.write_bytes(artefacts.PROSPECTS_GEOJSON, geojson.encode())
    workspace.write_bytes(artefacts.PROSPECTS_STYLE, style(prospects["expected_number"].to_numpy()).encode())
    with workspace.upload_from_local(artefacts.PROSPECTS_RASTER) as path:
        to_raster(prospects).rio.to_raster(path, driver="COG", compress="DEFLATE", overview_resampling="AVERAGE")
    workspace.write_table(artefacts.PROSPECTS, prospects)


def remove(workspace: Workspace) -> None:
    """Remove all files of the prospects, the GeoParquet first."""
    for name in artefacts.PROSPECT_FILES:
        workspace.remove(name)


def to_geojson(prospects: gpd.GeoDataFrame) -> dict[str, Any]:
    """Prospects as an RFC 7946 feature collection: WGS 84, one feature per location, named properties."""
    table = prospects.drop(columns="geometry").round(COLUMN_DECIMALS)
    table = table.astype(object).where(table.notna() & ~table.isin([np.inf, -np.inf]), None)  # JSON has no such number
    footprints = shapely.transform(prospects.geometry.to_numpy(), lambda lonlat: lonlat.round(COORDINATE_DECIMALS))
    features = [
        {
            "type": "Feature",
            "id": properties["location_id"],
            "geometry": shapely.geometry.mapping(footprint),
            "properties": properties,
        }
        for properties, footprint in zip(table.to_dict("records"), footprints, strict=True)
    ]
    return {"type": "FeatureCollection", "features": features}
