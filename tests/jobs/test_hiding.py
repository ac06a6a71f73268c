"""What a back-test hides: whole locations, whole regions, or the discoveries of late years."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from chips import outcome

from jobs.backtesting.hiding import choose_hidden, draw
from mineral_pipeline import settings as reader
from mineral_pipeline.errors import DataError, SettingsError
from mineral_pipeline.geometry import CRS
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts, ledger

N = 10
LONS = np.array([3.0 * number for number in range(N)])
"""Locations, two degrees wide; the first and the last lie in a region each, the others in a third."""


@pytest.fixture
def settings(workspace: Workspace, tmp_path: Path) -> Settings:
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
    regions.to_file(tmp_path / "regions.geojson")
    return reader.parse(
        {
            "workspace": workspace.url,
            "archive": {"url": "."},
            "label": {"deposits": ["deposits.csv"]},
            "curate": {"land": "land.geojson", "regions": str(tmp_path / "regions.geojson")},
        }
    )


def hiding(settings: Settings, **backtest: object) -> Settings:
    return reader.parse({**settings.model_dump(), "backtest": backtest})


def test_places_are_hidden_whole_and_the_seed_decides_which(settings: Settings) -> None:
    found = choose_hidden(hiding(settings, fraction=0.3))
    numbers = {identifier[1:] for identifier in found["id"]}
    assert len(numbers) == 3  # 0.3 of nine
    assert {*found["id"]} == {f"{letter}{number}" for letter in "de" for number in numbers}
    assert choose_hidden(hiding(settings, fraction=0.3)).equals(found)
    others = [{*choose_hidden(hiding(settings, fraction=0.3, seed=seed))["id"]} for seed in range(1, 6)]
    assert any(other != {*found["id"]} for other in others)


def test_regions_are_hidden_whole(settings: Settings) -> None:
    seen = set()
    for seed in range(8):
        found = frozenset(choose_hidden(hiding(settings, hide="regions", fraction=0.1, seed=seed))["id"])
        seen.add(found)
    west = frozenset({"d0", "e0"})
    middle = frozenset(f"{letter}{number}" for letter in "de" for number in range(1, 9))
    assert seen == {west, middle}  # the east holds none


def test_years_hide_what_was_found_later_and_nothing_of_unknown_year(settings: Settings) -> None:
    assert choose_hidden(hiding(settings, hide="year", year=1960))["id"].tolist() == ["d7", "d8", "far"]
    with pytest.raises(
        SettingsError, match=r"none of 19 deposits was found after 2000 \(the tables tell 1900 to 2000\)"
    ):
        choose_hidden(hiding(settings, hide="year", year=2000))


def test_what_cannot_be_hidden_is_told(settings: Settings, workspace: Workspace) -> None:
    deposits = workspace.read_table(artefacts.DEPOSITS)
    workspace.write_table(artefacts.DEPOSITS, deposits[deposits["id"].isin(["d3", "e3"])])
    with pytest.raises(SettingsError, match="all known deposits lie in one place or region"):
        choose_hidden(hiding(settings))
    workspace.write_table(artefacts.DEPOSITS, deposits[deposits["id"].isin(["d3"])])
    with pytest.raises(DataError, match="every deposit would be hidden"):
        choose_hidden(hiding(settings, hide="year", year=1900))
    workspace.write_table(artefacts.DEPOSITS, deposits[deposits["id"] == "far"])
    with pytest.raises(DataError, match="no location holds a known deposit"):
        choose_hidden(hiding(settings))
    with pytest.raises(SettingsError, match="hide: year needs a year"):
        hiding(settings, hide="year")
    with pytest.raises(SettingsError, match="year is for hide: year"):
        hiding(settings, year=1950)
    with pytest.raises(SettingsError, match=r"backtest\.name"):
        hiding(settings, name="../elsewhere")


@pytest.mark.parametrize(("fraction", "least"), [(0.01, 1), (0.2, 2), (0.5, 5), (0.99, 9)])
def test_as_many_are_drawn_as_are_asked_for_and_one_is_left(fraction: float, least: int) -> None:
    drawn = draw(np.array([f"k{number}" for number in range(10)]), fraction, 3)
    assert len(drawn) == len({*drawn}) == least
