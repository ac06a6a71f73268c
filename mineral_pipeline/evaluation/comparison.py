"""Comparison of the models of a task on the test subset: metrics with intervals and p-values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mineral_pipeline.evaluation.metrics import Metrics, measure
from mineral_pipeline.evaluation.resampling import Resampling, bootstrap
from mineral_pipeline.learning import PRIMARY_METRIC, RANDOM_LABELS, Task, is_better

INTERVAL = (2.5, 97.5)
"""Percentiles of a 95 % interval."""


@dataclass(frozen=True)
class ModelPredictions:
    """A model and its predictions for the test subset."""

    facts: Mapping[str, Any]
    """Content of the model's own ``metrics.json``; all but ``name``, ``kind`` and ``role`` is only repeated."""
    prediction: np.ndarray
    """(sample,) in 0..1."""


@dataclass(frozen=True)
class TestResult:
    """Metrics of a model, or the mean metrics of several, on the test subset."""

    metrics: Mapping[str, float]
    """Value of each metric, with every sample counted once."""
    resampled: Metrics
    """(resample,) values of each metric; resample n draws the same locations for every model."""


def compare_models(
    task: Task, samples: pd.DataFrame, models: Sequence[ModelPredictions], best: str, resampling: Resampling
) -> dict[str, Any]:
    """Content of ``evaluation/<task>/metrics.json``.

    Two p-values compare with the random-label networks: ``p_value`` of a model is the share of resamples in which it is
    not better than their mean; ``permutation_p_value`` is the rank of the best model among them,
    (1 + as good or better) / (1 + number of random-label networks), which cannot fall below
    1 / (1 + ``train.n_label_permutations``).

    Args:
        task: task of the models.
        samples: ``location_id`` and ``label`` of the test subset, one row per sample.
        models: models in the order of the document.
        best: name of the model that was selected on the validation subset.
        resampling: number and seed of the resamples of locations.
    """
    label, location_id = samples["label"].to_numpy(), samples["location_id"].to_numpy()
    results = {
        str(model.facts["name"]): TestResult(
            measure(task, label, model.prediction), bootstrap(task, label, model.prediction, location_id, resampling)
        )
        for model in models
    }
    random = [results[model.facts["name"]] for model in models if model.facts["kind"] == RANDOM_LABELS]
    document = {
        "task": task,
        "primary_metric": PRIMARY_METRIC[task],
        "samples": len(samples),
        "locations": int(samples["location_id"].nunique()),
        "best": best,
        "models": [_describe_model(task, model.facts, results[model.facts["name"]], random) for model in models],
    }
    if random:
        document["baseline"] = _describe_random_labels(task, results[best], random)
    return document


def prediction_table(samples: pd.DataFrame, models: Sequence[ModelPredictions]) -> pd.DataFrame:
    """Content of ``evaluation/<task>/predictions.parquet``: one row per model and sample.

    Args:
        samples: ``chip_id``, ``location_id`` and ``label`` of the test subset, one row per sample.
        models: models in the order of the table.
    """
    columns = samples[["chip_id", "location_id", "label"]]
    parts = [columns.assign(prediction=model.prediction, name=model.facts["name"]) for model in models]
    return pd.concat(parts, ignore_index=True)[["name", *columns, "prediction"]]


def p_value(task: Task, result: TestResult, random: Sequence[TestResult]) -> float:
    """Share of resamples in which a model is not better than the mean of the random-label networks; never 0."""
    metric = PRIMARY_METRIC[task]
    baseline = np.mean([other.resampled[metric] for other in random], axis=0)
    worse = ~is_better(metric, result.resampled[metric], baseline)
    return float((1 + worse.sum()) / (1 + len(worse)))


def _describe_model(
    task: Task, facts: Mapping[str, Any], result: TestResult, random: Sequence[TestResult]
) -> dict[str, Any]:
    described = {key: value for key, value in facts.items() if key != "task"}
    described["metrics"] = {metric: _interval(result, metric) for metric in result.metrics}
    if random and facts["role"] == "network":
        described["p_value"] = p_value(task, result, random)
    return described


def _describe_random_labels(task: Task, best: TestResult, random: Sequence[TestResult]) -> dict[str, Any]:
    """Mean of the random-label networks, and the p-values of the best model against them."""
    metric = PRIMARY_METRIC[task]
    scores = np.array([result.metrics[metric] for result in random])
    beaten = is_better(metric, np.full(len(scores), best.metrics[metric]), scores)
    mean = TestResult(
        {name: float(np.mean([result.metrics[name] for result in random])) for name in best.metrics},
        {name: np.mean([result.resampled[name] for result in random], axis=0) for name in best.metrics},
    )
    return {
        "kind": RANDOM_LABELS,
        "models": len(random),
        "metrics": {name: _interval(mean, name) for name in mean.metrics},
        "p_value": p_value(task, best, random),
        "permutation_p_value": float((1 + (~beaten).sum()) / (1 + len(scores))),
    }


def _interval(result: TestResult, metric: str) -> dict[str, float | None]:
    """Value and 95 % interval; None where a metric is not defined, because JSON has no nan."""
    defined = result.resampled[metric][np.isfinite(result.resampled[metric])]
    low, high = np.percentile(defined, INTERVAL) if len(defined) else (np.nan, np.nan)
    found = {"value": result.metrics[metric], "low": float(low), "high": float(high)}
    return {key: value if np.isfinite(value) else None for key, value in found.items()}
