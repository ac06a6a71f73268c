"""Local scores and folds, against loops over all pairs with distances by haversines."""

from __future__ import annotations

import math

import numpy as np
import pytest
from haversine import haversine_km
from hypothesis import given
from hypothesis import strategies as st

from mineral_pipeline.errors import DataError
from mineral_pipeline.evaluation import measure, pairing, score
from mineral_pipeline.evaluation.metrics import METRICS, find_metric
from mineral_pipeline.evaluation.pairing import Pairing, find_near
from mineral_pipeline.learning import METRICS as NAMES
from mineral_pipeline.learning import TASKS, Task, higher_is_better, local_metric

KM = 700.0


def wins(a: float, b: float) -> float:
    return 1.0 if a > b else 0.5 if a == b else 0.0


def local_auc(samples: dict[str, np.ndarray], weight: np.ndarray) -> float:
    """The definition, positive by positive."""
    lonlat, fold, label, prediction = (samples[key] for key in ("lonlat", "fold", "label", "prediction"))
    shares, weights = [], []
    for i in np.flatnonzero(label == 1):
        near = [
            j for j in np.flatnonzero(label == 0)
            if fold[i] == fold[j] and haversine_km(lonlat[i], lonlat[j]) <= KM and weight[j] > 0
        ]  # fmt: skip
        if near and weight[i] > 0:
            lower = math.fsum(weight[j] * wins(prediction[i], prediction[j]) for j in near)
            shares.append(weight[i] * lower / math.fsum(weight[near]))
            weights.append(weight[i])
    return math.fsum(shares) / math.fsum(weights) if weights else math.nan


def concordance(samples: dict[str, np.ndarray], weight: np.ndarray) -> float:
    lonlat, fold, label, prediction = (samples[key] for key in ("lonlat", "fold", "label", "prediction"))
    alike, pairs = [], []
    for i in range(len(label)):
        for j in range(i):
            if fold[i] == fold[j] and label[i] != label[j] and haversine_km(lonlat[i], lonlat[j]) <= KM:
                high, low = (i, j) if label[i] > label[j] else (j, i)
                pairs.append(weight[i] * weight[j])
                alike.append(pairs[-1] * wins(prediction[high], prediction[low]))
    return math.fsum(alike) / math.fsum(pairs) if math.fsum(pairs) > 0 else math.nan


def drawn(task: Task, seed: int, n: int = 60, folds: int = 3) -> dict[str, np.ndarray]:
    """Samples around a pole, or on both sides of the antimeridian, some in one place, with ties."""
    rng = np.random.default_rng(seed)
    lonlat = np.stack([rng.uniform(170, 190, n), rng.uniform(-10, 10, n)], axis=1)
    if seed % 2:
        lonlat = np.stack([rng.uniform(-180, 180, n), rng.uniform(80, 90, n)], axis=1)
    lonlat[:10] = lonlat[10:20]
    label = rng.integers(0, 2 if task == "presence" else 4, n) / (1 if task == "presence" else 3)
    return {
        "lonlat": lonlat,
        "fold": rng.integers(0, folds, n),
        "label": label,
        "prediction": rng.integers(0, 7, n) / 7,
    }


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("seed", range(4))
def test_local_scores_are_those_of_a_loop_over_all_pairs(task: Task, seed: int) -> None:
    samples, name = drawn(task, seed), local_metric(task, KM)
    weight = np.random.default_rng(seed).integers(0, 3, (3, 60)) / 2
    near = find_near(samples["lonlat"], samples["fold"], KM, samples["label"])
    label, prediction = samples["label"], samples["prediction"]
    found = score(task, label, prediction, weight, Pairing(samples["fold"], {name: near}))[name]
    expected = [(local_auc if task == "presence" else concordance)(samples, one) for one in weight]
    assert np.isfinite(expected).all()
    assert found == pytest.approx(expected)
    # with all pairs, as labels that are drawn anew need them, and the labels of each resample
    every = find_near(samples["lonlat"], samples["fold"], KM)
    metric = find_metric(task, name, Pairing(samples["fold"], {name: every}))
    assert metric(np.stack([label, 1 - label, label]), prediction, weight)[[0, 2]] == pytest.approx(found[[0, 2]])


def test_auc_of_folds_is_their_mean_weighted_by_pairs() -> None:
    samples = drawn("presence", 0)
    fold, label, prediction = samples["fold"], samples["label"], samples["prediction"]
    found = score("presence", label, prediction, np.ones((1, 60)), Pairing(fold, {}))["auc"]
    parts = [(measure("presence", label[fold == one], prediction[fold == one])["auc"],
              (label[fold == one] == 1).sum() * (label[fold == one] == 0).sum()) for one in range(3)]  # fmt: skip
    assert found[0] == pytest.approx(np.average([auc for auc, _ in parts], weights=[pairs for _, pairs in parts]))
    shifted = prediction + 10 * fold  # another calibration of each fold changes nothing
    assert score("presence", label, shifted, np.ones((1, 60)), Pairing(fold, {}))["auc"] == pytest.approx(found)


@given(st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), max_size=12), st.floats(1, 20_040))
def test_pairs_are_those_within_the_distance(places: list[tuple[float, float]], km: float) -> None:
    lonlat = np.array(places).reshape(-1, 2)
    found = find_near(lonlat, np.zeros(len(places), int), km).toarray()
    for i in range(len(places)):
        for j in range(len(places)):
            distance = haversine_km(lonlat[i], lonlat[j])
            if abs(distance - km) > 1e-3:
                assert found[i, j] == (i != j and distance < km)


def test_chips_of_one_place_pair_where_their_labels_differ() -> None:
    label = np.array([1.0, 0, 1])
    assert find_near(np.zeros((3, 2)), np.zeros(3, int), 1, label).nnz == 2
    assert find_near(np.zeros((3, 2)), np.zeros(3, int), 1, np.ones(3)).nnz == 0


def test_without_a_pair_a_local_score_is_not_defined() -> None:
    lonlat = np.array([[0.0, 0.0], [90.0, 0.0]])
    for task in TASKS:
        found = measure(task, np.array([0.0, 1.0]), np.array([0.2, 0.8]), None, lonlat, local_km=(500, 20_000))
        assert np.isnan(found[local_metric(task, 500)])
        assert found[local_metric(task, 20_000)] == 1


def test_many_places_take_several_calls_and_too_many_pairs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = drawn("presence", 0)
    whole = find_near(samples["lonlat"], samples["fold"], KM)
    monkeypatch.setattr(pairing, "PAIRS_PER_CALL", 50)
    assert (find_near(samples["lonlat"], samples["fold"], KM) != whole).nnz == 0
    monkeypatch.setattr(pairing, "MAX_PAIRS", whole.nnz - 1)
    with pytest.raises(DataError, match=r"evaluate\.local_km: 700 km make more than .* pairs: lower it"):
        find_near(samples["lonlat"], samples["fold"], KM)


def test_every_metric_has_a_name_and_a_direction() -> None:
    assert {task: tuple(METRICS[task]) for task in TASKS} == NAMES
    assert local_metric("presence", 500.0) == "local_auc_500"
    assert local_metric("richness", 0.5) == "concordance_0.5"
    for task in TASKS:
        label, wrong = np.array([0.0, 1, 0, 1]), np.array([0.9, 0.1, 0.6, 0.2])
        lonlat = np.zeros((4, 2))
        good, bad = (measure(task, label, one, None, lonlat, local_km=(10,)) for one in (1 - wrong, wrong))
        for name in good:
            assert (good[name] > bad[name]) == higher_is_better(name), name
