"""The prospects as files: for programs, for maps, for QGIS and for catalogues of data; and the hash of the list."""

from __future__ import annotations

import json
import math
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from mineral_pipeline.prospecting import stac
from mineral_pipeline.prospecting.columns import RANKING
from mineral_pipeline.prospecting.freeze import freeze
from mineral_pipeline.prospecting.qgis import LAYER, project, style
from mineral_pipeline.prospecting.raster import write_raster
from mineral_pipeline.workspace import Workspace, artefacts, ledger, tables

COLUMN_DECIMALS = {
    "probability": 4, "expected_given_one": 3, "expected_number": 4, "expected_low": 3, "expected_high": 3,
    "spread": 4, "first_10": 3, "dissimilarity": 3, "distance_km": 1, "lon": 6, "lat": 6,
}  # fmt: skip
COORDINATE_DECIMALS = 6
"""About 0.1 m, as RFC 7946 section 11.2 recommends."""


def write(workspace: Workspace, prospects: gpd.GeoDataFrame) -> str:
    """Write all files of the prospects, each in one piece, and the GeoParquet last: where it exists, all files do.

    Args:
        workspace: the workspace.
        prospects: prospects, whose footprints are cut at the antimeridian.

    Returns:
        The hash of the list.
    """
    workspace.remove(artefacts.PROSPECTS)  # its presence says that the others are of the same list
    geojson = json.dumps(to_geojson(prospects), separators=(",", ":"), allow_nan=False)
    workspace.write_bytes(artefacts.PROSPECTS_GEOJSON, geojson.encode())
    workspace.write_bytes(artefacts.PROSPECTS_STYLE, style(prospects[RANKING], RANKING).encode())
    box = stac.extent(prospects.geometry)
    workspace.write_bytes(artefacts.PROSPECTS_PROJECT, project(prospects, box).encode())
    with workspace.upload_from_local(artefacts.PROSPECTS_PACKAGE) as path:
        prospects.to_file(path, driver="GPKG", layer=LAYER, engine="pyogrio", promote_to_multi=True)
    with workspace.upload_from_local(artefacts.PROSPECTS_RASTER) as path:
        write_raster(prospects, path)
    frozen, table = freeze(workspace, prospects), tables.encode(prospects)
    files = {name: workspace.read_bytes(name) for name in stac.MEDIA_TYPES if name != artefacts.PROSPECTS}
    item = stac.make_item(prospects, {artefacts.PROSPECTS: table, **files}, _period(workspace, prospects), frozen)
    workspace.write_json(artefacts.PROSPECTS_ITEM, item)
    workspace.write_bytes(artefacts.PROSPECTS, table)
    return frozen


def remove(workspace: Workspace) -> None:
    """Remove all files of the prospects, the GeoParquet first."""
    for name in artefacts.PROSPECT_FILES:
        workspace.remove(name)


def to_geojson(prospects: gpd.GeoDataFrame) -> dict[str, Any]:
    """Prospects as an RFC 7946 feature collection: WGS 84, one feature per location, named properties.

    JSON knows no infinity and no nan: null stands for either.
    """
    table = prospects.drop(columns="geometry").round(COLUMN_DECIMALS)
    table = table.astype(object).where(table.notna() & ~table.isin([np.inf, -np.inf]), None)  # JSON has no such number
    footprints = shapely.transform(prospects.geometry.to_numpy(), lambda lonlat: lonlat.round(COORDINATE_DECIMALS))
    features = [
        {
            "type": "Feature",
            "id": properties["location_id"],
            "geometry": shapely.geometry.mapping(footprint),
            "properties": {name: _finite(value) for name, value in properties.items()},
        }
        for properties, footprint in zip(table.to_dict("records"), footprints, strict=True)
    ]
    return {"type": "FeatureCollection", "features": features}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float | np.floating) and not math.isfinite(value) else value


def _period(workspace: Workspace, prospects: gpd.GeoDataFrame) -> list[str]:
    """Days on which the images of the prospects were acquired, as far as the ledger tells."""
    if not workspace.exists(artefacts.LEDGER):
        return []
    table = ledger.read(workspace, ["chip_id", "acquired"])
    days = table["acquired"][table["chip_id"].isin(prospects["chip_id"])]
    return [str(day) for day in days if day]
