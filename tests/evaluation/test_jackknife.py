"""Intervals over the groups of the split: against closed forms, and how often they hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mineral_pipeline.evaluation import Groups, Jackknife, find_groups, interval, jackknife
from mineral_pipeline.evaluation.jackknife import mean
from mineral_pipeline.evaluation.variogram import Variogram, draw_fields, field_root
from mineral_pipeline.geometry import distances_km
from mineral_pipeline.learning import TASKS, Task


def unplaced(keys: np.ndarray) -> Groups:
    """Groups in one place, none nearer to another than the rest: they are independent."""
    return find_groups(keys, np.zeros((len(keys), 2)))


def test_of_equal_groups_it_is_the_t_interval_of_their_means() -> None:
    error = np.random.default_rng(0).exponential(0.1, (12, 5))
    found = jackknife("richness", np.zeros(60), error.ravel(), unplaced(np.repeat(np.arange(12), 5)))
    assert found.groups.degrees_of_freedom == pytest.approx(11)
    low, high = stats.t.interval(0.95, 11, error.mean(), stats.sem(error.mean(axis=1)))
    assert interval(found, "mae") == pytest.approx((low, high))


def test_groups_are_left_out_one_by_one() -> None:
    rng = np.random.default_rng(1)
    label, prediction, groups = rng.integers(0, 2, 90).astype(float), rng.random(90), rng.integers(0, 7, 90)
    found = jackknife("presence", label, prediction, unplaced(groups))
    for number in range(7):
        kept = groups != number
        alone = jackknife("presence", label[kept], prediction[kept], unplaced(groups[kept])).value
        assert {name: values[number] for name, values in found.left_out.items()} == pytest.approx(alone)


def test_many_groups_need_several_calls_and_give_the_same() -> None:
    rng = np.random.default_rng(2)
    prediction = rng.random(600)
    found = jackknife("richness", np.zeros(600), prediction, unplaced(np.arange(600)))
    np.testing.assert_allclose(found.left_out["mae"], (prediction.sum() - prediction) / 599)


def test_intervals_of_dependent_blocks_hold_the_truth() -> None:
    """Chips of a block err alike; percentiles of resampled locations, the way of before, hold the truth too rarely."""
    rng, sizes = np.random.default_rng(4), np.array([60, 50, 45, 40, 30, 25, 20, 15, 12, 10, 8, 8, 6, 5, 4, 3, 2, 1])
    groups, held, before = np.repeat(np.arange(len(sizes)), sizes), list[bool](), list[bool]()
    for _ in range(400):
        error = 0.5 + 0.1 * rng.standard_normal(len(sizes))[groups] + 0.05 * rng.standard_normal(len(groups))
        low, high = interval(jackknife("richness", np.zeros(len(groups)), error, unplaced(groups)), "mae")
        held.append(low <= 0.5 <= high)
        resampled = error[rng.integers(len(error), size=(200, len(error)))].mean(axis=1)
        low, high = np.percentile(resampled, [2.5, 97.5])
        before.append(bool(low <= 0.5 <= high))
    assert np.mean(held) >= 0.93
    assert np.mean(before) < 0.6


def test_intervals_of_groups_that_touch_hold_the_truth() -> None:
    """Errors reach from group to group; groups that are taken for independent promise far too much."""
    rng = np.random.default_rng(8)
    place = rng.uniform(-27, 27, (144, 2))
    root = field_root(distances_km(place[:, None], place[None]), Variogram(range_km=334, nugget=0))
    near, independent = find_groups(np.arange(144), place), unplaced(np.arange(144))
    held = []
    for error in 0.5 + 0.05 * draw_fields(root, 400, rng):
        found = (jackknife("richness", np.zeros(144), error, groups) for groups in (near, independent))
        held.append([low <= 0.5 <= high for low, high in (interval(one, "mae") for one in found)])
    ours, before = np.mean(held, axis=0)
    assert ours > 0.85
    assert before < 0.75


def test_neighbours_that_differ_make_no_interval_narrower() -> None:
    error, lonlat = np.tile([0.2, 0.4], 8), np.stack([np.arange(16.0), np.zeros(16)], axis=1)
    near, independent = find_groups(np.arange(16), lonlat), unplaced(np.arange(16))
    ends = [interval(jackknife("richness", np.zeros(16), error, groups), "mae") for groups in (near, independent)]
    margin, expected = (high - low for low, high in ends)
    ratio = stats.t.ppf(0.975, near.degrees_of_freedom) / stats.t.ppf(0.975, 15)
    assert margin == pytest.approx(expected * ratio)
    assert ratio > 1


def test_differences_between_models_are_paired() -> None:
    """Where the blocks differ more than the models, the difference is certain although neither model is."""
    rng, groups = np.random.default_rng(5), np.repeat(np.arange(10), 8)
    hard, noise = rng.uniform(0.2, 0.6, 10)[groups], 0.001 * rng.random(80)
    one, other = (
        jackknife("richness", np.zeros(80), hard + extra, unplaced(groups)) for extra in (noise, 0.02 + noise)
    )
    difference = Jackknife(
        {"r2": other.value["mae"] - one.value["mae"]},
        {"r2": other.left_out["mae"] - one.left_out["mae"]},
        one.groups,
    )
    low, high = interval(difference, "r2")
    assert low == pytest.approx(0.02, abs=1e-3)
    assert high == pytest.approx(0.02, abs=1e-3)
    assert np.diff(interval(one, "mae"))[0] > 0.05


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("n_groups", [1, 2, 3])
def test_few_groups_give_wide_intervals_or_none(task: Task, n_groups: int) -> None:
    rng = np.random.default_rng(6)
    label = np.tile([0.0, 1.0], 15)
    groups = find_groups(np.arange(30) // 2 % n_groups, rng.uniform(-80, 80, (30, 2)))
    found = jackknife(task, label, np.clip(label + rng.normal(0, 0.5, 30), 0, 1), groups)
    for metric, value in found.value.items():
        low, high = interval(found, metric)
        if n_groups == 1:
            assert np.isnan([low, high]).all(), metric
        else:
            assert low <= value <= high, metric
            assert low >= 0 or metric == "r2"
            assert high <= 1 or metric in ("cross_entropy", "rmse", "mse", "mae")


def test_a_metric_that_a_resample_does_not_have_has_no_interval() -> None:
    label = np.array([1.0, 1, 0, 0])
    found = jackknife("presence", label, np.array([0.9, 0.4, 0.2, 0.6]), unplaced(np.array([0, 0, 1, 1])))
    assert found.value["auc"] == 0.75
    assert np.isnan(interval(found, "auc")).all()
    assert np.isfinite(interval(found, "accuracy")).all()


def test_the_mean_of_models_has_the_interval_of_their_mean_error() -> None:
    rng, groups = np.random.default_rng(7), unplaced(np.repeat(np.arange(9), 4))
    errors = rng.random((3, 36))
    found = mean([jackknife("richness", np.zeros(36), error, groups) for error in errors])
    together = jackknife("richness", np.zeros(36), errors.mean(axis=0), groups)
    assert interval(found, "mae") == pytest.approx(interval(together, "mae"))


@pytest.mark.parametrize("n_groups", [2, 4, 40])
def test_a_perfect_score_of_few_groups_may_be_luck(n_groups: int) -> None:
    """No group changes it, so that the jackknife alone would be sure; each group is a trial that was passed."""
    label = np.tile([0.0, 1.0], n_groups)
    found = jackknife("presence", label, 0.1 + 0.8 * label, unplaced(np.repeat(np.arange(n_groups), 2)))
    low, high = stats.binomtest(n_groups, n_groups).proportion_ci(0.95, "exact")
    for metric in ("accuracy", "precision", "recall", "f1", "auc"):
        assert interval(found, metric) == pytest.approx((low, high)), metric
    wrong = jackknife("presence", label, 0.9 - 0.8 * label, found.groups)
    assert interval(wrong, "accuracy") == pytest.approx((1 - high, 1 - low))
    constant = jackknife("presence", label, np.full(len(label), 0.5), found.groups)
    assert interval(constant, "auc") == (0.5, 0.5), "whatever the samples"
