"""Metrics against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as oracle
from hypothesis import given
from hypothesis import strategies as st

from mineral_pipeline.evaluation import Resampling, calibration, measure, perfect_calibration_error, score
from mineral_pipeline.learning import Task, is_better


@pytest.fixture
def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, predictions with ties, and whole weights of 40 samples."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 2, 40).astype(float), rng.integers(0, 11, 40) / 10, rng.integers(0, 4, (3, 40))


def test_presence_metrics_agree_with_scikit_learn(drawn: tuple[np.ndarray, ...]) -> None:
    label, prediction, weights = drawn
    found = score("presence", label, prediction, weights)
    clipped = np.clip(prediction, 1e-7, 1 - 1e-7)
    for row, weight in enumerate(weights):
        called = prediction >= 0.5
        expected = {
            "accuracy": oracle.accuracy_score(label, called, sample_weight=weight),
            "precision": oracle.precision_score(label, called, sample_weight=weight),
            "recall": oracle.recall_score(label, called, sample_weight=weight),
            "f1": oracle.f1_score(label, called, sample_weight=weight),
            "auc": oracle.roc_auc_score(label, prediction, sample_weight=weight),
            "brier": oracle.brier_score_loss(label, prediction, sample_weight=weight),
            "cross_entropy": oracle.log_loss(label, clipped, sample_weight=weight),
        }
        for name, value in expected.items():
            assert found[name][row] == pytest.approx(value, rel=1e-6), name


def test_richness_metrics_agree_with_scikit_learn(drawn: tuple[np.ndarray, ...]) -> None:
    _, prediction, weights = drawn
    label = np.linspace(0, 1, len(prediction))
    found = score("richness", label, prediction, weights)
    for row, weight in enumerate(weights):
        assert found["mae"][row] == pytest.approx(oracle.mean_absolute_error(label, prediction, sample_weight=weight))
        assert found["rmse"][row] == pytest.approx(
            oracle.root_mean_squared_error(label, prediction, sample_weight=weight)
        )
        assert found["r2"][row] == pytest.approx(oracle.r2_score(label, prediction, sample_weight=weight))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=2, max_size=30))
def test_auc_is_how_often_a_positive_outranks_a_negative(pairs: list[tuple[bool, int]]) -> None:
    positive = [value for is_positive, value in pairs if is_positive]
    negative = [value for is_positive, value in pairs if not is_positive]
    found = measure("presence", np.array([one for one, _ in pairs], float), np.array([value for _, value in pairs]) / 4)
    wins = [(a > b) + (a == b) / 2 for a in positive for b in negative]
    if wins:
        assert found["auc"] == pytest.approx(sum(wins) / len(wins))
    else:
        assert np.isnan(found["auc"])


def test_calibration_is_the_mean_gap_over_bins(drawn: tuple[np.ndarray, ...]) -> None:
    label, _, weights = drawn
    prediction = np.random.default_rng(1).uniform(0, 1, len(label))
    expected = 0.0
    for low in np.arange(10) / 10:
        inside = (prediction >= low) & (prediction < low + 0.1)
        expected += abs((weights[0][inside] * (prediction - label)[inside]).sum())
    assert score("presence", label, prediction, weights)["calibration"][0] == pytest.approx(expected / weights[0].sum())


def test_one_class_alone_is_scored_without_a_warning() -> None:
    found = measure("presence", np.zeros(4), np.full(4, 0.2))
    assert (found["accuracy"], found["precision"], found["recall"], found["f1"]) == (1, 0, 0, 0)
    assert np.isnan(found["auc"])


def test_more_samples_than_are_drawn_at_a_time_are_drawn_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    prediction = np.linspace(0, 1, 88)
    at_once = perfect_calibration_error(prediction, np.arange(88), Resampling(50, seed=0))
    monkeypatch.setattr(calibration, "LABELS_PER_CALL", 10)
    assert perfect_calibration_error(prediction, np.arange(88), Resampling(50, seed=0)) == pytest.approx(at_once)


def test_a_perfectly_calibrated_model_has_a_calibration_error_too() -> None:
    """With 88 chips it is 0.106 on average: a binomial standard deviation in every bin, times sqrt(2 / pi)."""
    prediction, many = np.linspace(0, 1, 88), Resampling(4000, seed=0)
    found = perfect_calibration_error(prediction, np.arange(88), many)
    assert found == pytest.approx(0.106, abs=0.003)
    bins = np.array_split(prediction, 10)
    normal = sum(np.sqrt(2 / np.pi * (one * (1 - one)).sum()) for one in bins) / 88
    assert found == pytest.approx(normal, rel=0.06)
    assert perfect_calibration_error(prediction, np.arange(88), many) == found
    assert perfect_calibration_error(np.repeat(prediction, 100), np.arange(8800), Resampling(200, 0)) < 0.012
    chips = perfect_calibration_error(np.repeat(prediction, 100), np.repeat(np.arange(88), 100), many)
    assert chips == pytest.approx(found, abs=0.003), "a hundred chips of one location are one observation"
    assert perfect_calibration_error(np.array([0.0, 1.0]), np.arange(2), many) == 0


def test_better_knows_which_way_is_up() -> None:
    assert is_better("accuracy", np.array([0.9]), np.array([0.8])).all()
    assert is_better("mae", np.array([0.1]), np.array([0.2])).all()
    assert not is_better("mae", np.array([0.1]), np.array([0.1])).any()


@pytest.mark.parametrize("task", ["presence", "richness"])
def test_a_sample_of_weight_three_counts_as_three_samples(task: Task) -> None:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 40) if task == "presence" else rng.uniform(0, 1, 40)
    prediction, times = rng.uniform(0, 1, 40), rng.integers(0, 4, 40)
    expected = measure(task, np.repeat(label, times), np.repeat(prediction, times))
    for weight in (times, times / times.sum() / 7):  # only proportions matter, however small
        assert measure(task, label, prediction, weight) == pytest.approx(expected)
