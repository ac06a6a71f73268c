"""A row of ten locations with deposits, of which a back-test hides some."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from chips import outcome

from mineral_pipeline import settings as reader
from mineral_pipeline.geometry import CRS
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts, ledger

N = 10
LONS = np.array([3.0 * number for number in range(N)])
"""Locations, two degrees wide; the first and the last lie in a region each, the others in a third."""


def write_row(workspace: Workspace, folder: Path) -> Settings:
    """Two deposits in each location but the last, found in 1900 + 10 x number and in no known year; one in none."""
    ledger.write_part(
        workspace, 0, [outcome(k, f"P{k}", geometry=shapely.box(x - 1, -1, x + 1, 1)) for k, x in enumerate(LONS)]
    )
    labels = [
        {"chip_id": f"P{k}", "scene_id": f"P{k}", "location_id": f"01{k}010", "chip_index": k, "lon": x, "lat": 0.0,
         "n_deposits": 2 * (k < N - 1), "has_deposit": k < N - 1, "richness": 0.5}
        for k, x in enumerate(LONS)
    ]  # fmt: skip
    workspace.write_table(artefacts.labels_part(0), pd.DataFrame(labels))
    rich = np.arange(N - 1)
    table = pd.DataFrame(
        {
            "id": [*(f"d{k}" for k in rich), *(f"e{k}" for k in rich), "far"],
            "lon": [*LONS[:-1], *(LONS[:-1] + 0.5), 0.0],
            "lat": [0.0] * (2 * len(rich)) + [50.0],
            "year": pd.array([*(1900 + 10 * rich), *[None] * len(rich), 2000], dtype="Int64"),
        }
    )
    points = gpd.points_from_xy(table["lon"], table["lat"])
    workspace.write_table(artefacts.DEPOSITS, gpd.GeoDataFrame(table, geometry=points, crs=CRS))
    regions = gpd.GeoDataFrame(
        {"name": ["west", "east", "middle"]},
        geometry=[shapely.box(-2, -2, 1, 2), shapely.box(26, -2, 29, 2), shapely.box(1, -2, 26, 2)], crs=CRS,
    )  # fmt: skip
    regions.to_file(folder / "regions.geojson")
    return reader.parse(
        {
            "workspace": workspace.url,
            "archive": {"url": "."},
            "label": {"deposits": ["deposits.csv"]},
            "curate": {"land": "land.geojson", "regions": str(folder / "regions.geojson")},
        }
    )


def hiding(settings: Settings, **backtest: object) -> Settings:
    """The settings with another section ``backtest``."""
    return reader.parse({**settings.model_dump(), "backtest": backtest})
