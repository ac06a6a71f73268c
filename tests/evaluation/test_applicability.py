"""Where a model applies: distances by loops, features of other units, what was never seen."""

from __future__ import annotations

import itertools
import statistics

import numpy as np
import pytest

from mineral_pipeline.evaluation import applicability, fit_applicability
from mineral_pipeline.evaluation.applicability import upper_whisker


def test_dissimilarity_is_the_nearest_distance_over_the_mean_one() -> None:
    rng = np.random.default_rng(0)
    trained, asked = rng.normal(size=(30, 3)) * [1, 10, 1000] + 5, rng.normal(size=(7, 3)) * [1, 10, 1000]
    centre, scale = [statistics.mean(one) for one in trained.T], [statistics.pstdev(one) for one in trained.T]

    def distance(a: np.ndarray, b: np.ndarray) -> float:
        return float(sum(((x - y) / s) ** 2 for x, y, s in zip(a, b, scale, strict=True)) ** 0.5)

    mean = statistics.mean(distance(a, b) for a, b in itertools.combinations(trained, 2))
    found = fit_applicability(trained, asked)
    assert found.centre == pytest.approx(centre)
    expected = [min(distance(one, other) for other in trained) / mean for one in asked]
    assert found.dissimilarity(asked) == pytest.approx(expected, rel=1e-6)
    assert found.dissimilarity(trained) == pytest.approx(0, abs=1e-6)
    assert found.dissimilarity(asked * 1e6).min() > found.threshold


def test_of_many_samples_each_is_taken_once_for_the_mean_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applicability, "PAIRS_FROM", 30)
    trained = np.eye(40)  # all are equally far from each other
    assert fit_applicability(trained, trained).mean_distance == pytest.approx(
        np.sqrt(2) / np.std([1.0] + 39 * [0.0]), rel=1e-9
    )


def test_the_threshold_is_the_largest_that_is_no_outlier() -> None:
    values = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 9.0])
    assert upper_whisker(values) == 0.5
    assert upper_whisker(values[:5]) == 0.5
    assert upper_whisker(np.full(3, 2.0)) == 2.0
    assert upper_whisker(np.empty(0)) == 0
    rng = np.random.default_rng(1)
    held_out = rng.normal(size=(400, 2))
    found = fit_applicability(rng.normal(size=(400, 2)), held_out)
    assert 0.9 < (found.dissimilarity(held_out) <= found.threshold).mean() < 1


def test_unknown_and_constant_features_count_for_nothing() -> None:
    rng = np.random.default_rng(2)
    known = rng.normal(size=(50, 2))
    trained = np.column_stack([known, np.full(50, 7.0), np.full(50, np.nan)])
    asked = np.array([[0.0, 0.0, 1e9, 3.0], [0.0, np.nan, 7.0, np.nan]])
    found, plain = fit_applicability(trained, trained), fit_applicability(known, known)
    assert found.dissimilarity(asked[:1]) == pytest.approx(plain.dissimilarity(asked[:1, :2]))
    assert np.isfinite(found.dissimilarity(asked)).all()


@pytest.mark.parametrize("trained", [np.ones((5, 3)), np.ones((1, 3)), np.full((4, 3), np.nan)])
def test_a_model_that_has_seen_one_place_knows_no_distance(trained: np.ndarray) -> None:
    found = fit_applicability(trained, trained)
    assert found.dissimilarity(trained).tolist() == [0] * len(trained)


def test_many_samples_are_looked_at_in_parts() -> None:
    rng = np.random.default_rng(3)
    trained, asked = rng.normal(size=(2500, 4)), rng.normal(size=(2100, 4))
    found = fit_applicability(trained, trained[:9])
    whole = found.dissimilarity(asked)
    assert whole[[0, 1023, 1024, 2099]] == pytest.approx(
        np.concatenate([found.dissimilarity(asked[[row]]) for row in (0, 1023, 1024, 2099)])
    )
