"""The benchmark on the real Earth: its tables and chart, and a small run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import real_earth


def evaluation(split: str, seed: int, value: float) -> dict[str, Any]:
    def model(name: str, role: str, pixels: bool, auc: float) -> dict[str, Any]:
        facts = {"name": name, "label": name, "role": role, "pixels": pixels}
        return {**facts, "metrics": {"auc": {"value": auc, "low": auc - 0.1, "high": auc + 0.1}}}

    models = [
        model("small-small-s0", "network", True, value),
        model("small-small-s1", "network", True, 0.1),
        model("coordinates", "baseline", False, value + 0.1),
    ]
    return {"task": "presence", "split": split, "seed": seed, "best": "small-small-s0", "models": models}


def test_table_and_chart_show_the_chosen_network_and_the_baselines() -> None:
    found = real_earth.scores(
        [evaluation(split, seed, 0.6 + seed / 10) for split in ("buckets", "blocks") for seed in (0, 1)]
    )
    lines = real_earth.table(found).splitlines()
    assert "| buckets | 2 | the best network | 0.650 (0.550 to 0.750) |" in lines
    assert "| blocks | 2 | coordinates | 0.750 (0.650 to 0.850) |" in lines
    assert len(lines) == 3 + 4
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
