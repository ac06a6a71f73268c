"""The benchmark on the real Earth: its tables and chart, and a small run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import real_earth


def evaluation(condition: str, seed: int, value: float) -> dict[str, Any]:
    def model(name: str, role: str, pixels: bool, auc: float) -> dict[str, Any]:
        facts = {"name": name, "label": name, "role": role, "pixels": pixels}
        return {**facts, "metrics": {"auc": {"value": auc, "low": auc - 0.1, "high": auc + 0.1}}}

    models = [
        model("small-small-s0", "network", True, value),
        model("small-small-s1", "network", True, 0.1),
        model("coordinates", "baseline", False, value + 0.1),
    ]
    gain = {"auc": {"alone": 0.6, "both": 0.65, "difference": {"value": 0.05, "low": 0.01, "high": 0.09}}}
    behind = {"auc": {"value": -0.1, "low": -0.15, "high": seed / 10 - 0.05}}
    lead = {"model": "small-small-s0", "baseline": "coordinates", "metrics": behind}
    in_region = {one["name"]: {"auc": one["metrics"]["auc"]["value"]} for one in models}
    added = [{"model": "small-small-s0", "to": "coordinates", "metrics": gain}]
    return {
        "added": added,
        "task": "presence",
        "condition": condition,
        "seed": seed,
        "best": "small-small-s0",
        "models": models,
        "primary_metric": "auc",
        "bar": {"best": "coordinates", "differences": [lead]},
        "regions": [{"region": "Africa", "samples": 40 + 20 * seed, "metrics": in_region}],
    }


def test_table_and_chart_show_the_chosen_network_and_the_baselines() -> None:
    conditions = ("buckets", "blocks")
    evaluations = [evaluation(condition, seed, 0.6 + seed / 10) for condition in conditions for seed in (0, 1)]
    found = real_earth.scores(evaluations)
    lines = real_earth.table(found, "scores").splitlines()
    assert lines[1:] == [
        "| scores: presence, auc | buckets (2 seeds) | blocks (2 seeds) |",
        "|---|---|---|",
        "| the best network | 0.650 (0.550 to 0.750) | 0.650 (0.550 to 0.750) |",
        "| coordinates | 0.750 (0.650 to 0.850) | 0.750 (0.650 to 0.850) |",
    ]
    gains = real_earth.table(real_earth.added(evaluations), "added", real_earth.ADDED).splitlines()
    assert gains[-1] == "| the best network | 0.050 (0.010 to 0.090) | 0.050 (0.010 to 0.090) |"
    assert real_earth.table(real_earth.added([]), "added", real_earth.ADDED) == ""
    together = real_earth.table(real_earth.stacks(evaluations), "stacks", real_earth.ADDED).splitlines()
    assert together[-1] == "| coordinates and the best network | 0.650 | 0.650 |"
    regions = real_earth.region_table(real_earth.by_region(evaluations)).splitlines()
    assert regions[1] == "| auc, buckets | samples | the best network | coordinates |"
    assert regions[3] == "| Africa | 50 | 0.650 | 0.750 |"
    assert real_earth.region_table(real_earth.by_region([])) == ""
    assert real_earth.broken_claims(evaluations) == ["buckets, seed 1: coordinates do not beat the network"]
    panels = real_earth.chart(found).axes
    assert [axes.get_title("left") for axes in panels] == ["buckets", "blocks"]
    assert [text.get_text() for text in panels[0].get_yticklabels()] == ["the best network", "coordinates"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("data")
def test_a_small_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, picture = tmp_path / "scores.json", tmp_path / "chart.png"
    assert real_earth.main([str(tmp_path / "run"), "--small", "--json", str(file), "--chart", str(picture)]) == 0
    (document,) = json.loads(file.read_text())
    assert {"coordinates", "statistics", "constant"} <= {model["name"] for model in document["models"]}
    assert "the best network" in capsys.readouterr().out
    assert picture.stat().st_size > 1000
