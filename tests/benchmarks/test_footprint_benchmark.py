"""The footprint benchmark runs, and its scenes are as documented."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import footprint
from benchmarks.footprint import known_scene
from benchmarks.support.known_scenes import LOST, SCENE_KINDS, make_scene
from mineral_pipeline.simulation.swath import CUT_KM, LENGTH_KM, STEP_KM, STEPS, WIDTH_KM


@pytest.mark.slow
def test_a_small_run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINERAL_PIPELINE_DATA", raising=False)  # the picture of simulated scenes only
    path, picture = tmp_path / "footprint.json", tmp_path / "footprint.png"
    assert footprint.main(["--small", "--check", "--json", str(path), "--picture", str(picture)]) == 0
    assert "holds: scenes with an error below 1%" in capsys.readouterr().out
    (found,) = json.loads(path.read_text())["reports"]
    methods = [row["method"] for row in found["rows"]]
    assert methods[0] == footprint.OURS
    assert [method.strip() for method in methods[1:7]] == list(SCENE_KINDS)
    worst = {row["method"]: float(row["facts"]["max"]) for row in found["rows"]}
    assert worst[footprint.OURS] < 1 < worst[footprint.CORNERS]
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("kind", SCENE_KINDS)
def test_the_valid_pixels_lie_in_the_true_polygon(kind: str) -> None:
    scene = make_scene(kind, np.random.default_rng(7), 600)
    whole = WIDTH_KM * LENGTH_KM - 2 * sum(CUT_KM * step * STEP_KM for step in range(1, STEPS + 1))
    # 0.96..1: the scale of UTM and of polar stereographic, and the ellipsoid on which the swath is laid as on a sphere
    assert scene.truth.area / 1e6 == pytest.approx(whole, rel=0.08)
    assert scene.truth.is_valid
    covered = scene.valid.sum() * 600**2 / scene.truth.area
    minimum = {"SLC-off": 0.77, "sea": 0.4, LOST: 0.05}.get(kind, 0.995)
    assert minimum < covered < {"SLC-off": 0.87, "sea": 0.999, LOST: 0.95}.get(kind, 1.005)


def test_a_scene_is_always_the_same() -> None:
    first, second = known_scene("SLC-off", 3), known_scene("SLC-off", 3)
    np.testing.assert_array_equal(first.valid, second.valid)
    assert first.truth == second.truth
    assert first.truth != known_scene("SLC-off", 4).truth
