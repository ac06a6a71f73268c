"""A run that cannot succeed with the scenes of its catalogue is refused before these are fetched; the plan says so."""

from __future__ import annotations

import math
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from small_demo import DEMO, demo_overrides

from jobs.__main__ import main
from jobs.running import feasibility
from mineral_pipeline import settings as reader
from mineral_pipeline.errors import DataError
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts


def configure(tmp_path: Path, **sections: object) -> Settings:
    return reader.parse(
        {
            "workspace": str(tmp_path / "workspace"),
            "archive": {"url": str(tmp_path)},
            "label": {"deposits": ["d.csv"]},
            "curate": {"land": "land.geojson", "min_locations": {"train": 2, "validation": 1, "test": 3}},
        }
        | sections
    )


def catalogue(settings: Settings, locations: int) -> None:
    """A catalogue of two scenes of each of some locations, on neighbouring paths of one row."""
    path = [1 + number for number in range(locations)] * 2
    rows = pd.DataFrame({"location_id": [f"{number:03d}060" for number in path], "path": path, "row": 60})
    Workspace(settings.workspace).write_table(artefacts.CATALOGUE, rows)


@pytest.mark.parametrize(("tasks", "needed"), [(["presence", "richness"], 12), (["richness"], 6), (["presence"], 12)])
def test_too_few_locations_are_told(tmp_path: Path, tasks: list[str], needed: int) -> None:
    settings = configure(tmp_path, tasks=tasks)
    catalogue(settings, needed)
    assert feasibility.find_obstacle(settings.jobs, settings) == ""
    catalogue(settings, needed - 1)
    obstacle = feasibility.find_obstacle(settings.jobs, settings)
    assert obstacle.startswith(
        f"curate, train, tune, evaluate, prospect cannot succeed: the catalogue holds {2 * needed - 2} scenes of"
        f" {needed - 1} locations (path/row), and curate needs at least {needed}, curate.min_locations of each class"
    )


def test_locations_that_one_block_may_hold_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neighbouring paths are 360 / 233 degrees apart at the equator, 172 km; a block has 1,000 km."""
    settings = configure(tmp_path, tasks=["richness"])
    catalogue(settings, 6)
    doubt = feasibility.find_doubt(settings.jobs, settings)
    assert doubt == (
        "curate is unlikely to succeed: all 6 locations lie within 859 km, and a block of 1,000 km is never in two"
        " subsets: lower curate.block_size_km"
    )
    assert round(5 * 360 / 233 * 6371.0088 * math.pi / 180) == 859
    feasibility.refuse_hopeless(settings.jobs, "acquire", settings)
    assert "lower curate.block_size_km" in " ".join(capsys.readouterr().out.split())
    catalogue(settings, 7)
    assert feasibility.find_doubt(settings.jobs, settings) == ""
    catalogue(settings, 6)
    buckets = configure(tmp_path, curate={"land": "land.geojson", "split": "buckets"})
    assert feasibility.find_doubt(buckets.jobs, buckets) == ""


def test_only_before_what_takes_long(tmp_path: Path) -> None:
    settings = configure(tmp_path)
    assert feasibility.find_obstacle(settings.jobs, settings) == "", "without a catalogue nothing is known"
    catalogue(settings, 1)
    assert feasibility.find_obstacle(["catalogue", "acquire", "label"], settings) == ""
    feasibility.refuse_hopeless(settings.jobs, "catalogue", settings)  # which may make another one
    for job in ("acquire", "label"):
        with pytest.raises(DataError, match=r"or leave curate, train, tune, evaluate, prospect out of jobs$"):
            feasibility.refuse_hopeless(settings.jobs, job, settings)


def test_the_run_ends_and_the_plan_says_so(planet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes = [*demo_overrides(planet), "catalogue.limit=2", "jobs=[catalogue, acquire, label, curate]"]
    options = [text for change in changes for text in ("--set", change)]
    command = ["run", str(DEMO), "--workspace", str(tmp_path / "new"), "--cluster", "threads", *options]
    assert main(command) == 2
    assert "curate cannot succeed: the catalogue holds 2 scenes of " in capsys.readouterr().err
    workspace = Workspace(str(tmp_path / "new"))
    assert workspace.exists(artefacts.CATALOGUE)
    assert not workspace.exists(artefacts.CHIPS)
    assert main([*command, "--plan"]) == 0
    assert "curate cannot succeed: " in capsys.readouterr().out


@pytest.mark.parametrize(("golden", "is_refused"), [(5, True), (6, False)])
def test_a_commodity_in_too_few_places_is_told(tmp_path: Path, golden: int, is_refused: bool) -> None:
    """Twelve locations in a row across the antimeridian; gold is listed in some, and twice in the first."""
    deposits = tmp_path / "deposits.csv"
    lon = [(175 + number + 180) % 360 - 180 for number in range(12)]
    rows = [f"Mine {k},0.5,{lon[k] + 0.5},{'Gold' if k < golden else 'Tin'}" for k in range(12)]
    deposits.write_text("\n".join(["site_name,latitude,longitude,commod1", *rows, f"Old,0.6,{lon[0] + 0.6},Gold"]))
    settings = configure(tmp_path, tasks=["presence", "presence:gold"], label={"deposits": [str(deposits)]})
    boxes = [shapely.box(175 + number + 0.25, 0.25, 175 + number + 0.75, 0.75) for number in range(12)]
    keys = {"location_id": [f"{number:03d}060" for number in range(12)], "path": range(12), "row": 60}
    Workspace(settings.workspace).write_table(artefacts.CATALOGUE, gpd.GeoDataFrame(keys, geometry=boxes, crs=4326))
    found = feasibility.find_rare(settings.jobs, settings)
    if is_refused:
        assert found == (
            "curate, train, tune, evaluate, prospect cannot succeed: presence:gold needs at least 6 locations with a"
            " deposit of gold, and of 12 in the catalogue at most 5 can hold one: leave presence:gold out of tasks, or"
            " give more scenes, or more deposits in label.deposits"
        )
        with pytest.raises(DataError, match="presence:gold needs at least 6"):
            feasibility.refuse_hopeless(settings.jobs, "acquire", settings)
    else:
        assert found == ""
    plain = configure(tmp_path, label={"deposits": ["nowhere.csv"]})
    assert feasibility.find_rare(plain.jobs, plain) == "", "nothing is read for the tasks about all deposits"
