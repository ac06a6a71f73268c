"""The command score-prospects: what it judges, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from prospect_tables import make_prospects

from jobs.__main__ import main
from mineral_pipeline import prospecting
from mineral_pipeline.workspace import Workspace, artefacts, layout


@pytest.fixture
def judged(workspace: Workspace) -> Workspace:
    """Forty prospects on the equator, one across the antimeridian, and one known deposit between two of them."""
    layout.write_version(workspace)
    workspace.write_table(artefacts.DEPOSITS, pd.DataFrame({"lon": [2.0], "lat": [0.0]}))
    prospecting.write(workspace, make_prospects([180.0 - 4 * k for k in range(40)], 0.0))
    return workspace


def write(path: Path, positions: Sequence[tuple[float, float]]) -> str:
    names = [f"Mine {number}" for number in range(len(positions))]
    lon, lat = np.reshape(positions, (-1, 2)).T
    pd.DataFrame({"site_name": names, "longitude": lon, "latitude": lat}).to_csv(path, index=False)
    return str(path)


def test_hits_are_counted_beside_chance(judged: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Deposits in the first (across the antimeridian, two), the fourth and the last prospect, and one nowhere."""
    later = write(tmp_path / "later.csv", [(-179.5, 0.1), (179.5, -0.2), (168.1, 0), (24.2, 0.5), (90.0, 60.0)])
    assert main(["score-prospects", judged.url, later, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["prospects"], found["hit"], found["best_rank"]) == (40, 3, 1)
    assert (found["later"], found["later_in_prospects"], found["known_left_out"]) == (5, 4, 0)
    first, _, tenth = found["hits"]
    assert (first["places"], first["hits"], first["expected"]) == (1, 1, pytest.approx(3 / 40))
    assert first["p_value"] == pytest.approx(3 / 40)
    assert (tenth["places"], tenth["hits"]) == (4, 2)
    # Two of three are among four of 40: one minus the chance of none and of one.
    none, one = (36 * 35 * 34) / (40 * 39 * 38), 3 * 4 * (36 * 35) / (40 * 39 * 38)
    assert tenth["p_value"] == pytest.approx(1 - none - one)
    assert main(["score-prospects", judged.url, later]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "3 prospects hold one, the first of rank 1" in shown
    assert "│ 10% │ 4 │ 2 │ 0.3 │" in shown


def test_what_was_known_is_refused_or_left_out(
    judged: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    later = write(tmp_path / "later.csv", [(2.01, 0.0), (24.2, 0.5)])  # 1.1 km from the known one
    assert main(["score-prospects", judged.url, later]) == 2
    message = capsys.readouterr().err
    assert "1 of 2 deposits lie within 1.5 km of one that was known" in message
    assert "Mine 0 at 0.0000, 2.0100 (1.11 km): remove them, or leave them out by --new-only" in message
    assert main(["score-prospects", judged.url, later, "--new-only", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["later"], found["known_left_out"]) == (1, 1)
    only = write(tmp_path / "only.csv", [(2.01, 0.0)])
    assert main(["score-prospects", judged.url, only, "--new-only"]) == 2
    assert "every deposit was known" in capsys.readouterr().err


def test_a_changed_list_is_refused(judged: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    later = write(tmp_path / "later.csv", [(24.2, 0.5)])
    kept = judged.read_json(artefacts.PROSPECTS_FROZEN)["list"]
    assert main(["score-prospects", judged.url, later, "--list", kept]) == 0
    table = judged.read_table(artefacts.PROSPECTS)
    changed = table.assign(rank=table["rank"].to_numpy()[::-1])
    judged.write_table(artefacts.PROSPECTS, changed)
    assert main(["score-prospects", judged.url, later]) == 2
    assert "is not the list that was frozen" in capsys.readouterr().err
    prospecting.write(judged, changed)  # also frozen again: the hash that was kept tells
    assert main(["score-prospects", judged.url, later, "--list", kept]) == 2
    assert "is not the list that was frozen" in capsys.readouterr().err


def test_what_cannot_be_judged_is_told(judged: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = write(tmp_path / "nowhere.csv", [(0.0, 89.0)])
    assert main(["score-prospects", judged.url, nowhere]) == 2
    assert "none of 1 later deposits lies in one of 40 prospects" in capsys.readouterr().err
    assert main(["score-prospects", judged.url, str(tmp_path / "absent.csv")]) == 2
    assert "absent.csv" in capsys.readouterr().err
    assert main(["score-prospects", str(tmp_path / "empty"), nowhere]) == 2
    assert "empty holds no frozen list of prospects: run the job prospect there first" in capsys.readouterr().err


def test_a_list_of_gold_is_judged_by_gold(
    judged: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Copper in the first prospect is no hit; that copper is known there makes gold in the same place no less new."""
    table = pd.DataFrame({"lon": [180.0, 2.0], "lat": [0.0, 0.0], "commodities": ["Copper", "Gold"]})
    judged.write_table(artefacts.DEPOSITS, table)
    prospecting.write(judged, make_prospects([180.0 - 4 * k for k in range(40)], 0.0).assign(commodity="gold"))
    later = tmp_path / "later.csv"
    later.write_text("site_name,latitude,longitude,commod1\nA,0,180,Gold\nB,0,176,Copper\nC,0,172,Gold\n")
    assert main(["score-prospects", judged.url, str(later), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["hit"], found["best_rank"], found["later"]) == (2, 1, 2)
    later.write_text("site_name,latitude,longitude,commod1\nB,0,176,Copper\n")
    assert main(["score-prospects", judged.url, str(later)]) == 2
    assert "holds no deposit of gold" in capsys.readouterr().err
