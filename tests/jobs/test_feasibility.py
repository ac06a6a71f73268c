"""A run that cannot succeed with the scenes of its catalogue is refused before these are fetched; the plan says so."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
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
    rows = pd.DataFrame({"location_id": [f"{number:06d}" for number in range(locations)] * 2})
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
