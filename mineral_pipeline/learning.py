"""What is learnt and how results are compared: the tasks, the subsets of a split, the metrics of each task.

Every package takes these from here, so that each is written once.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

import numpy as np

Task = Literal["presence", "richness"]
"""Binary presence of a known deposit, or log-normalised richness."""

TASKS: Final[tuple[Task, ...]] = get_args(Task)

SubsetName = Literal["train", "validation", "test"]
SUBSETS: Final[tuple[SubsetName, ...]] = get_args(SubsetName)
"""Subsets of a split. Arrays of subsets hold indices into this tuple."""

TRAIN, VALIDATION, TEST = range(len(SUBSETS))

DROPPED: Final = "dropped"
"""In place of a subset, for a candidate that is in none."""

METRICS: Final[dict[Task, tuple[str, ...]]] = {
    "presence": ("accuracy", "precision", "recall", "f1", "auc", "brier", "calibration", "cross_entropy"),
    "richness": ("mae", "mse", "rmse", "r2"),
}
"""Metrics of each task, but for the local ones, which `local_metric` names."""

LOCAL_METRICS: Final[dict[Task, str]] = {"presence": "local_auc", "richness": "concordance"}
"""What the local metrics of each task are called before their distance."""

RANDOM_LABELS: Final = "random-labels"
"""Kind of the networks that are trained on permuted labels, as a baseline."""

CONSTANT: Final = "constant"
"""Name and kind of the baseline that predicts the same for every chip: the result where every network collapses."""

COORDINATES: Final = "coordinates"
"""Name and kind of the baseline from positions alone, to which others are added."""

STATISTICS: Final = "statistics"
"""Name and kind of the baseline from hand-made statistics of the pixels, whose worth beside coordinates is told."""

TUNED: Final = "tuned"
"""Name and kind of the best network of the search over hyperparameters."""

ENSEMBLE: Final = "ensemble"
"""Name and kind of the mean of an ensemble's predictions, among models that are evaluated."""

SELECTED: Final = "selected"
"""Name and kind of what each fold has selected on its validation subset, among models evaluated out of fold."""

_HIGHER_IS_BETTER: Final = ("accuracy", "precision", "recall", "f1", "auc", "r2")


def local_metric(task: Task, km: float) -> str:
    """Name of the metric of pairs of samples within a distance, such as ``local_auc_500``."""
    return f"{LOCAL_METRICS[task]}_{km:.10g}"


def higher_is_better(metric: str) -> bool:
    """Whether a higher value of a metric is better; of all others a lower one is."""
    return metric.rpartition("_")[0] in LOCAL_METRICS.values() or metric in _HIGHER_IS_BETTER


def is_better(metric: str, values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Where ``values`` of a metric are strictly better than ``others``; arrays of one shape, or broadcast."""
    return values > others if higher_is_better(metric) else values < others
