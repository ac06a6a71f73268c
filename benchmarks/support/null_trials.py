"""Trials of `benchmarks.coverage`: intervals and p-values of random fields, with and without skill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr

from mineral_pipeline.evaluation import Groups, find_groups, interval, jackknife, score
from mineral_pipeline.evaluation.label_fields import label_field
from mineral_pipeline.evaluation.pairing import Pairing
from mineral_pipeline.evaluation.resampling import Resampling
from mineral_pipeline.evaluation.significance import Candidate, Judged, choose, significance
from mineral_pipeline.evaluation.variogram import Variogram, draw_fields, field_root
from mineral_pipeline.learning import TASKS, Task

METRICS: Mapping[Task, tuple[str, ...]] = {"presence": ("accuracy", "auc"), "richness": ("mae",)}
"""Metrics of each task whose intervals are tried."""

SKILL = 0.5
"""Correlation of a predictor with skill and the field behind the labels; its accuracy is 1 / 2 + arcsin(0.5) / pi."""

RESAMPLES = 300
"""Resamples of the percentile bootstrap."""

P_VALUES_EVERY = 5
"""One trial in so many gets a p-value, on `LABEL_FIELDS` fields and as the best of `MODELS` predictors."""

LABEL_FIELDS, MODELS = 99, 5


@dataclass(frozen=True)
class Trial:
    """What one predictor gives for one metric."""

    kind: str
    """``null`` or ``skill``."""
    metric: str
    """Name of the metric."""
    distance_km: int
    """Distance at which the correlation of the predictor is 0.05."""
    seed: int
    """Seed of the split."""
    groups: int
    """Number of groups of the test subset."""
    truth: float
    """Expected value of the metric; chance for a predictor that knows nothing."""
    covers: bool
    """Whether our interval holds the truth."""
    excludes: bool
    """Whether it excludes chance."""
    width: float
    """Its width."""
    before_covers: bool
    """Whether the percentiles of resampled locations hold the truth."""
    before_excludes: bool
    """Whether they exclude chance."""
    before_width: float
    """Their width."""
    significant: float
    """1 when the p-value of the best of some predictors is at most 0.05, 0 when not; nan when it was not computed."""


def draw_trials(task: Task, held_out: pd.DataFrame, distance_km: int, trials: int, seed: int) -> Iterator[Trial]:
    """Judge predictors that know nothing of the true labels and, for presence, some with skill on simulated ones.

    Args:
        task: task of the labels.
        held_out: rows of ``samples.parquet`` of the validation and test subsets.
        distance_km: distance at which the correlation of a predictor is 0.05.
        trials: number of predictors of each kind.
        seed: seed of the split, and of the predictors.
    """
    field, rng = label_field(task, held_out), np.random.default_rng([seed, distance_km, TASKS.index(task)])
    root = field_root(field.distance_km, Variogram(-distance_km / np.log(0.05), nugget=0.0))
    on_test = (held_out["subset"] == "test").to_numpy()
    test, weight = held_out[on_test], held_out["weight"].to_numpy(np.float64)
    unpaired = Pairing(on_test.astype(int), {})
    judged = Judged(field, np.where(on_test, 0.0, weight), on_test.astype(float), METRICS[task][0], unpaired)
    label = test["label"].to_numpy(np.float64)
    groups = find_groups(test["group"].to_numpy(), test[["lon", "lat"]].to_numpy())
    n_groups = groups.kernel.shape[0]
    for number in range(trials):
        judges = number % P_VALUES_EVERY == 0
        drawn = ndtr(draw_fields(root, MODELS if judges else 1, rng))[:, field.location]
        predictions = drawn if task == "presence" else np.quantile(label, drawn)
        p_value = _p_value(task, judged, predictions, number) if judges else np.nan
        for metric, chance, ours, before in _intervals(task, test, groups, (label, predictions[0][on_test]), rng):
            verdicts = _verdicts(chance, chance, ours, before)
            yield Trial("null", metric, distance_km, seed, n_groups, chance, *verdicts, p_value)
    for _ in range(trials if task == "presence" else 0):
        behind, noise = draw_fields(root, 2, rng)[:, field.location[on_test]]
        simulated = (behind > 0).astype(float)
        prediction, truth = ndtr(SKILL * behind + np.sqrt(1 - SKILL**2) * noise), 0.5 + np.arcsin(SKILL) / np.pi
        metric, chance, ours, before = next(_intervals(task, test, groups, (simulated, prediction), rng))
        verdicts = _verdicts(truth, chance, ours, before)
        yield Trial("skill", metric, distance_km, seed, n_groups, truth, *verdicts, np.nan)


def _verdicts(
    truth: float, chance: float, ours: tuple[float, float], before: tuple[float, float]
) -> tuple[bool, bool, float, bool, bool, float]:
    """For our interval and the one of before: does it hold the truth, does it exclude chance, its width."""
    first, second = ((low <= truth <= high, not low <= chance <= high, high - low) for low, high in (ours, before))
    return (*first, *second)


def _intervals(
    task: Task, test: pd.DataFrame, groups: Groups, pair: tuple[np.ndarray, np.ndarray], rng: np.random.Generator
) -> Iterator[tuple[str, float, tuple[float, float], tuple[float, float]]]:
    """Metric, chance, our interval and the one of before, of a pair of labels and predictions."""
    label, prediction = pair
    found = jackknife(task, label, prediction, groups)
    before = _percentiles(task, test["location_id"], label, prediction, rng)
    # The error that is expected of predictions that are distributed as the labels and know nothing of them.
    chance = 0.5 if task == "presence" else float(np.abs(label[:, None] - label).mean())
    for metric in METRICS[task]:
        yield metric, chance, interval(found, metric), before[metric]


def _percentiles(
    task: Task, locations: pd.Series, label: np.ndarray, prediction: np.ndarray, rng: np.random.Generator
) -> dict[str, tuple[float, float]]:
    """The interval of before: percentiles of the metrics of resampled locations."""
    # Chips of a location that have one label count as one sample with a weight, which is faster.
    rows = pd.DataFrame({"location": pd.factorize(locations)[0], "label": label, "prediction": prediction})
    rows = rows.value_counts(sort=False).reset_index()
    n_locations = int(rows["location"].max()) + 1
    drawn = rng.multinomial(n_locations, np.full(n_locations, 1 / n_locations), RESAMPLES)[:, rows["location"]]
    values = score(task, rows["label"].to_numpy(), rows["prediction"].to_numpy(), drawn * rows["count"].to_numpy())
    ends = {metric: np.percentile(values[metric], [2.5, 97.5]) for metric in METRICS[task]}
    return {metric: (float(low), float(high)) for metric, (low, high) in ends.items()}


def _p_value(task: Task, judged: Judged, predictions: np.ndarray, seed: int) -> float:
    """1 when the best of the predictors by validation has a p-value of at most 0.05 on test, else 0."""
    loss = "cross_entropy" if task == "presence" else "mae"
    candidates = [Candidate(str(number), prediction, loss) for number, prediction in enumerate(predictions)]
    best = candidates[choose(task, judged.field.label[None], judged, candidates)[0]].name
    return float(significance(task, judged, candidates, best, Resampling(LABEL_FIELDS, seed))["p_value"] <= 0.05)
