"""Labelled chips are read from tables that fit each other."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from mineral_pipeline.curation import read_chips
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.workspace import Workspace, artefacts


@pytest.mark.parametrize("twice", [artefacts.LABELS, artefacts.LEDGER])
def test_a_part_in_the_place_of_another_is_named(workspace: Workspace, twice: str) -> None:
    facts = {"chip_index": 0, "brightness": 1.0, "image_sha256": ""}
    for part, chip in enumerate(("A", "B")):
        for folder in (artefacts.LABELS, artefacts.LEDGER):
            table = pd.DataFrame([{"chip_id": "A" if folder == twice else chip, **facts}])
            table = gpd.GeoDataFrame(table, geometry=[shapely.box(0, 0, 1, 1)], crs="EPSG:4326")
            workspace.write_table(f"{folder}/part-{part:05d}.parquet", table)

    with pytest.raises(WorkspaceError, match=rf"{twice} holds a chip twice: run .* repair"):
        read_chips(workspace)
