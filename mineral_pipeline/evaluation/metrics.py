"""Metrics of predictions, each for many weightings of the samples at once, so that a jackknife takes one call.

``weight`` is (resample, sample): how often each sample counts in each resample. Where a resample holds one class only,
precision, recall and F1 are 0, as in scikit-learn; the area under the ROC curve, which scikit-learn refuses, is nan.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mineral_pipeline.learning import Task

Metrics = dict[str, np.ndarray]
"""(resample,) values of each metric."""

THRESHOLD = 0.5
"""Least probability at which a deposit is predicted to be present."""

CALIBRATION_BINS = 10
"""Equal bins of probability of the calibration error."""

LOWEST: dict[str, float] = {"r2": -np.inf}
"""Lower bound of each metric; 0 for those not named."""

HIGHEST: dict[str, float] = {name: np.inf for name in ("cross_entropy", "mse", "mae", "rmse")}
"""Upper bound of each metric; 1 for those not named. Labels and predictions of an error may lie on any scale."""


def score(task: Task, label: np.ndarray, prediction: np.ndarray, weight: np.ndarray) -> Metrics:
    """All metrics of a task.

    Args:
        task: task of the model.
        label: (sample,) in 0..1; 0 or 1 for presence.
        prediction: (sample,) in 0..1.
        weight: (resample, sample) how often each sample counts.

    Returns:
        (resample,) values of each metric.
    """
    scores = _presence if task == "presence" else _richness
    return scores(label.astype(float), prediction.astype(float), weight.astype(float))


def measure(
    task: Task, label: np.ndarray, prediction: np.ndarray, weight: np.ndarray | None = None
) -> dict[str, float]:
    """All metrics of a task; each sample counts by its ``weight``, (sample,), or once without."""
    weights = np.ones((1, len(label))) if weight is None else weight[None]
    values = score(task, label, prediction, weights)
    return {name: float(value[0]) for name, value in values.items()}


def _log_loss(label: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    return np.asarray(-np.log(np.clip(np.where(label > 0, prediction, 1 - prediction), 1e-7, 1)))


MEANS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "accuracy": lambda label, prediction: (prediction >= THRESHOLD) == (label > 0),
    "brier": lambda label, prediction: (prediction - label) ** 2,
    "cross_entropy": _log_loss,
    "mae": lambda label, prediction: np.abs(prediction - label),
    "mse": lambda label, prediction: (prediction - label) ** 2,
}
"""Metrics that are means over the samples: what one sample adds, from labels and predictions that are broadcast."""


def _presence(label: np.ndarray, prediction: np.ndarray, weight: np.ndarray) -> Metrics:
    predicted, total = prediction >= THRESHOLD, weight.sum(axis=1)
    hits, positives, predicted_positives = weight @ (predicted * label), weight @ label, weight @ predicted
    return {
        "accuracy": weight @ MEANS["accuracy"](label, prediction) / total,
        "precision": _ratio(hits, predicted_positives),
        "recall": _ratio(hits, positives),
        "f1": _ratio(2 * hits, positives + predicted_positives),
        "auc": _auc(label, prediction, weight),
        "brier": weight @ MEANS["brier"](label, prediction) / total,
        "calibration": calibration_error(label, prediction, weight),
        "cross_entropy": weight @ MEANS["cross_entropy"](label, prediction) / total,
    }


def _richness(label: np.ndarray, prediction: np.ndarray, weight: np.ndarray) -> Metrics:
    total = weight.sum(axis=1)
    mse = weight @ MEANS["mse"](label, prediction) / total
    variance = weight @ label**2 / total - (weight @ label / total) ** 2
    return {
        "mae": weight @ MEANS["mae"](label, prediction) / total,
        "mse": mse,
        "rmse": np.sqrt(mse),
        "r2": 1 - mse / np.maximum(variance, 1e-12),
    }


def _auc(label: np.ndarray, prediction: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Area under the ROC curve: share of pairs in which the positive is above the negative; ties count half."""
    order = np.argsort(prediction, kind="stable")
    starts = np.flatnonzero(np.diff(prediction[order], prepend=np.nan) != 0)
    positive = np.add.reduceat((weight * label)[:, order], starts, axis=1)
    negative = np.add.reduceat((weight * (1 - label))[:, order], starts, axis=1)
    outranked = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    return np.where(pairs > 0, (positive * outranked).sum(axis=1) / np.maximum(pairs, np.finfo(float).tiny), np.nan)


def calibration_error(label: np.ndarray, prediction: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Expected calibration error: mean gap between predicted and observed shares in equal bins of probability.

    Args:
        label: (sample,), or (resample, sample) when every resample has labels of its own.
        prediction: (sample,) in 0..1.
        weight: (resample, sample) how often each sample counts; by default once.

    Returns:
        (resample,) errors.
    """
    weight = np.ones((1, len(prediction))) if weight is None else weight
    number = np.minimum((prediction * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    in_bin = number[:, None] == np.arange(CALIBRATION_BINS)
    return np.asarray(np.abs((weight * (prediction - label)) @ in_bin).sum(axis=1) / weight.sum(axis=1))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(part, whole, out=np.zeros_like(part, dtype=float), where=whole > 0))
