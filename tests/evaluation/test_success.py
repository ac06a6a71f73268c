"""Success-rate curves against counting by hand, and chance against drawing lots."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_pipeline.evaluation import find_groups
from mineral_pipeline.evaluation.jackknife import difference, interval_of_difference
from mineral_pipeline.evaluation.success import (
    AREA,
    chance_of_hits,
    describe_success,
    first_places,
    hits,
    jackknife_success,
    measure_success,
    success_curve,
)


def test_the_curve_of_four_places() -> None:
    curve = success_curve(np.array([1.0, 4, 3, 2]), np.array([False, True, False, True]), np.array([4.0, 1, 2, 3]))
    assert curve.searched.tolist() == pytest.approx([0, 0.1, 0.3, 0.6, 1])
    assert curve.found.tolist() == pytest.approx([0, 0.5, 0.5, 1, 1])
    assert curve.at(0.05) == pytest.approx(0.25)
    # Two triangles and a rectangle: 0.1 x 0.25 + 0.1 x 0.5, over 0.2.
    assert curve.mean_up_to(0.2) == pytest.approx((0.025 + 0.05) / 0.2)
    # From (0.3, 0.5) it rises by 5/3 of what is searched: 0.5 + 5/3 d = 0.7 - d.
    assert curve.crossing == pytest.approx(0.5 + 5 / 3 * 0.075)


def test_the_metric_of_hits_is_called_after_the_percentage_of_the_places() -> None:
    assert [hits(share) for share in (0.01, 0.025, 0.05, 0.1, 1)] == [
        "hits_1",
        "hits_2.5",
        "hits_5",
        "hits_10",
        "hits_100",
    ]


def test_the_normalised_density_is_the_share_found_over_the_ground_it_takes() -> None:
    """Where the curves cross, 0.625 is found in 0.375 of the ground; a ranking at random finds half in half."""
    score, sought, size = np.array([1.0, 4, 3, 2]), np.array([False, True, False, True]), np.array([4.0, 1, 2, 3])
    described = describe_success(score, sought, size)
    assert described["prediction_rate"] == pytest.approx(0.625)
    assert described["normalised_density"] == pytest.approx(0.625 / 0.375)
    assert describe_success(np.zeros(4), sought, size)["normalised_density"] == pytest.approx(1)
    at_once = describe_success(score, score == 4, np.array([4.0, 0, 2, 3]))
    assert (at_once["prediction_rate"], at_once["normalised_density"]) == (1, None), "found in no ground at all"


@given(
    scores=st.lists(st.integers(0, 3), min_size=1, max_size=12),
    seed=st.integers(0, 99),
)
@settings(max_examples=60)
def test_ties_count_as_the_mean_over_their_orders(scores: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    sought = rng.random(len(scores)) < 0.4
    sought[0] = True
    first = int(rng.integers(1, len(scores) + 1))
    drawn = []
    for _ in range(400):
        order = sorted(range(len(scores)), key=lambda place: (-scores[place], rng.random()))
        drawn.append(sought[order[:first]].sum() / sought.sum())
    found = success_curve(np.array(scores, float), sought).at(first / len(scores))
    assert found == pytest.approx(np.mean(drawn), abs=0.09)


@given(seed=st.integers(0, 999))
@settings(max_examples=20)
def test_the_curve_rises_from_nothing_to_all_whatever_the_order_of_the_places(seed: int) -> None:
    rng = np.random.default_rng(seed)
    score, sought, size = rng.integers(0, 9, 30).astype(float), rng.random(30) < 0.3, rng.random(30)
    score[0], sought[0] = np.nan, True
    curve = success_curve(score, sought, size)
    assert (curve.searched[0], curve.found[0]) == (0, 0)
    assert (curve.searched[-1], curve.found[-1]) == pytest.approx((1, 1))
    assert (np.diff(curve.searched) > 0).all()
    assert (np.diff(curve.found) >= 0).all()
    order = rng.permutation(30)
    turned = success_curve(score[order], sought[order], size[order])
    assert turned.searched == pytest.approx(curve.searched)
    assert turned.found == pytest.approx(curve.found)
    assert curve.at(1 - curve.crossing) == pytest.approx(curve.crossing)


def test_random_and_perfect_rankings() -> None:
    sought, size = np.arange(1000) < 10, np.ones(1000)
    constant = measure_success(np.zeros(1000), sought, size)
    assert constant == pytest.approx({AREA: 0.05, hits(0.01): 0.01, hits(0.05): 0.05, hits(0.1): 0.1})
    perfect = measure_success(-np.arange(1000.0), sought, size)
    assert perfect[hits(0.01)] == 1
    assert perfect[AREA] == pytest.approx(1 - 0.005 / 0.1)
    worst = measure_success(np.arange(1000.0), sought, size)
    assert worst == dict.fromkeys(worst, 0.0)
    assert all(math.isnan(value) for value in measure_success(np.zeros(3), np.zeros(3, bool), np.ones(3)).values())
    assert describe_success(np.zeros(1), np.ones(1, bool), np.ones(1))["hits"][0]["hits"] == 1


def test_chance_agrees_with_drawing_lots() -> None:
    rng = np.random.default_rng(0)
    drawn = np.array([rng.permutation(40)[:8] for _ in range(20_000)])
    hit = (drawn < 12).sum(axis=1)  # 12 of 40 are sought
    found = chance_of_hits(40, 12, 8, 4.0)
    assert found["expected"] == pytest.approx(hit.mean(), abs=0.03)
    assert found["p_value"] == pytest.approx((hit >= 4).mean(), abs=0.012)
    assert chance_of_hits(40, 12, 8, 3.2) == pytest.approx({"expected": 2.4, "p_value": found["p_value"]})
    assert chance_of_hits(40, 12, 8, 0)["p_value"] == 1


@pytest.mark.parametrize(("n", "share", "first"), [(100, 0.01, 1), (101, 0.01, 2), (3, 0.01, 1), (1000, 0.1, 100)])
def test_the_first_places(n: int, share: float, first: int) -> None:
    assert first_places(n, share) == first


def test_intervals_of_differences_exclude_nothing_when_nothing_is_known() -> None:
    """Rankings that know as much as each other differ by chance only; one that knows more is ahead."""
    rng = np.random.default_rng(3)
    blocks, excluded = np.repeat(np.arange(40), 10), 0
    lonlat = np.column_stack([rng.uniform(-180, 180, 40), np.degrees(np.arcsin(rng.uniform(-1, 1, 40)))])[blocks]
    groups, size = find_groups(blocks, lonlat), np.ones(400)
    for _ in range(20):
        sought = rng.random(400) < 0.15
        one, other = (jackknife_success(rng.random(400), sought, size, groups) for _ in range(2))
        low, high = interval_of_difference(difference(one, other), AREA)
        excluded += not low <= 0 <= high
    assert excluded <= 4
    better = jackknife_success(sought + rng.random(400), sought, size, groups)
    low, _ = interval_of_difference(difference(better, other), hits(0.1))
    assert low > 0
