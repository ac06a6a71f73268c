"""The one look at the test side: metrics with intervals, and whether a model beats permuted labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mineral_pipeline.evaluation.metrics import PRIMARY_METRIC, Metrics, better, bootstrap, measure
from mineral_pipeline.modelling.dataset import Subset, open_subset
from mineral_pipeline.modelling.model_selection import read_metrics, select_model
from mineral_pipeline.learning import Task
from mineral_pipeline.workspace import Workspace, artefacts

LOW, HIGH = 2.5, 97.5
"""Percentiles of a 95 % interval."""

KEPT = ("name", "kind", "convolution", "dense", "seed", "parameters", "epochs", "seconds", "validation")
"""What is repeated from a model's own ``metrics.json``."""


@dataclass(frozen=True)
class TestResult:
    """A model's results on the test side."""

    about: dict[str, Any]
    """From the model's own ``metrics.json``."""
    metrics: dict[str, float]
    """On the test side as it is."""
    resampled: Metrics
    """(resample,) each, of the same places for all models."""


def evaluate(
    workspace: Workspace, task: Task, predictions: Mapping[str, np.ndarray], resamples: int, seed: int
) -> dict[str, Any]:
    """Write ``evaluation/<task>/metrics.json`` and ``predictions.parquet``.

    The best model is chosen on the validation side. Two p-values compare with the random-label baselines:
    ``p_value`` of a model is the share of resampled places in which it is not better than their mean;
    ``permutation_p_value`` is the rank of the best model among them, (1 + as good or better) / (1 + baselines), which
    cannot fall below 1 / (1 + ``train.n_label_permutations``).

    Args:
        workspace: where.
        task: which.
        predictions: for every model by name, (sample,) of the test side.
        resamples: of the places.
        seed: of the resamples.

    Returns:
        The content of ``metrics.json``.

    Raises:
        DataError: there is no trained network.
    """
    side, names = open_subset(workspace, task, "test"), sorted(predictions)
    tested = [
        _test(read_metrics(workspace, task, name), task, side, predictions[name], resamples, seed) for name in names
    ]
    random = [model for model in tested if model.about["kind"] == "random-labels"]
    result = {
        "task": task,
        "criterion": PRIMARY_METRIC[task],
        "samples": len(side),
        "places": len(np.unique(side.location_id)),
        "best": select_model(workspace, task, names).name,
        "models": [_describe(task, model, random) for model in tested],
    }
    if random:
        result["baseline"] = _baseline(task, next(m for m in tested if m.about["name"] == result["best"]), random)
    workspace.write_table(artefacts.evaluation(task, "predictions.parquet"), _table(side, predictions, names))
    workspace.write_json(artefacts.evaluation(task, "metrics.json"), result)
    return result


def _test(
    about: dict[str, Any], task: Task, side: Subset, prediction: np.ndarray, resamples: int, seed: int
) -> TestResult:
    resampled = bootstrap(task, side.label, prediction, side.location_id, resamples, seed)
    return TestResult({key: about[key] for key in KEPT}, measure(task, side.label, prediction), resampled)


def _describe(task: Task, model: TestResult, random: Sequence[TestResult]) -> dict[str, Any]:
    described = {**model.about, "metrics": {name: _interval(model, name) for name in model.metrics}}
    if random and model.about["kind"] in ("grid", "tuned"):
        described["p_value"] = p_value(task, model, random)
    return described


def p_value(task: Task, model: TestResult, random: Sequence[TestResult]) -> float:
    """Share of resamples in which a model is not better than the mean of the random-label baselines; never 0."""
    name = PRIMARY_METRIC[task]
    baseline = np.mean([other.resampled[name] for other in random], axis=0)
    worse = ~better(name, model.resampled[name], baseline)
    return float((1 + worse.sum()) / (1 + len(worse)))


def _baseline(task: Task, winner: TestResult, random: Sequence[TestResult]) -> dict[str, Any]:
    name = PRIMARY_METRIC[task]
    scores = np.array([model.metrics[name] for model in random])
    beaten = better(name, np.full(len(scores), winner.metrics[name]), scores)
    mean = {key: np.mean([model.resampled[key] for model in random], axis=0) for key in winner.metrics}
    values = {key: float(np.mean([model.metrics[key] for model in random])) for key in winner.metrics}
    average = TestResult({}, values, mean)
    return {
        "kind": "random-labels",
        "models": len(random),
        "metrics": {key: _interval(average, key) for key in values},
        "p_value": p_value(task, winner, random),
        "permutation_p_value": float((1 + (~beaten).sum()) / (1 + len(scores))),
    }


def _interval(model: TestResult, name: str) -> dict[str, float | None]:
    """Value and 95 % interval; None where a metric is not defined (JSON has no nan)."""
    defined = model.resampled[name][np.isfinite(model.resampled[name])]
    low, high = np.percentile(defined, (LOW, HIGH)) if len(defined) else (np.nan, np.nan)
    found = {"value": model.metrics[name], "low": float(low), "high": float(high)}
    return {key: value if np.isfinite(value) else None for key, value in found.items()}


def _table(side: Subset, predictions: Mapping[str, np.ndarray], names: Sequence[str]) -> pd.DataFrame:
    parts = [
        pd.DataFrame(
            {
                "name": name,
                "chip": side.chip,
                "location_id": side.location_id,
                "label": side.label,
                "prediction": predictions[name],
            }
        )
        for name in names
    ]
    return pd.concat(parts, ignore_index=True)
