"""Intervals by the jackknife over groups of samples: each group of the split, such as a block, is left out once.

Neighbours are not independent, so that the unit that is left out is the one that the split keeps together, and what
neighbouring groups have in common counts too. There are few groups and they are unequal: a percentile bootstrap is then
too narrow. The standard error of the jackknife (CR3) with a spatial kernel, and Student's t at its degrees of freedom,
is not; ``benchmarks/coverage.py`` measures both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from mineral_pipeline.evaluation.groups import Groups
from mineral_pipeline.evaluation.metrics import HIGHEST, LOWEST, score
from mineral_pipeline.evaluation.pairing import Pairing
from mineral_pipeline.learning import Task

CONFIDENCE = 0.95
"""Confidence of an interval."""

GROUPS_PER_CALL = 250
"""Groups that are left out in one call: 2 MB of weights for each thousand samples."""


@dataclass(frozen=True)
class Jackknife:
    """Metrics of a model, with every sample and without each group. Those of models on the same samples are paired."""

    value: dict[str, float]
    """Each metric with every sample; nan where it is not defined."""
    left_out: dict[str, np.ndarray]
    """(group,) each metric without a group; the same group for every model."""
    groups: Groups
    """The groups."""


def jackknife(
    task: Task, label: np.ndarray, prediction: np.ndarray, groups: Groups, pairing: Pairing | None = None
) -> Jackknife:
    """Metrics of a model with every sample, and with each group left out.

    Args:
        task: task of the model.
        label: (sample,) in 0..1.
        prediction: (sample,) in 0..1.
        groups: groups of the samples.
        pairing: which samples are compared by the metrics of order, as in `score`.
    """
    n_groups = groups.kernel.shape[0]
    value = score(task, label, prediction, np.ones((1, len(label))), pairing)
    numbers = np.arange(n_groups) if n_groups > 1 else np.empty(0)  # without the only group nothing is left
    parts = [
        score(task, label, prediction, numbers[start : start + GROUPS_PER_CALL, None] != groups.number, pairing)
        for start in range(0, max(len(numbers), 1), GROUPS_PER_CALL)
    ]
    left_out = {name: np.concatenate([part[name] for part in parts]) for name in value}
    return Jackknife({name: float(one[0]) for name, one in value.items()}, left_out, groups)


def mean(results: Sequence[Jackknife]) -> Jackknife:
    """The mean over models of each metric, such as that of all networks trained on random labels."""
    return Jackknife(
        {name: float(np.mean([found.value[name] for found in results])) for name in results[0].value},
        {name: np.mean([found.left_out[name] for found in results], axis=0) for name in results[0].value},
        results[0].groups,
    )


def difference(one: Jackknife, other: Jackknife) -> Jackknife:
    """The first minus the second, of every metric that both have; they are of the same samples, and so paired."""
    metrics = [name for name in one.value if name in other.value]
    return Jackknife(
        {name: one.value[name] - other.value[name] for name in metrics},
        {name: one.left_out[name] - other.left_out[name] for name in metrics},
        one.groups,
    )


def interval(found: Jackknife, metric: str) -> tuple[float, float]:
    """The 95 % interval of a metric, within its bounds; nan where it or one of its resamples is not defined."""
    value, (lowest, highest) = found.value[metric], _bounds(metric)
    if len(found.left_out[metric]) > 1 and value in (lowest, highest) and (found.left_out[metric] == value).all():
        return _of_all_groups(value == highest, len(found.left_out[metric]))
    return _within(found, metric, lowest, highest)


def interval_of_difference(found: Jackknife, metric: str) -> tuple[float, float]:
    """The 95 % interval of a `difference` of a metric, as in `interval`; nan where no group changes one that is not 0.

    The groups then tell nothing of its error: there are few, or few hold the pairs that a metric of order compares.
    """
    value, (lowest, highest) = found.value[metric], _bounds(metric)
    if value and np.allclose(found.left_out[metric], value, rtol=0, atol=1e-12):
        return np.nan, np.nan
    return _within(found, metric, lowest - highest, highest - lowest)


def _bounds(metric: str) -> tuple[float, float]:
    return LOWEST.get(metric, 0.0), HIGHEST.get(metric, 1.0)


def _within(found: Jackknife, metric: str, lowest: float, highest: float) -> tuple[float, float]:
    """The interval of whatever the groups change, within bounds.

    The standard error is that of the jackknife over groups, sqrt((g - 1) / g x the sum over pairs of groups of their
    kernel x both changes), and never below that of independent groups, the sum of squared changes. See T. Conley,
    Journal of Econometrics 92 (1999) 1-45; B. Hansen, Jackknife standard errors for clustered regression, 2022.
    """
    changes, groups = found.left_out[metric] - found.value[metric], found.groups
    n_groups = len(changes)
    if n_groups < 2 or not np.isfinite(changes).all():
        return np.nan, np.nan
    squares = max(changes @ groups.kernel @ changes, changes @ changes)
    error = np.sqrt((n_groups - 1) / n_groups * squares)
    margin = error * stats.t.ppf((1 + CONFIDENCE) / 2, groups.degrees_of_freedom)
    return float(max(found.value[metric] - margin, lowest)), float(min(found.value[metric] + margin, highest))


def _of_all_groups(at_highest: bool, n_groups: int) -> tuple[float, float]:
    """Interval of a share that is 1, or 0, in every group: perfect scores of few groups may be luck.

    Each group counts as one trial: C. Clopper and E. Pearson, Biometrika 26 (1934) 404-413.
    """
    margin = 1 - ((1 - CONFIDENCE) / 2) ** (1 / n_groups)
    return (1 - margin, 1.0) if at_highest else (0.0, margin)
