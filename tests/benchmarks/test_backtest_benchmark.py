"""The benchmark of back-tests: its table over planets, its claim, and a small run that goes on where it stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks import backtest
from benchmarks.support.whole_runs import mean_over_planets


def document(lead: float) -> dict[str, Any]:
    """A back-test whose prospects are ahead of the density of records, and of statistics by ``lead``."""

    def ranking(name: str, role: str, area: float) -> dict[str, Any]:
        hits = [{"share": share, "hits": 40 * share} for share in (0.01, 0.05, 0.1)]
        minus = {"success": {"value": 0.2 - area}}
        return {"name": name, "role": role, "success": {"value": area}, "hits": hits, "difference": minus}

    rankings = [
        ranking("the prospects", "model", 0.2),
        ranking("density", "rival", 0.1),
        ranking("statistics", "rival", 0.2 - lead),
        ranking("bayes", "limit", 0.4),
    ]
    return {"rankings": rankings, "sought": 20}


def summary(leads: list[float]) -> pd.DataFrame:
    found = [row for seed, lead in enumerate(leads) for row in backtest.rows(seed, document(lead))]
    return mean_over_planets(pd.DataFrame(found), ["ranking", "role", "metric"])


def test_the_table_tells_how_far_the_prospects_are_ahead() -> None:
    lines = backtest.table(summary([0.01, 0.02, 0.03])).splitlines()
    assert lines[0] == "| ranking | success | first 1% | first 5% | first 10% | ahead |"
    half = 4.302653 * 0.01 / 3**0.5  # Student's t with two degrees of freedom
    assert lines[2].endswith(
        "| 0.200 (0.200 to 0.200) | 0.020 (0.020 to 0.020) | 0.100 (0.100 to 0.100) | 0.200 (0.200 to 0.200) |  |"
    )
    assert lines[4].endswith(f"| 0.020 ({0.02 - half:.3f} to {0.02 + half:.3f}) |".replace("-0.", "-0."))


@pytest.mark.parametrize(
    ("leads", "is_ahead"),
    [([0.01, 0.011, 0.012], True), ([0.01, -0.01, 0.02], False), ([0.0, 0.0], False), ([0.5], False)],
)
def test_the_claim_needs_an_interval_above_0_for_every_rival(leads: list[float], is_ahead: bool) -> None:
    assert backtest.is_ahead(summary(leads)) == is_ahead


@pytest.mark.slow
@pytest.mark.timeout(1800)
# the whole pipeline runs in this process: Keras 3.15 makes arrays in a way that numpy 2 announces to retire
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_small_run_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "scores.json"
    arguments = [str(tmp_path / "run"), "--small", "--json", str(file)]
    assert backtest.main(arguments) == 0
    first = file.read_text()
    assert {"the prospects", "chance"} <= {row["ranking"] for row in json.loads(first)["scores"]}
    assert "planet 0: " in capsys.readouterr().out
    assert not (tmp_path / "run/planet-0").exists(), "what is left must not be needed"
    assert backtest.main(arguments) == 0
    assert file.read_text() == first
