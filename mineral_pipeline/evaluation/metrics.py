"""Metrics of predictions, each for many weightings of the samples at once, so that a jackknife takes one call.

``weight`` is (resample, sample): how often each sample counts in each resample. Where a resample holds one class only,
precision, recall and F1 are 0, as in scikit-learn; the area under the ROC curve, which scikit-learn refuses, is nan, as
every metric of order is without a pair. The labels may be (resample, sample) too: those of each resample.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import sparse

from mineral_pipeline.evaluation.pairing import Pairing, find_near, share_below
from mineral_pipeline.learning import Kind, Task, kind_of, local_metric

Metrics = dict[str, np.ndarray]
"""(resample,) values of each metric."""

Metric = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(resample,) values from labels, predictions and weights."""

THRESHOLD = 0.5
"""Least probability at which a deposit is predicted to be present."""

CALIBRATION_BINS = 10
"""Equal bins of probability of the calibration error."""

LOWEST: dict[str, float] = {"r2": -np.inf}
"""Lower bound of each metric; 0 for those not named."""

HIGHEST: dict[str, float] = {name: np.inf for name in ("cross_entropy", "mse", "mae", "rmse")}
"""Upper bound of each metric; 1 for those not named. Labels and predictions of an error may lie on any scale."""


def score(
    task: Task, label: np.ndarray, prediction: np.ndarray, weight: np.ndarray, pairing: Pairing | None = None
) -> Metrics:
    """All metrics of a task.

    Args:
        task: task of the model.
        label: (sample,) in 0..1; 0 or 1 for presence.
        prediction: (sample,) in 0..1.
        weight: (resample, sample) how often each sample counts.
        pairing: which samples are compared by the metrics of order; by default all, and there are no local metrics.

    Returns:
        (resample,) values of each metric.
    """
    pairing = pairing or Pairing(np.zeros(len(prediction), int), {})
    metrics = {name: find_metric(task, name, pairing) for name in (*METRICS[kind_of(task)], *pairing.near)}
    given = label.astype(float), prediction.astype(float), weight.astype(float)
    return {name: metric(*given) for name, metric in metrics.items()}


def measure(
    task: Task,
    label: np.ndarray,
    prediction: np.ndarray,
    weight: np.ndarray | None = None,
    lonlat: np.ndarray | None = None,
    *,
    local_km: Sequence[float] = (),
) -> dict[str, float]:
    """All metrics of a task on samples that one model has predicted.

    Args:
        task: task of the model.
        label: (sample,) in 0..1; 0 or 1 for presence.
        prediction: (sample,) in 0..1.
        weight: (sample,) how often each sample counts; by default once.
        lonlat: (sample, 2) position of each sample, degrees; without it there are no local metrics.
        local_km: distances of the local metrics, kilometres.
    """
    weights, alone = np.ones((1, len(label))) if weight is None else weight[None], np.zeros(len(label), int)
    near = {}
    if lonlat is not None:
        near = {local_metric(task, km): find_near(lonlat, alone, km, label) for km in local_km}
    values = score(task, label, prediction, weights, Pairing(alone, near))
    return {name: float(value[0]) for name, value in values.items()}


def find_metric(task: Task, name: str, pairing: Pairing) -> Metric:
    """A metric of a task by its name, on samples with some pairs."""
    if name in pairing.near:
        local = _local_auc if kind_of(task) == "presence" else _concordance
        return lambda label, prediction, weight: local(label, prediction, weight, pairing.near[name])
    if name == "auc":
        return lambda label, prediction, weight: _auc(label, prediction, weight, pairing.fold)
    return METRICS[kind_of(task)][name]


