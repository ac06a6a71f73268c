"""What is learnt and how results are compared: the tasks, the subsets of a split, the metric of each task.

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

PRIMARY_METRIC: Final[dict[Task, str]] = {"presence": "accuracy", "richness": "mae"}
"""Metric by which the models of a task are compared, as in the study."""

RANDOM_LABELS: Final = "random-labels"
"""Kind of the networks that are trained on permuted labels, as a baseline."""

CONSTANT: Final = "constant"
"""Name and kind of the baseline that predicts the same for every chip: the result where every network collapses."""

ENSEMBLE: Final = "ensemble"
"""Name and kind of the mean of an ensemble's predictions, among models that are evaluated."""

SELECTED: Final = "selected"
"""Name and kind of what each fold has selected on its validation subset, among models evaluated out of fold."""

HIGHER_IS_BETTER: Final = frozenset({"accuracy", "precision", "recall", "f1", "auc", "r2"})
"""Metrics of which a higher value is better; of all others a lower one is."""


def is_better(metric: str, values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Where ``values`` of a metric are strictly better than ``others``; arrays of one shape, or broadcast."""
    return values > others if metric in HIGHER_IS_BETTER else values < others
