"""Comparison of the models of a task on the test subset: metrics with intervals, and the p-value of the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mineral_pipeline.evaluation.calibration import perfect_calibration_error
from mineral_pipeline.evaluation.groups import find_groups
from mineral_pipeline.evaluation.jackknife import Jackknife, interval, jackknife, mean
from mineral_pipeline.evaluation.label_fields import label_field
from mineral_pipeline.evaluation.resampling import Resampling
from mineral_pipeline.evaluation.significance import Candidate, Judged, significance
from mineral_pipeline.learning import PRIMARY_METRIC, RANDOM_LABELS, Task


@dataclass(frozen=True)
class HeldOut:
    """The samples that no model has been trained on."""

    validation: pd.DataFrame
    """``location_id``, ``lon``, ``lat``, ``label`` and ``weight`` of the validation subset, one row per sample."""
    test: pd.DataFrame
    """``location_id``, ``group``, ``lon``, ``lat`` and ``label`` of the test subset, one row per sample."""
    unit: str
    """Plural of what a group is, such as ``blocks``; ``locations`` where the split takes each by itself."""


@dataclass(frozen=True)
class ModelPredictions:
    """A model and its predictions for the test subset."""

    facts: Mapping[str, Any]
    """Content of the model's own ``metrics.json``; all but ``name``, ``kind`` and ``role`` is only repeated."""
    prediction: np.ndarray
    """(sample,) in 0..1."""
    validation: np.ndarray | None = None
    """(sample,) for the validation subset; None for a model that cannot be chosen as the best."""
    loss: str = ""
    """Metric that decides between models that are equal on the validation subset."""


def compare_models(
    task: Task, samples: HeldOut, models: Sequence[ModelPredictions], best: str, resampling: Resampling
) -> dict[str, Any]:
    """Content of ``evaluation/<task>/metrics.json``.

    Intervals are of the jackknife over the groups of the test subset. ``significance`` says how often the best of as
    many models would score as well on random label fields; it is absent where no model can be chosen. ``baseline`` is
    the mean of the random-label networks.

    Args:
        task: task of the models.
        samples: the validation and test subsets.
        models: models in the order of the document.
        best: name of the model that was selected on the validation subset.
        resampling: number and seed of the draws of labels.
    """
    test = samples.test
    label, groups = test["label"].to_numpy(), find_groups(test["group"].to_numpy(), test[["lon", "lat"]].to_numpy())
    results = {str(one.facts["name"]): jackknife(task, label, one.prediction, groups) for one in models}
    random = [results[one.facts["name"]] for one in models if one.facts["kind"] == RANDOM_LABELS]
    described = [_describe_model(one.facts, results[one.facts["name"]]) for one in models]
    if task == "presence":
        locations = test["location_id"].to_numpy()
        for one, facts in zip(models, described, strict=True):
            perfect = perfect_calibration_error(one.prediction, locations, resampling)
            facts["metrics"]["calibration"]["perfect"] = perfect
    document = {
        "task": task,
        "primary_metric": PRIMARY_METRIC[task],
        "samples": len(test),
        "locations": int(test["location_id"].nunique()),
        "interval": {"unit": samples.unit, "units": int(test["group"].nunique())},
        "best": best,
        "models": described,
    }
    if candidates := _candidates(models):
        document["significance"] = significance(task, _judged(task, samples), candidates, best, resampling)
    if random:
        metrics = _describe_metrics(mean(random))
        document["baseline"] = {"kind": RANDOM_LABELS, "models": len(random), "metrics": metrics}
    return document


def prediction_table(samples: pd.DataFrame, models: Sequence[ModelPredictions]) -> pd.DataFrame:
    """Content of ``evaluation/<task>/predictions.parquet``: one row per model and sample.

    Args:
        samples: ``chip_id``, ``location_id``, ``label`` and any ``fold`` of the test subset, one row per sample.
        models: models in the order of the table.
    """
    columns = samples[["chip_id", "location_id", "label", *samples.columns.intersection(["fold"])]]
    parts = [columns.assign(prediction=model.prediction, name=model.facts["name"]) for model in models]
    return pd.concat(parts, ignore_index=True)[["name", *columns, "prediction"]]


def _judged(task: Task, samples: HeldOut) -> Judged:
    both = pd.concat([samples.validation.assign(subset="validation"), samples.test.assign(subset="test")])
    on_test = (both["subset"] == "test").to_numpy()
    validation_weight = np.where(on_test, 0.0, both["weight"].to_numpy(np.float64))
    return Judged(label_field(task, both), validation_weight, on_test.astype(float))


def _candidates(models: Sequence[ModelPredictions]) -> list[Candidate]:
    return [
        Candidate(str(one.facts["name"]), np.concatenate([one.validation, one.prediction]), one.loss)
        for one in models
        if one.validation is not None
    ]


def _describe_model(facts: Mapping[str, Any], result: Jackknife) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if key != "task"} | {"metrics": _describe_metrics(result)}


def _describe_metrics(result: Jackknife) -> dict[str, dict[str, float | None]]:
    """Value and 95 % interval of every metric; None where one is not defined, because JSON has no nan."""
    found = {name: (value, *interval(result, name)) for name, value in result.value.items()}
    return {
        name: {key: one if np.isfinite(one) else None for key, one in zip(("value", "low", "high"), ends, strict=True)}
        for name, ends in found.items()
    }
