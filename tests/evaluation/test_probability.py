"""Calibration: temperatures by brute force, isotonic steps by hand, shares by Bayes' rule on counted places."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_pipeline.evaluation import fit_calibration, reliability, to_shares
from mineral_pipeline.evaluation.probability import MIN_FOR_ISOTONIC


def overconfident(n: int, sharpness: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True probabilities, labels drawn with them, and predictions whose logits are too large by a factor."""
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0.02, 0.98, n)
    predicted = 1 / (1 + ((1 - truth) / truth) ** sharpness)
    return truth, (rng.random(n) < truth).astype(float), predicted


@pytest.mark.parametrize("sharpness", [3.0, 0.4])
def test_a_temperature_takes_away_what_made_the_model_too_sure_or_too_shy(sharpness: float) -> None:
    truth, label, predicted = overconfident(1500, sharpness)
    found = fit_calibration(label, predicted)
    assert found.method == "temperature"
    assert found.temperature == pytest.approx(sharpness, rel=0.15)
    assert np.abs(found.apply(predicted) - truth).mean() < 0.03 < np.abs(predicted - truth).mean()
    assert reliability(label, found.apply(predicted))["error"] < reliability(label, predicted)["error"]

    def loss(temperature: float) -> float:
        return -sum(
            math.log(p if one else 1 - p)
            for one, q in zip(label, predicted, strict=True)
            for p in [1 / (1 + ((1 - q) / q) ** (1 / temperature))]
        )

    assert found.temperature is not None
    others = [loss(found.temperature * factor) for factor in (0.9, 1.0, 1.1)]
    assert min(others) == others[1]


@pytest.mark.parametrize("sharpness", [4.0, 0.2])
def test_few_samples_draw_the_temperature_towards_one_from_either_side(sharpness: float) -> None:
    """The likeliest of a fine grid of temperatures, whose logarithm is normal with a standard deviation of 1."""
    _, label, predicted = overconfident(12, sharpness, seed=3)
    logarithms = np.linspace(-2.9, 2.9, 5801)
    odds = ((1 - predicted) / predicted)[:, None] ** np.exp(-logarithms)
    chance = 1 / (1 + odds)
    likelihood = np.log(np.where(label[:, None] > 0.5, chance, 1 - chance)).sum(axis=0)
    unseen = logarithms[likelihood.argmax()]
    expected = logarithms[(likelihood - logarithms**2 / 2).argmax()]
    found = fit_calibration(label, predicted).temperature
    assert found is not None
    assert math.log(found) == pytest.approx(expected, abs=2e-3)
    assert abs(expected) < abs(unseen)


def test_a_sample_of_weight_two_counts_as_two() -> None:
    _, label, predicted = overconfident(200, 2.0)
    weight = np.where(np.arange(200) < 50, 2.0, 1.0)
    twice = np.concatenate([np.arange(200), np.arange(50)])
    found, repeated = fit_calibration(label, predicted, weight), fit_calibration(label[twice], predicted[twice])
    assert found.temperature == pytest.approx(repeated.temperature, rel=1e-3)


@pytest.mark.parametrize("label", [np.ones(5), np.zeros(5)])
def test_samples_of_one_class_change_nothing(label: np.ndarray) -> None:
    predicted = np.array([0.1, 0.2, 0.5, 0.7, 0.9])
    assert fit_calibration(label, predicted).apply(predicted) == pytest.approx(predicted)


def test_many_samples_are_calibrated_by_isotonic_regression_which_keeps_the_order() -> None:
    rng = np.random.default_rng(1)
    predicted = rng.random(6 * MIN_FOR_ISOTONIC)
    truth = np.where(predicted < 0.5, 0.2, 0.6)  # of no temperature
    label = (rng.random(len(predicted)) < truth).astype(float)
    found = fit_calibration(label, predicted)
    assert (found.method, found.temperature) == ("isotonic", None)
    grid = np.linspace(0, 1, 201)
    assert (np.diff(found.apply(grid)) >= 0).all()
    assert found.apply(np.array([0.25, 0.75])) == pytest.approx([0.2, 0.6], abs=0.04)
    assert ((found.apply(grid) > 0) & (found.apply(grid) < 1)).all(), "nothing is certain"


def test_isotonic_regression_of_a_perfect_model_is_never_certain() -> None:
    label = np.repeat([0.0, 1.0], MIN_FOR_ISOTONIC)
    found = fit_calibration(label, label)
    low, high = found.apply(np.array([0.0, 1.0]))
    assert 0 < low == pytest.approx(1 / 1002)
    assert 1 > high == pytest.approx(1001 / 1002)


def test_shares_follow_bayes_rule_on_counted_places() -> None:
    """Of 1,000 rich and 9,000 barren places a sign shows at 800 and 900; in a balanced sample it means 8/9."""
    balanced = 0.8 / (0.8 + 0.1)
    assert to_shares(np.array([balanced]), 0.5, 0.1) == pytest.approx([800 / (800 + 900)])


@given(probability=st.floats(0, 1), balance=st.floats(0.01, 0.99), share=st.floats(0, 1))
@settings(max_examples=200, deadline=None)
def test_shares_are_undone_by_their_reverse_and_stay_probabilities(
    probability: float, balance: float, share: float
) -> None:
    (there,) = to_shares(np.array([probability]), balance, share)
    assert 0 <= there <= 1
    if 0.01 < share < 0.99 and 0.01 < probability < 0.99:
        assert to_shares(np.array([there]), share, balance) == pytest.approx([probability], rel=1e-3)


def test_reliability_is_told_bin_by_bin() -> None:
    label, probability = np.array([0, 1, 1, 1, 0]), np.array([0.05, 0.15, 0.15, 1.0, 0.95])
    found = reliability(label, probability)
    assert [one["samples"] for one in found["bins"]] == [1, 2, 2]
    assert [(one["low"], one["observed"]) for one in found["bins"]] == [(0.0, 0.0), (0.1, 1.0), (0.9, 0.5)]
    assert found["error"] == pytest.approx((0.05 + 2 * 0.85 + 2 * 0.475) / 5)
    assert reliability(np.empty(0), np.empty(0)) == {"error": None, "bins": []}
    weighted = reliability(label, probability, np.array([3.0, 1, 1, 1, 1]))
    assert weighted["error"] == pytest.approx((3 * 0.05 + 2 * 0.85 + 2 * 0.475) / 7)
