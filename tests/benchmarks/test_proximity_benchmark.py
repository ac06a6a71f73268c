"""The benchmark of proximity runs, and pairs its methods by draw."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import proximity


def test_a_small_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert proximity.main(["--small", "--json", str(tmp_path / "rows.json")]) == 0
    found = pd.DataFrame(json.loads((tmp_path / "rows.json").read_text()))
    assert found.groupby("method").size().to_dict() == dict.fromkeys(
        [proximity.OURS, proximity.CHANCE, *proximity.RIVALS], 3
    )
    assert found.loc[found["method"] == proximity.CHANCE, "success"].tolist() == pytest.approx([0.05] * 3)
    assert "candidates, of which" in capsys.readouterr().out


def test_differences_are_paired_by_draw() -> None:
    rows = [
        {"draw": draw, "method": method, "success": 0.1 * (draw + 1) + ahead}
        for draw, gain in enumerate((0.02, 0.04))
        for method, ahead in ((proximity.OURS, gain), (proximity.CHANCE, 0.0))
    ]
    chance = proximity.summarise(pd.DataFrame(rows)).set_index("method").loc[proximity.CHANCE]
    assert (chance["success"], chance["ahead"]) == (pytest.approx(0.15), pytest.approx(0.03))
    assert chance["high"] - chance["ahead"] == pytest.approx(12.706 * 0.0141421 / 2**0.5, abs=1e-4)
