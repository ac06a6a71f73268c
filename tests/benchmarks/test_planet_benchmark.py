"""The benchmark on simulated planets: its tables, its null trials, and a small run that goes on where it stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks import planet
from benchmarks.planet import Cell
from benchmarks.support import planet_picture, planet_trials
from benchmarks.support.whole_runs import mean_over_planets
from mineral_pipeline import simulation
from mineral_pipeline.settings import Simulate


def document(auc: float) -> dict[str, Any]:
    def model(name: str, role: str, kind: str, value: float) -> dict[str, Any]:
        return {"name": name, "label": kind, "role": role, "kind": kind, "metrics": {"auc": {"value": value}}}

    difference = {"auc": {"difference": {"value": 0.02}}}
    return {
        "attainable": {
            "scores": {"attainable": {"auc": 0.9}, "bayes": {"auc": 0.95}},
            "gains": {"small-small-s0": {"auc": (auc - 0.5) / 0.4}, "coordinates": {"auc": 0.5}, "constant": {}},
        },
        "models": [
            model("small-small-s0", "network", "grid", auc),
            model("coordinates", "baseline", "coordinates", 0.7),
            model("constant", "baseline", "constant", 0.5),
        ],
        "added": [{"model": "small-small-s0", "metrics": difference}],
    }


def test_cells_are_means_over_planets_with_intervals() -> None:
    scores = [row for seed in (0, 1, 2) for row in planet.rows(Cell(1, 1, "blocks", seed), document(0.6 + seed / 10))]
    found = mean_over_planets(pd.DataFrame(scores), [*planet.KEYS, "metric"])
    network = found[(found["model"] == "grid") & (found["metric"] == "auc")].iloc[0]
    half = 4.302653 * 0.1 / np.sqrt(3)  # Student's t with two degrees of freedom
    np.testing.assert_allclose(
        network[["value", "low", "high"]].astype(float), [0.7, 0.7 - half, 0.7 + half], atol=1e-6
    )
    assert set(found["model"]) == {"attainable", "bayes", "grid", "coordinates"}  # the constant is not shown
    text = planet.table(found).splitlines()
    assert text[0] == "| signal | confounding | split | model | auc | gain in auc | added to auc |"
    assert any(line.startswith("| 1 | 1 | blocks | grid | 0.700 (0.452 to 0.948) | 0.500") for line in text)


def test_false_findings_are_intervals_above_0() -> None:
    lows = [-0.1, 0.02, 0.01, float("nan"), -0.3]
    found = planet.count_false([{"statistics auc": {"value": 0.1, "low": low, "high": 1.0}} for low in lows])
    assert found[["trials", "above"]].to_numpy().tolist() == [[4, 0.5]]
    assert found["low"].item() < 0.1 < 0.9 < found["high"].item()
    assert planet.count_false([]).empty


def test_networks_are_compared_with_the_best_that_sees_no_pixel() -> None:
    def model(name: str, role: str, pixels: bool, auc: float) -> dict[str, Any]:
        return {"name": name, "label": name, "role": role, "pixels": pixels, "metrics": {"auc": {"value": auc}}}

    def difference(baseline: str, low: float | None) -> dict[str, Any]:
        return {"model": "network", "baseline": baseline, "metrics": {"auc": {"low": low}}}

    models = [
        model("network", "network", True, 0.7),
        model("coordinates", "baseline", False, 0.6),
        model("metadata", "baseline", False, 0.5),
        model("statistics", "baseline", True, 0.9),
    ]
    documents = [
        {
            "models": models,
            "bar": {
                "differences": [
                    difference("coordinates", low),
                    difference("metadata", 0.3),
                    difference("statistics", 1),
                ]
            },
        }
        for low in (-0.1, 0.1, -0.2, None)
    ]
    found = planet.false_findings(documents).set_index("model")
    assert found.loc["network auc", ["trials", "above"]].tolist() == [3, pytest.approx(1 / 3)]
    assert found.loc["network local_auc_500", "trials"] == 0
    assert planet.false_findings([]).empty


def test_the_picture_shows_a_location_of_each_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Simulate(locations=80, islands=2, dates=1, scene_size=48)
    monkeypatch.setattr(planet_picture, "SETTINGS", settings)
    locations = simulation.truth.locations(simulation.create(settings, 0))
    rows = locations.loc[[planet_picture.choose(locations)[kind] for kind in planet_picture.KINDS]]
    assert (rows["n_known"] > 0).tolist() == [True, False, False]
    assert (rows["n_undiscovered"] > 0).tolist() == [True, True, False]
    planet_picture.draw(tmp_path / "scenes.png")
    assert (tmp_path / "scenes.png").read_bytes().startswith(b"\x89PNG")


def test_null_trials_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def trial(seed: int, locations: int) -> dict[str, Any] | None:
        made.append(seed)
        return None if seed == 1 else {"statistics auc": {"value": 0.0, "low": -0.1, "high": 0.1}}

    monkeypatch.setattr(planet, "trial", trial)
    planet.null_trials(tmp_path, 2, 60)
    found = planet.null_trials(tmp_path, 3, 60)
    assert made == [0, 1, 2]
    assert found["trials"].item() == 2


def test_a_trial_compares_pixels_with_geography() -> None:
    found = planet_trials.trial(1, 60)
    assert found is not None
    assert set(found) == {
        f"{model} {metric}" for model in ("statistics", "random convolutions") for metric in ("auc", "local_auc_500")
    }
    for one in found.values():
        assert -1 <= one["value"] <= 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
# the whole pipeline runs in this process: Keras 3.15 makes arrays in a way that numpy 2 announces to retire
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_small_run_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "scores.json"
    arguments = [str(tmp_path / "run"), "--small", "--json", str(file)]
    assert planet.main(arguments) == 0
    first = file.read_text()
    assert {"attainable", "bayes", "coordinates only"} <= {row["model"] for row in json.loads(first)["cells"]}
    assert "random convolutions auc" in capsys.readouterr().out
    for workspace in (tmp_path / "run").glob("signal-*"):  # what is left must not be needed
        workspace.rename(tmp_path / workspace.name)
    assert planet.main(arguments) == 0
    assert file.read_text() == first
