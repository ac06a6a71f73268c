"""The benchmark of probabilities, numbers and intervals runs, and its planets are dealt into folds of whole islands."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import prospect_intervals
from benchmarks.support.harness import command_line
from benchmarks.support.planet_tables import FOLDS, planet_table


def test_a_small_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "result.json"
    name, packages = "prospect_intervals", prospect_intervals.PACKAGES
    assert command_line(name, prospect_intervals.measure, packages, ["--small", "--json", str(file)]) == 0
    (report,) = json.loads(file.read_text())["reports"]
    assert [row["method"] for row in report["rows"]] == ["as the trees say", "calibrated", "at the true shares"]
    assert "of the finite ones hold the number" in capsys.readouterr().out


def test_folds_are_of_places_far_from_each_other() -> None:
    table = planet_table(3)
    assert np.bincount(table.fold, minlength=FOLDS).min() > 30
    assert (table.known <= table.deposits).all()
    radians = np.radians(table.lonlat)
    lon, lat = radians.T
    cosine = np.sin(lat)[:, None] * np.sin(lat) + np.cos(lat)[:, None] * np.cos(lat) * np.cos(lon[:, None] - lon)
    apart = table.fold[:, None] != table.fold
    assert 6371 * np.arccos(np.clip(cosine, -1, 1))[apart].min() > 300


@pytest.mark.slow
def test_the_claims_hold() -> None:
    result = prospect_intervals.measure(False)
    assert all(claim.holds for claim in result.claims), result
