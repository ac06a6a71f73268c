"""What is learnt and how results are compared: the tasks, the subsets of a split, the metrics of each task.

Every package takes these from here, so that each is written once. A task is a kind, ``presence`` or ``richness``, and
what it is about: every deposit where nothing follows, or after a colon those that hold a commodity (``presence:gold``)
or one of a group of commodities (``richness:group:precious``). What it is about is its subject: empty, ``gold`` or
``group:precious``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal, cast, get_args

import numpy as np

Kind = Literal["presence", "richness"]
"""Binary presence of a known deposit, or log-normalised richness."""

Task = str
"""A kind, or a kind, a colon and a subject."""

TASKS: Final[tuple[Kind, ...]] = get_args(Kind)
"""The tasks about every deposit, which are the kinds."""

GROUP: Final = "group:"
"""Beginning of a subject that is a group of commodities."""

_TASK = re.compile(rf"({'|'.join(TASKS)})(?::((?:{GROUP})?[a-z0-9_]+))?")

SubsetName = Literal["train", "validation", "test"]
SUBSETS: Final[tuple[SubsetName, ...]] = get_args(SubsetName)
"""Subsets of a split. Arrays of subsets hold indices into this tuple."""

TRAIN, VALIDATION, TEST = range(len(SUBSETS))

DROPPED: Final = "dropped"
"""In place of a subset, for a candidate that is in none."""

METRICS: Final[dict[Kind, tuple[str, ...]]] = {
    "presence": ("accuracy", "precision", "recall", "f1", "auc", "brier", "calibration", "cross_entropy"),
    "richness": ("mae", "mse", "rmse", "r2"),
}
"""Metrics of each task, but for the local ones, which `local_metric` names."""

LOCAL_METRICS: Final[dict[Kind, str]] = {"presence": "local_auc", "richness": "concordance"}
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


def kind_of(task: Task) -> Kind:
    """The kind of a task."""
    return cast(Kind, task.partition(":")[0])


def subject_of(task: Task) -> str:
    """What a task is about; empty for every deposit."""
    return task.partition(":")[2]


def make_task(kind: Kind, subject: str) -> Task:
    """The task of a kind that is about a subject."""
    return f"{kind}:{subject}" if subject else kind


def is_task(text: str) -> bool:
    """Whether a text is a task, whatever the vocabulary of commodities."""
    found = _TASK.fullmatch(text)
    return found is not None and found[2] != GROUP.rstrip(":")


def in_order(tasks: Iterable[Task]) -> list[Task]:
    """Tasks by subject, those about every deposit first, and then by kind; each once."""
    return sorted(set(tasks), key=lambda task: (subject_of(task), TASKS.index(kind_of(task))))


def name_subject(text: str) -> str:
    """A commodity, or a group after ``group:``, as tasks write it: ``Barium-Barite`` is ``barium_barite``."""
    group, name = (GROUP, text.strip()[len(GROUP) :]) if text.strip().startswith(GROUP) else ("", text)
    return group + re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def of_subject(subject: str) -> str:
    """A subject for people, to follow a noun: `` of gold``, `` of the group precious``; empty for every deposit."""
    if not subject:
        return ""
    name = subject.removeprefix(GROUP).replace("_", " ")
    return f" of the group {name}" if subject.startswith(GROUP) else f" of {name}"


def task_title(task: Task) -> str:
    """A task for people: ``presence of gold``."""
    return kind_of(task) + of_subject(subject_of(task))


def subject_column(name: str, subject: str) -> str:
    """Column of the labels that tells of a subject what ``name`` tells of every deposit; ``n_gold`` of ``n_deposits``.

    Args:
        name: ``n_deposits``, ``has_deposit``, ``richness`` or ``is_ambiguous``.
        subject: what a task is about.
    """
    if not subject:
        return name
    return f"{name.removesuffix('_deposits').removesuffix('_deposit')}_{subject.replace(':', '_')}"


def local_metric(task: Task, km: float) -> str:
    """Name of the metric of pairs of samples within a distance, such as ``local_auc_500``."""
    return f"{LOCAL_METRICS[kind_of(task)]}_{km:.10g}"


def higher_is_better(metric: str) -> bool:
    """Whether a higher value of a metric is better; of all others a lower one is."""
    return metric.rpartition("_")[0] in LOCAL_METRICS.values() or metric in _HIGHER_IS_BETTER


def is_better(metric: str, values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Where ``values`` of a metric are strictly better than ``others``; arrays of one shape, or broadcast."""
    return values > others if higher_is_better(metric) else values < others
