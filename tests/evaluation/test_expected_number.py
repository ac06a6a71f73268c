"""The number of deposits where there is one: the mean, which the exponential of a mean logarithm is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mineral_pipeline.evaluation import Conversion, NumberGivenOne, Shares, fit_calibration, fit_number_given_one

LARGEST = 500


def test_the_mean_of_the_number_is_met_where_the_exponential_of_the_prediction_falls_short() -> None:
    """Numbers are lognormal about the prediction: their mean is known in closed form."""
    rng = np.random.default_rng(0)
    log_number = rng.uniform(1.0, 3.5, 4000)
    number = np.exp(log_number + rng.normal(0, 0.8, 4000)) - 1
    richness = log_number / np.log(1 + LARGEST)
    found = fit_number_given_one(richness[number > 0], number[number > 0], LARGEST)
    assert found is not None
    here = np.exp(2.0 + 0.8**2 / 2) - 1
    assert found(np.array([2.0 / np.log(1 + LARGEST)])) == pytest.approx([here], rel=0.1)
    assert here > 1.4 * (np.exp(2.0) - 1)
    assert found(richness).mean() == pytest.approx(number.mean(), rel=0.05)


def test_barren_places_are_passed_over_and_the_scale_of_a_model_that_knows_them_is_undone() -> None:
    rng = np.random.default_rng(1)
    rich = rng.random(3000) < 0.4
    number = np.where(rich, rng.integers(3, 9, 3000), 0)
    richness = 0.4 * np.log1p(number) / np.log1p(LARGEST)  # half way to the barren ones
    found = fit_number_given_one(richness, number, LARGEST)
    assert found is not None
    assert found.samples == rich.sum()
    assert found(richness[rich]) == pytest.approx(number[rich], rel=0.08)


def test_no_number_is_below_one_or_above_the_largest_that_is_known() -> None:
    steep = NumberGivenOne(intercept=0.0, slope=1.0, smearing=5.0, max_deposits=7, samples=9)
    assert steep(np.array([[0.0, 0.1, 1.0]])).tolist() == [[4.0, pytest.approx(5 * 8**0.1 - 1), 7.0]]
    assert replace(steep, smearing=0.1)(np.array([0.0, 1.0])).tolist() == [1.0, 1.0]
    for largest in (0, 1):
        assert replace(steep, max_deposits=largest)(np.array([0.0, 1.0])).tolist() == [1.0, 1.0]


def test_few_places_leave_the_scale_of_the_model_and_give_its_level() -> None:
    number = np.array([2, 9])
    richness = np.log1p([1, 4]) / np.log1p(LARGEST)  # half the logarithm of 3 and 10 less a constant
    found = fit_number_given_one(richness, number, LARGEST)
    assert found is not None
    assert 1 < found.slope < 1.02
    assert found(richness).mean() == pytest.approx(number.mean(), rel=0.1)


@pytest.mark.parametrize("number", [np.empty(0), np.zeros(4)])
def test_without_a_deposit_nothing_is_known_of_their_number(number: np.ndarray) -> None:
    assert fit_number_given_one(np.full(len(number), 0.3), number, LARGEST) is None


def test_a_constant_prediction_gives_the_mean_and_nothing_leaves_the_possible() -> None:
    found = fit_number_given_one(np.full(40, 0.3), np.arange(1, 41), LARGEST)
    assert found is not None
    assert found(np.array([0.0, 0.3, 1.0])) == pytest.approx(20.5)
    assert NumberGivenOne(0, 1, 1, 9, 5)(np.array([0.0, 1.0, 7.0])).tolist() == pytest.approx([1, 9, 9])


def test_what_is_not_learnt_is_left_out_of_the_expected_number() -> None:
    number, half = NumberGivenOne(0, 1, 1, 9, 5), np.full(2, 0.5)
    calibration = fit_calibration(np.ones(2), np.ones(2))
    both = Conversion(calibration, Shares(0.5, 0.2), number)
    assert both.expected(half, np.ones(2)) == pytest.approx([0.2 * 9] * 2)
    assert both.facts["probability"]["share"] == 0.2
    assert number.facts == {"intercept": 0, "slope": 1, "smearing": 1, "samples": 5}
    alone = Conversion(None, None, number)
    assert np.isnan(alone.probability(half)).all()
    assert alone.expected(half, np.ones(2)) == pytest.approx([9, 9])
    assert "probability" not in alone.facts
