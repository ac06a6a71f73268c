"""Comparison of the models of a task on the test subset: what each is worth, beside the baselines, and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from mineral_pipeline.errors import DataError
from mineral_pipeline.evaluation.added import added, known_from_coordinates, make_stack
from mineral_pipeline.evaluation.bar import compare_with_baselines
from mineral_pipeline.evaluation.calibration import perfect_calibration_error
from mineral_pipeline.evaluation.description import describe
from mineral_pipeline.evaluation.groups import Groups, find_groups
from mineral_pipeline.evaluation.jackknife import Jackknife, jackknife, mean
from mineral_pipeline.evaluation.label_fields import label_field
from mineral_pipeline.evaluation.pairing import Pairing, find_near
from mineral_pipeline.evaluation.regions import score_regions
from mineral_pipeline.evaluation.reliability import reliability
from mineral_pipeline.evaluation.resampling import Resampling
from mineral_pipeline.evaluation.significance import Candidate, Judged, significance
from mineral_pipeline.evaluation.tuning import compare_with_grid
from mineral_pipeline.evaluation.verdict import verdict
from mineral_pipeline.learning import CONSTANT, COORDINATES, RANDOM_LABELS, STATISTICS, Task, kind_of, local_metric


@dataclass(frozen=True)
class HeldOut:
    """The samples that no model has been trained on."""

    validation: pd.DataFrame
    """``location_id``, ``lon``, ``lat``, ``label`` and ``weight`` of the validation subset, one row per sample."""
    test: pd.DataFrame
    """``location_id``, ``group``, ``lon``, ``lat`` and ``label`` of the test subset, one row per sample. Where several
    models of a name have predicted, each a part of the samples, ``fold`` tells which; ``region`` may tell where it is.
    """
    unit: str
    """Plural of what a group is, such as ``blocks``; ``locations`` where the split takes each by itself."""


@dataclass(frozen=True)
class Calibrated:
    """What calibration on the validation subset makes of the predictions of a model for the test subset."""

    probability: np.ndarray
    """(sample,) in 0..1."""
    calibrations: Sequence[Mapping[str, Any]]
    """Facts of the calibration, one of each fold."""


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
    calibrated: Calibrated | None = None
    """Calibrated predictions of presence; None where there are none."""


@dataclass(frozen=True)
class Terms:
    """How models are compared."""

    metric: str
    """Name of the primary metric."""
    local_km: Sequence[float]
    """Distances of the local metrics, kilometres."""
    resampling: Resampling
    """Number and seed of the draws of labels."""


def compare_models(
    task: Task, samples: HeldOut, models: Sequence[ModelPredictions], best: str, terms: Terms
) -> dict[str, Any]:
    """Content of ``evaluation/<task>/metrics.json``.

    Intervals are of the jackknife over the groups of the test subset. Metrics of order compare samples of the same fold
    only: their AUC is the mean over folds, weighted by the pairs of each. ``significance`` says how often the best of
    as many models would score as well on random label fields; it is absent where no model can be chosen. ``baseline``
    is the mean of the random-label networks; ``search``, ``bar``, ``added`` and ``regions`` are those of
    `compare_with_grid`, `compare_with_baselines`, `added` and `score_regions`, each absent where there is nothing to
    tell; ``verdict`` says it in words.

    Args:
        task: task of the models.
        samples: the validation and test subsets.
        models: models in the order of the document.
        best: name of the model that was selected on the validation subset.
        terms: how they are compared.

    Raises:
        DataError: the primary metric is not defined on the test subset.
    """
    test, by_name = samples.test, {str(one.facts["name"]): one.prediction for one in models}
    label, groups = test["label"].to_numpy(), find_groups(test["group"].to_numpy(), test[["lon", "lat"]].to_numpy())
    pairing = _pair(task, test, terms.local_km)
    results = {name: jackknife(task, label, one, groups, pairing) for name, one in by_name.items()}
    if not all(np.isfinite(one.value[terms.metric]) for one in results.values()):
        raise DataError(
            f"train.primary_metric.{kind_of(task)}: {terms.metric} is not defined on the test subset, as where it"
            " has one class or no pair of near samples: give another metric"
        )
    document: dict[str, Any] = {
        "task": task,
        "primary_metric": terms.metric,
        "samples": len(test),
        "locations": int(test["location_id"].nunique()),
        "interval": {"unit": samples.unit, "units": int(test["group"].nunique())},
        "best": best,
        "models": [_describe_model(one.facts, results[one.facts["name"]]) for one in models],
        "pairs": {name: _count(task, near) for name, near in pairing.near.items()},
    }
    if kind_of(task) == "presence":
        _add_calibration(document["models"], models, test, terms.resampling)
    if candidates := _candidates(models):
        judged = _judged(task, samples, terms)
        document["significance"] = significance(task, judged, candidates, best, terms.resampling)
        if search := compare_with_grid(task, judged, candidates, results):
            document["search"] = search
    facts = [one.facts for one in models]
    more = {
        "baseline": _random_labels([results[one["name"]] for one in facts if one["kind"] == RANDOM_LABELS]),
        "bar": compare_with_baselines(facts, results, terms.metric),
        "added": _added(task, samples, groups, by_name, best),
    }
    document |= {name: found for name, found in more.items() if found}
    if "region" in test:
        shown = {one["name"]: by_name[one["name"]] for one in facts if one["role"] == "baseline" or one["name"] == best}
        document["regions"] = score_regions(task, test, shown, pairing, terms.metric)
    return document | {"verdict": verdict(document)}


def _random_labels(found: Sequence[Jackknife]) -> dict[str, Any] | None:
    """The mean of the networks of permuted labels; None where there are none."""
    return {"kind": RANDOM_LABELS, "models": len(found), "metrics": _describe_metrics(mean(found))} if found else None


def _add_calibration(
    described: Sequence[dict[str, Any]], models: Sequence[ModelPredictions], test: pd.DataFrame, resampling: Resampling
) -> None:
    """Add to models of presence the error of a perfectly calibrated one, and their reliability."""
    locations, label = test["location_id"].to_numpy(), test["label"].to_numpy()
    for one, model in zip(described, models, strict=True):
        perfect = perfect_calibration_error(model.prediction, locations, resampling)
        one["metrics"]["calibration"]["perfect"] = perfect
        if model.calibrated:
            one["reliability"] = _reliability(label, model.prediction, model.calibrated)


def _reliability(label: np.ndarray, prediction: np.ndarray, calibrated: Calibrated) -> dict[str, Any]:
    """How reliable the probabilities of a model are before and after calibration."""
    before, after = (reliability(label, one) for one in (prediction, calibrated.probability))
    return {"before": before, "after": after, "calibrations": list(calibrated.calibrations)}


def prediction_table(samples: pd.DataFrame, models: Sequence[ModelPredictions]) -> pd.DataFrame:
    """Content of ``evaluation/<task>/predictions.parquet``: one row per model and sample.

    Args:
        samples: ``chip_id``, ``location_id``, ``label`` and any ``fold`` of the test subset, one row per sample.
        models: models in the order of the table.
    """
    columns = samples[["chip_id", "location_id", "label", *samples.columns.intersection(["fold"])]]
    parts = [columns.assign(prediction=model.prediction, name=model.facts["name"]) for model in models]
    return pd.concat(parts, ignore_index=True)[["name", *columns, "prediction"]]


def _pair(task: Task, samples: pd.DataFrame, local_km: Sequence[float], drawn: bool = False) -> Pairing:
    """Which samples metrics of order compare; all near pairs for labels that are ``drawn``, else those that differ."""
    fold = pd.factorize(samples["fold"])[0] if "fold" in samples else np.zeros(len(samples), int)
    lonlat, label = samples[["lon", "lat"]].to_numpy(), None if drawn else samples["label"].to_numpy()
    return Pairing(fold, {local_metric(task, km): find_near(lonlat, fold, km, label) for km in local_km})


def _count(task: Task, near: sparse.csr_array) -> dict[str, int]:
    """Number of pairs of a local metric and, for presence, of the positives that have one."""
    count = {"pairs": int(near.nnz)}
    return count | {"positives": int((np.diff(near.indptr) > 0).sum())} if kind_of(task) == "presence" else count


def _added(
    task: Task, samples: HeldOut, groups: Groups, predictions: Mapping[str, np.ndarray], best: str
) -> list[dict[str, Any]]:
    """What the best model and the statistics of the pixels add to coordinates."""
    known = known_from_coordinates(task, samples.test, predictions.get(COORDINATES))
    stack = make_stack(task, samples.test, groups, known)
    shown = {name: added(stack, predictions[name]) for name in dict.fromkeys((best, STATISTICS)) if name in predictions}
    return [{"model": name, **found} for name, found in shown.items() if found and name != CONSTANT]


def _judged(task: Task, samples: HeldOut, terms: Terms) -> Judged:
    both = pd.concat([samples.validation.assign(subset="validation"), samples.test.assign(subset="test")])
    on_test = (both["subset"] == "test").to_numpy()
    fold = both["subset"] + both["fold"].astype(str) if "fold" in both else both["subset"]
    local_km = [km for km in terms.local_km if local_metric(task, km) == terms.metric]
    pairing = _pair(task, both.assign(fold=fold), local_km, drawn=True)
    validation_weight = np.where(on_test, 0.0, both["weight"].to_numpy(np.float64))
    return Judged(label_field(task, both), validation_weight, on_test.astype(float), terms.metric, pairing)


def _candidates(models: Sequence[ModelPredictions]) -> list[Candidate]:
    return [
        Candidate(
            str(one.facts["name"]), np.concatenate([one.validation, one.prediction]), one.loss, str(one.facts["kind"])
        )
        for one in models
        if one.validation is not None
    ]


def _describe_model(facts: Mapping[str, Any], result: Jackknife) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if key != "task"} | {"metrics": _describe_metrics(result)}


def _describe_metrics(result: Jackknife) -> dict[str, dict[str, float | None]]:
    return {name: describe(result, name) for name in result.value}
