"""Networks beside the baselines: paired differences, and which of them are certain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mineral_pipeline.evaluation import find_groups, interval, jackknife
from mineral_pipeline.evaluation.bar import compare_with_baselines
from mineral_pipeline.evaluation.jackknife import difference, interval_of_difference

GROUPS, EACH = 20, 30
KEYS = np.repeat(np.arange(GROUPS), EACH)
INDEPENDENT = find_groups(KEYS, np.zeros((len(KEYS), 2)))


def facts(name: str, role: str, **more: object) -> dict[str, Any]:
    return {"name": name, "role": role, "kind": name, "label": name, **more}


def compare(errors: dict[str, np.ndarray], models: list[dict[str, Any]], metric: str = "mae") -> dict[str, Any]:
    results = {name: jackknife("richness", np.zeros(len(KEYS)), one, INDEPENDENT) for name, one in errors.items()}
    found = compare_with_baselines(models, results, metric)
    assert found is not None
    return found


def test_every_network_is_compared_with_every_baseline_on_the_same_blocks() -> None:
    rng = np.random.default_rng(0)
    hard = 0.5 + 0.1 * rng.standard_normal(GROUPS)[KEYS] + 0.02 * rng.standard_normal(len(KEYS))
    errors = {"coordinates": hard, "constant": hard + 0.2, "worse": hard + 0.1}
    errors["better"] = hard - 0.03 + 1e-4 * rng.standard_normal(len(KEYS))
    errors |= {name: errors["better"] for name in ("member-s0", "ensemble", "asleep")}
    models = [facts("coordinates", "baseline"), facts("constant", "baseline"), facts("better", "network")]
    models += [facts("worse", "network"), facts("member-s0", "network"), facts("asleep", "network", collapsed=True)]
    models += [facts("ensemble", "network", members=["member-s0"])]
    found = compare(errors, models)
    assert found["best"] == "coordinates"
    assert found["beaten_by"] == ["better", "ensemble"], "neither a member nor what has collapsed"
    named = {(one["model"], one["baseline"]): one["metrics"] for one in found["differences"]}
    assert len(named) == 4 * 2
    mae = named["better", "coordinates"]["mae"]
    assert mae["value"] == pytest.approx(-0.03, abs=1e-4)
    assert mae["high"] - mae["low"] < 1e-3, "paired: the blocks differ, the difference hardly"
    assert named["worse", "constant"]["mae"]["value"] == pytest.approx(-0.1)
    width = np.diff(interval(jackknife("richness", np.zeros(len(KEYS)), hard, INDEPENDENT), "mae"))
    assert width > 0.05


def test_the_bar_without_pixels_is_beaten_by_what_sees_them() -> None:
    rng = np.random.default_rng(5)
    hard, noise = 0.5 + 0.1 * rng.standard_normal(GROUPS)[KEYS], 1e-4 * rng.standard_normal((9, len(KEYS)))
    gains = {"coordinates": 0, "metadata": 0.1, "statistics": -0.02, "brightness": 0.05, "random-labels-p0": -0.3}
    gains |= {"ensemble": -0.04, "member-s0": -0.2, "asleep": -0.1, "weak": 0.01}
    errors = {name: hard + gain + noise[number] for number, (name, gain) in enumerate(gains.items())}
    models = [facts(name, "baseline", pixels=False) for name in ("coordinates", "metadata")]
    models += [facts(name, "baseline", pixels=True) for name in ("statistics", "brightness")]
    models += [facts("random-labels-p0", "baseline", pixels=True) | {"kind": "random-labels"}]
    models += [facts("ensemble", "network", members=["member-s0"]), facts("member-s0", "network")]
    models += [facts("asleep", "network", collapsed=True), facts("weak", "network")]
    found = compare(errors, models)
    assert found["without_pixels"] == {"best": "coordinates", "beaten_by": ["ensemble", "statistics"]}
    assert "without_pixels" not in compare(errors, [one for one in models if one.get("pixels", True)])


def test_higher_is_better_the_other_way_round() -> None:
    rng = np.random.default_rng(1)
    label = rng.random(len(KEYS))
    noise = rng.standard_normal(len(KEYS))
    results = {
        name: jackknife("richness", label, label + scale * noise, INDEPENDENT)
        for name, scale in (("coordinates", 0.2), ("good", 0.1), ("bad", 0.3))
    }
    models = [facts("coordinates", "baseline"), facts("good", "network"), facts("bad", "network")]
    for metric in ("r2", "mae"):
        found = compare_with_baselines(models, results, metric)
        assert found is not None
        assert found["beaten_by"] == ["good"], metric


def test_without_a_baseline_there_is_no_bar() -> None:
    result = jackknife("presence", np.ones(len(KEYS)), np.full(len(KEYS), 0.5), INDEPENDENT)
    models = [facts("constant", "baseline"), facts("network", "network")]
    results = {"constant": result, "network": result}
    assert compare_with_baselines(models[1:], results, "accuracy") is None
    found = compare_with_baselines(models, results, "accuracy")
    assert found is not None
    (pair,) = found["differences"]
    assert pair["metrics"]["auc"] == {"value": None, "low": None, "high": None}
    assert pair["metrics"]["accuracy"] == {"value": 0, "low": 0, "high": 0}


def test_a_difference_may_be_negative_and_has_the_bounds_of_one() -> None:
    label = np.tile([0.0, 1.0], 10)
    right, wrong = 0.1 + 0.8 * label, 0.9 - 0.8 * label
    groups = find_groups(np.arange(20) // 2, np.zeros((20, 2)))
    one, other = (jackknife("presence", label, prediction, groups) for prediction in (right, wrong))
    found = difference(other, one)
    assert found.value["accuracy"] == -1
    assert np.isnan(interval_of_difference(found, "accuracy")).all(), "no group tells of an error"
    mixed = jackknife("presence", label, np.where(np.arange(20) < 10, right, wrong), groups)
    low, high = interval_of_difference(difference(other, mixed), "accuracy")
    assert -1 < low < -0.5 < high < 0
    single = find_groups(np.zeros(20), np.zeros((20, 2)))
    alone = difference(*(jackknife("presence", label, prediction, single) for prediction in (right, wrong)))
    assert np.isnan(interval_of_difference(alone, "accuracy")).all()


def test_intervals_of_differences_hold_the_truth() -> None:
    """Two predictors of equal skill: at most about 5 % of the intervals exclude 0."""
    rng, excluded = np.random.default_rng(3), []
    for _ in range(300):
        shared = rng.standard_normal(GROUPS)[KEYS]
        label = (rng.random(len(KEYS)) < 0.5).astype(float)
        drawn = [label + 1.5 * shared + rng.standard_normal(GROUPS)[KEYS] + rng.standard_normal(len(KEYS))
                 for _ in range(2)]  # fmt: skip
        pair = [jackknife("presence", label, one, INDEPENDENT) for one in drawn]
        low, high = interval_of_difference(difference(*pair), "auc")
        excluded.append(low > 0 or high < 0)
    assert np.mean(excluded) <= 0.08
