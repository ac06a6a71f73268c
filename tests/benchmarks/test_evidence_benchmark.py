"""The benchmark of evidence that is weighed together: hidden deposits, and a small run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import evidence
from benchmarks.support.harness import command_line
from benchmarks.support.planet_tables import planet_table


def test_the_known_deposits_of_a_place_are_those_inside() -> None:
    planet = planet_table(3)
    np.testing.assert_array_equal(planet.inside.sum(axis=1), planet.known)
    assert planet.inside.shape == (len(planet.lonlat), len(planet.positions))


def test_a_planet_is_ranked_in_every_way() -> None:
    found = evidence.areas(planet_table(0), 0)
    assert set(found) == {evidence.TOGETHER, evidence.NOISE, *evidence.RIVALS}
    assert all(0 < area < 1 for area in found.values())
    assert found["pixels"] > 0.05, "trees on the true patches know more than chance"


def test_a_small_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "result.json"
    assert command_line("evidence", evidence.measure, evidence.PACKAGES, ["--small", "--json", str(file)]) == 0
    (report,) = json.loads(file.read_text())["reports"]
    assert report["rows"][0]["method"] == evidence.TOGETHER
    assert "together minus it" in capsys.readouterr().out
