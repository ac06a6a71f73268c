"""The labelling benchmark runs, and its results and claims are right."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import labelling
from benchmarks.support import harness, results
from benchmarks.support.synthetic_catalogue import BenchmarkCatalogue, make_catalogue
from mineral_pipeline.labelling import membership


def test_a_small_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, chart = tmp_path / "labelling.json", tmp_path / "labelling.png"
    options = ["--small", "--check", "--json", str(path), "--chart", str(chart)]
    assert harness.command_line("labelling", labelling.measure, labelling.PACKAGES, options) == 0
    assert "holds: simulated: exact methods" in capsys.readouterr().out
    found = json.loads(path.read_text())
    simulated, arithmetic, sums, growth, vertices = found["reports"]
    assert [row["method"] for row in simulated["rows"]] == [
        labelling.OURS,
        *(method.name for method in labelling.METHODS),
    ]
    assert simulated["rows"][1]["share"] < 1
    assert found["machine"]["packages"]["pykdtree"]
    assert all(claim["holds"] for report in found["reports"] for claim in report["claims"])
    assert sums["claims"][0]["reached"] == 1
    assert [row["method"] for row in arithmetic["rows"]] == [labelling.OURS, labelling.BLAS]
    pairs = {row["method"]: int(row["facts"]["pairs"].replace(",", "")) for row in vertices["rows"]}
    assert pairs["convex, 64 vertices"] > pairs["concave, 64 vertices"] > 0, "a star is smaller than what is around it"
    assert growth["curves"].keys() == {"2,000 deposits", "10,000 deposits"}
    with Image.open(chart) as picture:
        assert picture.width > 1000


def test_the_methods_agree_where_it_is_hard() -> None:
    """At the antimeridian, at a pole, with repeated vertices, all but the planar ones count alike."""
    catalogue = make_catalogue(60, 3000, seed=8)
    deposits, footprints = catalogue.deposits, catalogue.footprints
    for turn in ((290.0, 0.0), (0.0, 0.0)):
        moved = BenchmarkCatalogue(footprints + turn, catalogue.locations, deposits + turn)
        truth = np.diff(membership(moved.footprints, moved.deposits).indptr)
        assert truth.any()
        for method in labelling.METHODS:
            if not method.is_planar:
                assert np.array_equal(method.count(moved), truth), method.name


def test_check_fails_when_a_claim_does_not_hold() -> None:
    def report(small: bool) -> results.BenchmarkResult:
        rows = [results.row("ours", [1, 3, 2]), results.row("theirs", [1, 1], share=0.1)]
        return results.BenchmarkResult(
            "title", rows, [results.Claim("times faster", results.times_faster(rows, "theirs"), 11)]
        )

    assert harness.command_line("any", report, [], ["--check"]) == 1
    assert harness.command_line("any", report, [], []) == 0


def test_medians_and_extrapolation() -> None:
    row = results.row("naive", [4, 1, 2], share=0.5, scenes="3")
    assert row.seconds == 4
    assert row.facts == {"scenes": "3"}


def test_methods_take_turns() -> None:
    order: list[str] = []
    methods = {name: (lambda name=name: order.append(name), count) for name, count in (("a", 3), ("b", 1))}
    seconds, _ = harness.alternate(methods)
    assert order == ["a", "b", "a", "a"]
    assert [len(runs) for runs in seconds.values()] == [3, 1]
