"""What a back-test hides: whole locations, whole regions, or the discoveries of late years."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from row_of_locations import hiding, write_row

from jobs.backtesting.hiding import choose_hidden, draw
from mineral_pipeline.errors import DataError, SettingsError
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts


@pytest.fixture
def settings(workspace: Workspace, tmp_path: Path) -> Settings:
    return write_row(workspace, tmp_path)


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


def test_of_a_commodity_its_own_deposits_are_hidden(settings: Settings, workspace: Workspace) -> None:
    """Gold is known in locations 1 to 4, as d1 to d4; what lies beside it stays known."""
    table = workspace.read_table(artefacts.DEPOSITS)
    held = np.where(table["id"].isin(["d1", "d2", "d3", "d4"]), "Silver;Gold", "Copper")
    workspace.write_table(artefacts.DEPOSITS, table.assign(commodities=held))
    tasks = ["presence:gold", "richness:gold"]
    of_gold = Settings.model_validate({**settings.model_dump(), "tasks": tasks, "prospect": {"commodity": "gold"}})
    found = choose_hidden(hiding(of_gold, fraction=0.5))
    assert len(found) == 2, "half of the four places"
    assert {*found["id"]} < {"d1", "d2", "d3", "d4"}
    with pytest.raises(DataError, match="every deposit would be hidden"):
        choose_hidden(hiding(of_gold, hide="year", year=1900))
