"""Labelled chips are read from tables that fit each other."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from mineral_pipeline.curation import read_chips
from mineral_pipeline.errors import DataError, WorkspaceError
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


def write_chips(workspace: Workspace, labels: pd.DataFrame) -> None:
    """Four labelled chips, of which the third has no footprint, in a ledger whose parts are in another order."""
    workspace.write_table(artefacts.labels_part(0), labels)
    shapes = [shapely.box(0, 0, 1, 1), shapely.box(5, 0, 6, 1), None, shapely.box(9, 0, 10, 1)]
    images = pd.DataFrame({"chip_id": ["a", "b", "c", "d"], "brightness": [1.0, 2, 3, 4], "image_sha256": "0"})
    table = gpd.GeoDataFrame(images, geometry=shapes, crs="EPSG:4326")
    for part, rows in enumerate((table[2:], table[:2])):
        workspace.write_table(artefacts.ledger_part(part), rows)


LABELS = pd.DataFrame(
    {
        "chip_id": ["d", "b", "a", "c"], "scene_id": "s", "location_id": ["1", "2", "2", "3"],
        "chip_index": [3, 1, 0, 2], "lon": 0.0, "lat": 0.0, "n_deposits": [4, 0, 1, 1],
        "has_deposit": [True, False, True, True], "richness": [1.0, 0, 0.5, 0.5],
        "has_open_mine": [True, False, False, True],
    }
)  # fmt: skip


@pytest.mark.parametrize("drop_open_mines", [True, False])
def test_chips_without_a_footprint_or_with_an_open_mine_have_a_reason_to_be_dropped(
    workspace: Workspace, drop_open_mines: bool
) -> None:
    write_chips(workspace, LABELS)
    chips = read_chips(workspace, drop_open_mines=drop_open_mines)
    assert chips["chip_id"].tolist() == ["a", "b", "c", "d"]
    assert chips["brightness"].tolist() == [1, 2, 3, 4]
    assert chips["drop_reason"].tolist() == ["", "", "no footprint", "a large open mine" if drop_open_mines else ""]
    assert not chips[["is_ambiguous", "is_barren"]].any(axis=None), "columns that earlier versions did not write"


def test_labels_that_lack_what_is_asked_for_are_refused(workspace: Workspace) -> None:
    write_chips(workspace, LABELS.drop(columns="has_open_mine"))
    with pytest.raises(DataError, match="has no column has_open_mine: run label again"):
        read_chips(workspace, drop_open_mines=True)
    with pytest.raises(DataError, match="has no column n_gold: run label again"):
        read_chips(workspace, subjects=["gold"])
    write_chips(workspace, LABELS[:0])
    with pytest.raises(DataError, match="holds no chips: no scene ended ok"):
        read_chips(workspace)
