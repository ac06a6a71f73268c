"""The labelling benchmark runs and tells the truth about itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import harness, labelling


def test_a_small_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "labelling.json"
    assert (
        harness.command_line(
            "labelling", labelling.measure, labelling.PACKAGES, ["--small", "--check", "--json", str(path)]
        )
        == 0
    )
    assert "holds: exact methods" in capsys.readouterr().out
    found = json.loads(path.read_text())
    assert [row["method"] for row in found["rows"]][:2] == [labelling.OURS, labelling.NAIVE]
    assert found["rows"][1]["share"] < 1
    assert found["machine"]["packages"]["pykdtree"]
    assert all(claim["holds"] for claim in found["claims"])


def test_check_fails_when_a_claim_does_not_hold() -> None:
    def report(small: bool) -> harness.Report:
        rows = [harness.row("ours", [1, 3, 2]), harness.row("theirs", [1, 1], share=0.1)]
        return harness.Report("title", rows, [harness.Claim("times faster", harness.ratio(rows, "theirs"), 6)])

    assert harness.command_line("any", report, [], ["--check"]) == 1
    assert harness.command_line("any", report, [], []) == 0


def test_medians_and_extrapolation() -> None:
    row = harness.row("naive", [4, 1, 2], share=0.5, scenes="3")
    assert row.seconds == 4
    assert row.facts == {"scenes": "3"}


def test_methods_take_turns() -> None:
    order: list[str] = []
    methods = {name: (lambda name=name: order.append(name), count) for name, count in (("a", 3), ("b", 1))}
    seconds, _ = harness.alternate(methods)
    assert order == ["a", "b", "a", "a"]
    assert [len(runs) for runs in seconds.values()] == [3, 1]
