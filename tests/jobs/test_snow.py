"""The share of snow of every chip, read on workers shard by shard, and the prospects that it leaves out."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from chips import chip_table, outcome, write_shard
from distributed import Client

from jobs.curation.exclusion import drop_excluded, find_snow
from mineral_pipeline import settings
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.workspace import Workspace, ledger, zarr_store

CHIPS, SIZE, PER_SHARD = 10, 8, 4
WHITE_ROWS = [0, 8, 4, 3, 0, 5, 8, 1, 2, 6]
"""Rows of each chip, of eight, that are white."""


@pytest.fixture
def chips(workspace: Workspace) -> gpd.GeoDataFrame:
    """Chips of three visible bands and one that is not, of which some rows are white and two are fill."""
    names = [f"scene-{number}" for number in range(CHIPS)]
    zarr_store.create_chips(
        workspace, chip_table(names), zarr_store.ImageLayout(("B7", "B1", "B2", "B3"), SIZE, PER_SHARD)
    )
    images = np.full((CHIPS, 4, SIZE, SIZE), 60, np.uint8)
    for image, rows in zip(images, WHITE_ROWS, strict=True):
        image[1:, :rows] = 250
    images[:, :, -2:] = 0
    for shard in range(3):
        rows = range(shard * PER_SHARD, min((shard + 1) * PER_SHARD, CHIPS))
        write_shard(workspace, shard, [outcome(row, names[row]) for row in rows], images[rows.start : rows.stop])
    table = ledger.read(workspace)[["chip_id", "chip_index", "image_sha256"]].assign(drop_reason="")
    return gpd.GeoDataFrame(table, geometry=[shapely.box(0, 0, 1, 1)] * CHIPS, crs="EPSG:4326")


def make_settings(workspace: Workspace, snow: float) -> settings.Settings:
    return settings.parse(
        {"workspace": workspace.url, "archive": {"url": "."}, "jobs": ["curate"],
         "acquire": {"bands": ["B7", "B1", "B2", "B3"]}, "curate": {"land": "-", "exclude": [{"snow": snow}]}}
    )  # fmt: skip


def test_white_rows_are_counted_and_fill_is_not(chips: gpd.GeoDataFrame, workspace: Workspace, client: Client) -> None:
    chips.loc[1, "drop_reason"] = "over the ocean"  # and is not read
    found = find_snow(chips, make_settings(workspace, 0.5), client)
    expected = {row: min(white, 6) / 6 for row, white in enumerate(WHITE_ROWS) if row != 1}
    assert found.sort_index().to_dict() == pytest.approx(expected)
    left = drop_excluded(chips, make_settings(workspace, 0.5), client)
    assert np.flatnonzero(left["drop_reason"] == "snow or ice").tolist() == [2, 3, 5, 6, 9]
    assert left["drop_reason"][1] == "over the ocean"


def test_damaged_pixels_are_named(chips: gpd.GeoDataFrame, workspace: Workspace, client: Client) -> None:
    workspace.remove("chips.zarr/image/c/1")
    with pytest.raises(WorkspaceError, match=r"image/c/1.* is absent"):
        find_snow(chips, make_settings(workspace, 0.5), client)


def test_without_usable_chips_nothing_is_read(chips: gpd.GeoDataFrame, workspace: Workspace, client: Client) -> None:
    found = find_snow(chips.assign(drop_reason="over the ocean"), make_settings(workspace, 0.5), client)
    pd.testing.assert_series_equal(found, pd.Series(np.empty(0)))
