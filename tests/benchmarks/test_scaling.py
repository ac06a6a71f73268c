"""The scaling benchmark runs, and its chips have the columns that curation reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import scaling
from benchmarks.support import harness, pipeline_steps
from mineral_pipeline import curation
from mineral_pipeline.curation.chips import LABEL_COLUMNS


@pytest.mark.parametrize(
    ("stage", "steps"),
    [
        ("catalogue", {"find_products", "select_scenes", "build_catalogue", "write"}),
        ("labelling", {"count_deposits", "finish_labels"}),
        ("curation, buckets", {"find_locations", "is_on_land", "make_split", "select", "measure_leakage"}),
    ],
)
def test_a_run_times_every_step(stage: str, steps: set[str]) -> None:
    found = scaling.STAGES[stage](1000)
    assert found.keys() == steps
    assert all(value > 0 for value in found.values())


def test_growth_is_judged_size_by_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling, "STAGES", {"catalogue": scaling.STAGES["catalogue"]})
    path = tmp_path / "scaling.json"
    assert harness.command_line("scaling", scaling.measure, scaling.PACKAGES, ["--small", "--json", str(path)]) == 0
    (report,) = json.loads(path.read_text())["reports"]
    assert [row["method"] for row in report["rows"]] == ["1,000 scenes", "2,000 scenes"]
    assert float(report["rows"][0]["facts"]["peak MB"].replace(",", "")) > 100
    assert [size for size, _ in report["curves"]["catalogue"]] == [1000, 2000]


def test_a_catalogue_of_so_many_scenes() -> None:
    """Every row of the synthetic index is a Landsat-4 scene."""
    rows = pipeline_steps.make_block(0, 300, landsat_4=300).products["LANDSAT_4"]
    assert len(set(rows)) == 300


def test_the_same_seed_gives_the_same_chips() -> None:
    (chips, deposits), (again, _) = pipeline_steps.make_chips(2000, 500), pipeline_steps.make_chips(2000, 500)
    assert set(LABEL_COLUMNS) <= set(chips)
    assert chips.equals(again)
    assert deposits.shape == (500, 2)
    assert 0.3 < chips["has_deposit"].mean() < 0.7
    assert curation.is_on_land(curation.find_locations(chips), pipeline_steps.make_land()).any()
