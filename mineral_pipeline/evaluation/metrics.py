"""How good predictions are: each metric over many weightings of the samples at once, so that a bootstrap is one call.

``weight`` is (resample, sample): how often each sample counts in each resample. Metrics of a class that a resample
lacks follow scikit-learn: precision, recall and F1 are 0; the area under the ROC curve, which it refuses, is nan.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mineral_pipeline.learning import Task

Metrics = dict[str, np.ndarray]

PRIMARY_METRIC: dict[Task, str] = {"presence": "accuracy", "richness": "mae"}
"""By which models of a task are compared, as in the study."""

HIGHER_IS_BETTER = frozenset({"accuracy", "precision", "recall", "f1", "auc", "r2"})
"""Metrics of which more is better; of the others less is."""

THRESHOLD = 0.5
"""Probability from which a deposit is called present."""

CALIBRATION_BINS = 10

BLOCK = 250
"""Resamples weighed at once: 2 MB for each thousand samples."""


def score(task: Task, label: np.ndarray, prediction: np.ndarray, weight: np.ndarray) -> Metrics:
    """All metrics of a task.

    Args:
        task: which.
        label: (sample,) in 0..1; 0 or 1 for presence.
        prediction: (sample,) in 0..1.
        weight: (resample, sample).

    Returns:
        (resample,) each.
    """
    scores = _presence if task == "presence" else _richness
    return scores(label.astype(float), prediction.astype(float), weight.astype(float))


def measure(task: Task, label: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """All metrics of a task, every sample counted once."""
    values = score(task, label, prediction, np.ones((1, len(label))))
    return {name: float(value[0]) for name, value in values.items()}


def bootstrap(
    task: Task, label: np.ndarray, prediction: np.ndarray, location_id: np.ndarray, resamples: int, seed: int
) -> Metrics:
    """Metrics of resampled places.

    Whole buckets are drawn with replacement: the chips of a place are not independent. The same seed draws the
    same buckets for every model, so that differences between models are paired.

    Returns:
        (resamples,) each.
    """
    blocks = [score(task, label, prediction, weight) for weight in _weights(bucket, resamples, seed)]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def better(name: str, values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Where ``values`` of metric ``name`` are strictly better than ``others``."""
    return values > others if name in HIGHER_IS_BETTER else values < others


def _weights(location_id: np.ndarray, resamples: int, seed: int) -> Iterator[np.ndarray]:
    places, place = np.unique(bucket, return_inverse=True)
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, BLOCK):
        rows = min(BLOCK, resamples - start)
        drawn = rng.integers(len(places), size=(rows, len(places))) + np.arange(rows)[:, None] * len(places)
        counts = np.bincount(drawn.ravel(), minlength=rows * len(places)).reshape(rows, len(places))
        yield counts[:, place]


def _presence(label: np.ndarray, prediction: np.ndarray, weight: np.ndarray) -> Metrics:
    called, total = prediction >= THRESHOLD, weight.sum(axis=1)
    hits, positives, calls = weight @ (called * label), weight @ label, weight @ called
    sure = np.clip(np.where(label > 0, prediction, 1 - prediction), 1e-7, 1)
    return {
        "accuracy": weight @ (called == (label > 0)) / total,
        "precision": _ratio(hits, calls),
        "recall": _ratio(hits, positives),
        "f1": _ratio(2 * hits, positives + calls),
        "auc": _auc(label, prediction, weight),
        "brier": weight @ (prediction - label) ** 2 / total,
        "calibration": _calibration(label, prediction, weight),
        "cross_entropy": weight @ -np.log(sure) / total,
    }


def _richness(label: np.ndarray, prediction: np.ndarray, weight: np.ndarray) -> Metrics:
    total = weight.sum(axis=1)
    mse = weight @ (prediction - label) ** 2 / total
    variance = weight @ label**2 / total - (weight @ label / total) ** 2
    return {
        "mae": weight @ np.abs(prediction - label) / total,
        "mse": mse,
        "rmse": np.sqrt(mse),
        "r2": 1 - mse / np.maximum(variance, 1e-12),
    }


def _auc(label: np.ndarray, prediction: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Area under the ROC curve: how often a positive outranks a negative, ties half."""
    order = np.argsort(prediction, kind="stable")
    starts = np.flatnonzero(np.diff(prediction[order], prepend=np.nan) != 0)
    positive = np.add.reduceat((weight * label)[:, order], starts, axis=1)
    negative = np.add.reduceat((weight * (1 - label))[:, order], starts, axis=1)
    outranked = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    return np.where(pairs > 0, (positive * outranked).sum(axis=1) / np.maximum(pairs, 1), np.nan)


def _calibration(label: np.ndarray, prediction: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Expected calibration error: mean gap between predicted and observed share over equal bins of probability."""
    place = np.minimum((prediction * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gap = np.zeros((len(label), CALIBRATION_BINS))
    gap[np.arange(len(label)), place] = prediction - label
    return np.asarray(np.abs(weight @ gap).sum(axis=1) / weight.sum(axis=1))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(part, whole, out=np.zeros_like(part, dtype=float), where=whole > 0))
