"""Conformal intervals: coverage of a wrong model, quantiles by counting, abstention where support is thin."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_pipeline.evaluation import fit_conformal
from mineral_pipeline.evaluation.conformal import MIN_SUPPORT, conformal_quantile, effective_number


def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Expected numbers that are wrong by far, and numbers of deposits of which most are 0."""
    true_mean = rng.lognormal(-0.5, 1.2, n)
    return 0.3 * true_mean**1.5, rng.poisson(true_mean * rng.gamma(0.5, 2, n))


def test_nine_in_ten_numbers_lie_within_however_wrong_the_model() -> None:
    rng, covered = np.random.default_rng(0), []
    for _ in range(60):
        intervals = fit_conformal(*draw(rng, 200))
        predicted, number = draw(rng, 200)
        low, high = intervals.interval(predicted)
        finite = np.isfinite(high)
        covered.append(((low <= number) & (number <= high))[finite].mean())
    assert 0.89 <= np.mean(covered) <= 0.93


def test_weights_bring_balanced_residuals_to_the_true_shares() -> None:
    """Rich places err more; in the truth they are rare, and an interval need not cover them as often."""
    rng = np.random.default_rng(1)
    rich = np.arange(4000) < 2000
    number = np.where(rich, 7.0, 0.0)
    predicted = np.full(4000, 0.5) + rng.normal(0, 1e-3, 4000)
    plain = fit_conformal(predicted, number)
    weighted = fit_conformal(predicted, number, np.where(rich, 0.05 / 0.5, 0.95 / 0.5))
    assert np.nanmin(plain.half_width) > 1.5, "half of the residuals are those of rich places"
    assert weighted.half_width.max() < 0.5, "one in twenty is"


@given(
    scores=st.lists(st.floats(0, 100), min_size=MIN_SUPPORT, max_size=200),
)
@settings(max_examples=60, deadline=None)
def test_the_quantile_is_the_score_of_the_rank_that_theory_names(scores: list[float]) -> None:
    n = len(scores)
    rank = -(-9 * (n + 1) // 10)  # the least integer not below 0.9 (n + 1)
    assert conformal_quantile(np.array(scores), np.ones(n)) == sorted(scores)[rank - 1]


def test_there_is_no_interval_where_support_is_thin() -> None:
    rng = np.random.default_rng(2)
    predicted, number = draw(rng, 100)
    intervals = fit_conformal(predicted, number)
    asked = np.array([predicted.max() * 1.01, np.median(predicted), np.median(predicted), np.nan])
    low, high = intervals.interval(asked, np.array([True, True, False, True]))
    assert np.isinf(high).tolist() == [True, False, True, True]
    assert low[[0, 2, 3]].tolist() == [0, 0, 0]
    few = fit_conformal(predicted[:20], number[:20])
    assert np.isinf(few.interval(np.array([0.1]))[1]).all()
    none = fit_conformal(np.empty(0), np.empty(0))
    assert none.interval(np.array([1.0])) == (0, np.inf)
    json.dumps([few.facts, none.facts, intervals.facts], allow_nan=False)


def test_one_heavy_place_is_not_a_hundred() -> None:
    weight = np.array([1000.0, *[1.0] * 99])
    assert effective_number(weight) < 2
    assert np.isinf(conformal_quantile(np.arange(100.0), weight))
    assert effective_number(np.ones(7)) == pytest.approx(7)
    assert effective_number(np.empty(0)) == 0


def test_like_predictions_share_one_class() -> None:
    intervals = fit_conformal(np.full(500, 2.0), np.repeat([0, 1, 2, 3, 4], 100))
    low, high = intervals.interval(np.array([2.0]))
    assert (low[0], high[0]) == pytest.approx((0, 8)), "ln(1 + n) is at most ln 3 from that of 2"
