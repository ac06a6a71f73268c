"""The prospects as files: GeoParquet for programs, GeoJSON and a Cloud-Optimised GeoTIFF for maps, a QGIS style."""

from __future__ import annotations

import json
from typing import Any

import geopandas as gpd
import shapely

from mineral_pipeline.prospecting.qgis import style
from mineral_pipeline.prospecting.raster import to_raster
from mineral_pipeline.workspace import Workspace, artefacts

GEOJSON, RASTER, STYLE = "prospects.geojson", "prospects.tif", "prospects.qml"
DECIMALS = {"richness": 4, "uncertainty": 4, "distance_km": 1, "lon": 6, "lat": 6}
COORDINATE_DECIMALS = 6
"""About 0.1 m, as RFC 7946 section 11.2 recommends."""


def write(workspace: Workspace, prospects: gpd.GeoDataFrame) -> None:
    """Write all files of the prospects, each in one piece; the GeoParquet, which says that all is there, last."""
    workspace.write_bytes(GEOJSON, json.dumps(to_geojson(prospects), separators=(",", ":")).encode())
    workspace.write_bytes(STYLE, style(prospects["richness"].to_numpy()).encode())
    with workspace.upload_from_local(RASTER) as path:
        to_raster(prospects).rio.to_raster(path, driver="COG", compress="DEFLATE", overview_resampling="AVERAGE")
    workspace.write_table(artefacts.PROSPECTS, prospects)


def to_geojson(prospects: gpd.GeoDataFrame) -> dict[str, Any]:
    """Prospects as an RFC 7946 feature collection: WGS 84, one feature per place, properties named as the columns."""
    table = prospects.drop(columns="geometry").round(DECIMALS)
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
