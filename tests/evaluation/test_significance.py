"""The p-value of the best model: label fields that lie on the Earth as the true labels do, and the choice repeated."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import ndtr

from mineral_pipeline.evaluation import Resampling, label_fields, score
from mineral_pipeline.evaluation.label_fields import LabelField, label_field
from mineral_pipeline.evaluation.pairing import Pairing, find_near
from mineral_pipeline.evaluation.significance import Candidate, Judged, choose, significance
from mineral_pipeline.evaluation.variogram import Variogram, draw_fields, field_root, fit_variogram
from mineral_pipeline.geometry import distances_km
from mineral_pipeline.learning import TASKS, Task

CHIPS = 2


def located(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Positions of n locations in a continent of 4,000 km, and the distances between them."""
    position = np.random.default_rng(seed).uniform(-18, 18, (n, 2))
    return position, distances_km(position[:, None], position[None])


def samples_of(task: Task, label: np.ndarray, position: np.ndarray) -> pd.DataFrame:
    """Two chips of each location, the first half of the locations for validation; a richer second chip."""
    n = len(label)
    table = pd.DataFrame({"location_id": [f"{k:06d}" for k in range(n)], "lon": position[:, 0], "lat": position[:, 1]})
    table = table.assign(label=label, subset=np.where(np.arange(n) < n // 2, "validation", "test"))
    second = table.assign(label=label if task == "presence" else label + 1e-3)
    return pd.concat([table, second], ignore_index=True)


def field_of(task: Task, seed: int, range_km: float = 400, n: int = 240) -> LabelField:
    """Labels of a field of known range."""
    position, distance = located(n, seed)
    (value,) = draw_fields(field_root(distance, Variogram(range_km, 0.1)), 1, np.random.default_rng(seed))
    return label_field(
        task, samples_of(task, (value > 0).astype(float) if task == "presence" else ndtr(value), position)
    )


def judged(task: Task, field: LabelField) -> Judged:
    on_test = (field.subset == 1).astype(float)
    metric = {"presence": "accuracy", "richness": "mae"}[task]
    return Judged(field, 1 - on_test, on_test, metric, Pairing(field.subset, {}))


def candidates(task: Task, predictions: np.ndarray) -> list[Candidate]:
    loss = "cross_entropy" if task == "presence" else "mse"
    return [Candidate(f"model-{number}", one, loss) for number, one in enumerate(predictions)]


def p_value(task: Task, field: LabelField, predictions: np.ndarray, n_fields: int = 99) -> float:
    models, samples = candidates(task, predictions), judged(task, field)
    best = models[choose(task, field.label[None], samples, models)[0]].name
    return float(significance(task, samples, models, best, Resampling(n_fields, seed=1))["p_value"])


def null_predictions(field: LabelField, n: int, seed: int, range_km: float = 300) -> np.ndarray:
    """Smooth predictors that know nothing, (n, sample)."""
    rng, root = np.random.default_rng([seed, 1]), field_root(field.distance_km, Variogram(range_km, 0))
    return ndtr(draw_fields(root, n, rng))[:, field.location]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("range_km", [150, 600])
def test_the_range_of_labels_is_found(task: Task, range_km: float) -> None:
    _, distance = located(500)
    fields = draw_fields(field_root(distance, Variogram(range_km, 0.2)), 12, np.random.default_rng(2))
    values = np.where(fields > 0, 1.0, -1.0) if task == "presence" else fields
    found = [fit_variogram(task, value, distance) for value in values]
    # Of a single field a variogram is uncertain; the correlation at a range's distance is e^-1 times 0.8.
    correlations = [float(one.correlation(np.array(range_km))) for one in found]
    assert np.median(correlations) == pytest.approx(0.8 / np.e, abs=0.1)


def test_the_part_that_near_locations_do_not_share_is_found() -> None:
    _, distance = located(500)
    for nugget in (0.0, 0.5):
        fields = draw_fields(field_root(distance, Variogram(600, nugget)), 12, np.random.default_rng(4))
        found = [fit_variogram("richness", value, distance).nugget for value in fields]
        assert np.median(found) == pytest.approx(nugget, abs=0.15)


def test_labels_without_structure_are_found_to_have_none() -> None:
    _, distance = located(500)
    values = np.random.default_rng(3).choice([-1.0, 1.0], (9, 500))
    near = [float(fit_variogram("presence", one, distance).correlation(np.array(200))) for one in values]
    assert np.median(near) < 0.05


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("lons", [(0.0, 90.0), (0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 170.0, 170.0)])
def test_few_locations_have_a_field_too(task: Task, lons: tuple[float, ...]) -> None:
    position = np.array([(lon, 0.0) for lon in lons])
    field = label_field(task, samples_of(task, np.arange(len(lons)) % 2 * 0.9, position))
    drawn = field.draw(50, np.random.default_rng(0))
    assert np.isfinite(drawn).all()
    assert len(np.unique(drawn, axis=0)) == {2: 1, 4: 4}[len(lons)], "both orders of both subsets"


@pytest.mark.parametrize("task", TASKS)
def test_label_fields_keep_labels_and_their_structure(task: Task) -> None:
    field = field_of(task, seed=4)
    drawn = field.draw(200, np.random.default_rng(0))
    for number in (0, 1):
        rows = field.subset == number
        np.testing.assert_array_equal(
            np.sort(drawn[:, rows]), np.broadcast_to(np.sort(field.label[rows]), (200, rows.sum()))
        )
    first, second = drawn[:, :240], drawn[:, 240:]
    assert np.abs(first - second).mean() < 0.02, "the chips of a location have like labels"
    distance = field.distance_km
    near, far = (distance > 0) & (distance < 250), distance > 2500
    halves = (field.subset[:240, None] == field.subset[None, :240]) & (field.subset[:240] == 1)

    def correlation(labels: np.ndarray, pairs: np.ndarray) -> float:
        a, b = np.nonzero(pairs & halves)
        return float(np.mean([stats.pearsonr(one[a], one[b]).statistic for one in labels]))

    truth = field.label[None, :240]
    assert correlation(first, near) == pytest.approx(correlation(truth, near), abs=0.15)
    assert correlation(first, near) > 0.25
    assert abs(correlation(first, far)) < 0.15
    assert abs(np.mean([np.corrcoef(one, truth[0])[0, 1] for one in first])) < 0.1, "they know nothing of the truth"


@pytest.mark.parametrize("task", TASKS)
def test_p_values_of_predictors_that_know_nothing_are_uniform(task: Task) -> None:
    """The best of four smooth predictors, on labels as smooth: on shuffled labels too many would be significant."""
    found, shuffled = list[float](), list[float]()
    for seed in range(50):
        field = field_of(task, seed, range_km=1000, n=100)
        predictions = null_predictions(field, 4, seed, range_km=1000)
        found.append(p_value(task, field, predictions))
        unstructured = replace(field, variogram=Variogram(20, 1.0))
        shuffled.append(p_value(task, unstructured, predictions))
    assert stats.kstest(found, "uniform").pvalue > 0.01
    significant, of_shuffled = (np.mean(np.array(one) <= 0.1) for one in (found, shuffled))
    assert significant <= 0.18
    assert of_shuffled > 1.5 * significant


@pytest.mark.parametrize("task", TASKS)
def test_a_model_with_skill_has_a_small_p_value(task: Task) -> None:
    field = field_of(task, seed=8)
    nothing = null_predictions(field, 4, seed=8)
    knows = 0.6 * field.label + 0.4 * nothing[:1]
    assert p_value(task, field, np.concatenate([nothing, knows]), 199) == 1 / 200
    assert p_value(task, field, nothing, 199) > 0.02


def test_many_models_are_accounted_for() -> None:
    """The same test score is worth less when it is that of the best of many."""
    field = field_of("presence", seed=7)
    samples, models = judged("presence", field), candidates("presence", null_predictions(field, 30, seed=7))
    best = models[choose("presence", field.label[None], samples, models)[0]]
    # Models that are all alike on validation and test, and the best alone.
    alone, many = (
        significance("presence", samples, group, best.name, Resampling(199, 0)) for group in ([best], models)
    )
    assert (alone["models"], many["models"], many["n_label_fields"]) == (1, 30, 199)
    assert many == significance("presence", samples, models, best.name, Resampling(199, 0)), "it is deterministic"
    assert 0 < alone["p_value"] <= 1


def test_the_choice_is_by_metric_then_loss_then_name() -> None:
    field = field_of("presence", seed=8, n=40)
    label = field.label
    sure, unsure = np.where(label > 0, 0.9, 0.1), np.where(label > 0, 0.6, 0.4)
    wrong = 1 - sure
    models = [
        Candidate(name, one, "cross_entropy") for name, one in zip("dcab", (wrong, unsure, sure, sure), strict=True)
    ]
    assert choose("presence", np.stack([label, 1 - label]), judged("presence", field), models).tolist() == [2, 0]


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_a_field_on_knots_gives_about_the_same_p_values(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """A third of the locations as knots: the same models, labels and question."""
    fields = [field_of(task, seed, range_km=1000) for seed in range(12)]
    monkeypatch.setattr(label_fields, "MAX_KNOTS", 80)
    on_knots = [field_of(task, seed, range_km=1000) for seed in range(12)]
    assert {len(field.distance_km) for field in on_knots} == {80}
    found = []
    for seed, pair in enumerate(zip(fields, on_knots, strict=True)):
        predictions = null_predictions(fields[seed], 2, seed, range_km=600)
        found.append([p_value(task, field, predictions, 199) for field in pair])
    exact, thinned = np.array(found).T
    assert np.abs(exact - thinned).mean() < 0.08
    assert abs(np.mean(exact - thinned)) < 0.05
    assert np.corrcoef(exact, thinned)[0, 1] > 0.9


def test_a_location_has_the_value_of_its_nearest_knot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_fields, "MAX_KNOTS", 30)
    position, distance = located(100)
    field = label_field("richness", samples_of("richness", np.random.default_rng(0).random(100), position))
    # The knots are the locations between which the distances are those of the field.
    (knots,) = np.nonzero(np.isin(np.round(distance, 3), np.round(field.distance_km[field.distance_km > 0], 3)).any(1))
    assert len(knots) == 30
    np.testing.assert_array_equal(field.knot, distance[:, knots].argmin(axis=1))


def test_many_locations_need_no_matrix_of_all_pairs() -> None:
    """50,000 locations would need 20 GB; 4,000 knots need 128 MB, a few times."""
    n, rng = 50_000, np.random.default_rng(0)
    position = np.stack([rng.uniform(-180, 180, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))], axis=1)
    samples = samples_of("presence", rng.integers(0, 2, n).astype(float), position)
    tracemalloc.start()
    try:
        drawn = label_field("presence", samples).draw(5, rng)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert drawn.shape == (5, 2 * n)
    assert peak < 5e8


@pytest.mark.parametrize(
    ("task", "metric"),
    [("presence", "auc"), ("presence", "local_auc_700"), ("richness", "concordance_700"), ("richness", "r2")],
)
def test_any_metric_may_be_judged(task: Task, metric: str) -> None:
    """Against a loop over the fields with `score`; a model that knows is found, and one that does not is not."""
    field = field_of(task, seed=9, n=100)
    position, _ = located(100, 9)
    lonlat, fold = np.tile(position, (2, 1)), field.subset
    local = {metric: find_near(lonlat, fold, 700)} if metric.endswith("_700") else {}
    on_test = (field.subset == 1).astype(float)
    samples = Judged(field, 1 - on_test, on_test, metric, Pairing(fold, local))
    nothing = null_predictions(field, 3, seed=9)
    knows = 0.5 * field.label + 0.5 * nothing[0]
    models = candidates(task, np.stack([*nothing, knows]))
    found = significance(task, samples, models, "model-3", Resampling(99, 0))
    assert found["p_value"] == 1 / 100
    assert significance(task, samples, models[:3], "model-1", Resampling(99, 0))["p_value"] > 0.03
    drawn, rows = field.draw(20, np.random.default_rng(0)), np.flatnonzero(on_test)
    scores = samples.test.score(task, metric, drawn, nothing[1])
    for label, scored in zip(drawn[:, rows], scores, strict=True):
        near = {name: find_near(lonlat[rows], fold[rows], 700, label) for name in local}
        pairing = Pairing(fold[rows], near)
        assert scored == pytest.approx(
            score(task, label, nothing[1][rows], np.ones((1, len(rows))), pairing)[metric][0]
        )


def test_a_local_metric_without_pairs_on_some_fields_is_survived() -> None:
    field = field_of("presence", seed=10, n=40)
    nowhere = find_near(np.stack([np.arange(80.0), np.zeros(80)], axis=1), field.subset, 1)
    on_test = (field.subset == 1).astype(float)
    pairing = Pairing(field.subset, {"local_auc_1": nowhere})
    samples = Judged(field, 1 - on_test, on_test, "local_auc_1", pairing)
    models = candidates("presence", null_predictions(field, 3, seed=10))
    assert significance("presence", samples, models, "model-0", Resampling(99, 0))["p_value"] == 1
