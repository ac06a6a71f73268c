"""The coverage of intervals: a small run, and the real catalogue."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import coverage


def test_a_small_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, picture = tmp_path / "coverage.json", tmp_path / "chart.png"
    assert coverage.main(["--small", "--json", str(file), "--chart", str(picture)]) == 0
    found = json.loads(file.read_text())
    assert {(row["kind"], row["metric"]) for row in found} == {
        ("null", "accuracy"),
        ("null", "auc"),
        ("null", "mae"),
        ("skill", "accuracy"),
    }
    assert {row["distance_km"] for row in found} == {300, 1000, 3000}
    assert "| mae | 3,000 km | 3 |" in capsys.readouterr().out
    assert picture.stat().st_size > 1000


@pytest.mark.parametrize(("excluding", "status"), [(7, 0), (8, 1)])
def test_the_check_fails_when_too_many_exclude_chance(
    monkeypatch: pytest.MonkeyPatch, excluding: int, status: int
) -> None:
    rows = [
        {"kind": kind, "metric": "auc", "distance_km": km, "seed": 0, "groups": 9, "truth": 0.5, "significant": np.nan}
        | {"excludes": number < (50 if km == 3000 else excluding), "before_excludes": True, "width": 0.1}
        | {"before_width": 0.1, "before_covers": False, "covers": True}
        for kind in ("null", "skill")
        for km in coverage.DISTANCES_KM
        for number in range(100)
    ]
    monkeypatch.setattr(coverage, "measure_small", lambda: pd.DataFrame(rows))
    assert coverage.main(["--small", "--check"]) == status
    assert coverage.main(["--small"]) == 0


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_intervals_on_the_real_catalogue_hold_chance(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "TRIALS", {"blocks": 30})
    found = coverage.measure(data, "blocks")
    null = found[(found["kind"] == "null") & found["distance_km"].isin(coverage.CHECKED_KM)]
    rates = null.groupby(["metric", "distance_km"])[["excludes", "before_excludes"]].mean()
    assert (rates["excludes"] <= 0.1).all(), "240 trials, of which 17 may exclude chance"
    assert (rates["before_excludes"].xs(1000, level="distance_km") > 0.15).all()