def _log_loss(label: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    return np.asarray(-np.log(np.clip(np.where(label > 0, prediction, 1 - prediction), 1e-7, 1)))


def _mean(part: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Metric:
    """The metric that is the mean over the samples of what each adds."""
    return lambda label, prediction, weight: _total(weight, part(label, prediction)) / weight.sum(axis=1)


def _total(weight: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Weighted sums (resample,) of values (sample,), or (resample, sample)."""
    return np.asarray(weight @ values if values.ndim == 1 else (weight * values).sum(axis=1))


def _is_hit(label: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    return np.asarray((prediction >= THRESHOLD) * label)


def _precision(label: np.ndarray, prediction: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return _ratio(_total(weight, _is_hit(label, prediction)), _total(weight, prediction >= THRESHOLD))


def _recall(label: np.ndarray, prediction: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return _ratio(_total(weight, _is_hit(label, prediction)), _total(weight, label))


def _f1(label: np.ndarray, prediction: np.ndarray, weight: np.ndarray) -> np.ndarray:
    both = _total(weight, label + (prediction >= THRESHOLD))
    return _ratio(2 * _total(weight, _is_hit(label, prediction)), both)


_squared = _mean(lambda label, prediction: (prediction - label) ** 2)
_label = _mean(lambda label, _: label)
_squared_label = _mean(lambda label, _: label**2)


def _r2(label: np.ndarray, prediction: np.ndarray, weight: np.ndarray) -> np.ndarray:
    given = label, prediction, weight
    variance = _squared_label(*given) - _label(*given) ** 2
    return np.asarray(1 - _squared(*given) / np.maximum(variance, 1e-12))


def _auc(label: np.ndarray, prediction: np.ndarray, weight: np.ndarray, fold: np.ndarray | int = 0) -> np.ndarray:
    """Area under the ROC curve: share of pairs in which the positive is above the negative; ties count half.

    Pairs are of the same fold, so that it is the mean over folds, weighted by their pairs.
    """
    fold = np.broadcast_to(fold, prediction.shape)
    order = np.lexsort((prediction, fold))
    is_first = np.diff(fold[order], prepend=-1) != 0  # folds are numbered from 0
    starts = np.flatnonzero(is_first | (np.diff(prediction[order], prepend=np.nan) != 0))
    positive = np.add.reduceat((weight * label)[:, order], starts, axis=1)
    negative = np.add.reduceat((weight * (1 - label))[:, order], starts, axis=1)
    folds = np.flatnonzero(is_first[starts])
    sizes = np.diff(folds, append=len(starts))
    positives, negatives = (np.add.reduceat(one, folds, axis=1) for one in (positive, negative))
    before = np.repeat(np.cumsum(negatives, axis=1) - negatives, sizes, axis=1)  # those of the folds before
    outranked = np.cumsum(negative, axis=1) - negative / 2 - before
    return _share((positive * outranked).sum(axis=1), (positives * negatives).sum(axis=1))


def _local_auc(label: np.ndarray, prediction: np.ndarray, weight: np.ndarray, near: sparse.csr_array) -> np.ndarray:
    """For each positive, the share of the negatives near it that score lower (ties half); the mean over positives.

    Positives without a negative near them do not count.
    """
    lower, all_near = share_below(prediction, near, weight * (1 - label))
    positive = np.where(all_near > 0, weight * label, 0)
    return _share((positive * _ratio(lower, all_near)).sum(axis=1), positive.sum(axis=1))


def _concordance(label: np.ndarray, prediction: np.ndarray, weight: np.ndarray, near: sparse.csr_array) -> np.ndarray:
    """Share of near pairs with different labels whose predictions are ordered alike; ties of predictions count half.

    It is (tau + 1) / 2 of M. Kendall, Biometrika 30 (1938) 81-93, without the pairs that are tied in the labels.
    """
    if label.ndim == 2:  # the labels of each resample order the pairs
        weights = np.broadcast_to(weight, label.shape)
        return np.array([_concordance_once(prediction, near, *one) for one in zip(label, weights, strict=True)])
    lower, all_near = share_below(prediction, near, weight)
    return _share((weight * lower).sum(axis=1), (weight * all_near).sum(axis=1))


def _concordance_once(prediction: np.ndarray, near: sparse.csr_array, label: np.ndarray, weight: np.ndarray) -> float:
    first, second = np.repeat(np.arange(len(label)), np.diff(near.indptr)), near.indices
    ordered = label[first] > label[second]
    first, second = first[ordered], second[ordered]
    pairs, change = weight[first] * weight[second], prediction[first] - prediction[second]
    return float(_share(pairs @ ((change > 0) + (change == 0) / 2), pairs.sum()))


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


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """The ratio; nan where the whole is nothing."""
    return np.asarray(np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan))


METRICS: dict[Kind, dict[str, Metric]] = {
    "presence": {
        "accuracy": _mean(lambda label, prediction: (prediction >= THRESHOLD) == (label > 0)),
        "precision": _precision,
        "recall": _recall,
        "f1": _f1,
        "auc": _auc,
        "brier": _squared,
        "calibration": lambda label, prediction, weight: calibration_error(label, prediction, weight),
        "cross_entropy": _mean(_log_loss),
    },
    "richness": {
        "mae": _mean(lambda label, prediction: np.abs(prediction - label)),
        "mse": _squared,
        "rmse": lambda label, prediction, weight: np.sqrt(_squared(label, prediction, weight)),
        "r2": _r2,
    },
}
"""The metrics of each task but for the local ones, in the order of `mineral_pipeline.learning.METRICS`."""
