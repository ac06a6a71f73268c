"""Intervals by the jackknife over groups of samples: each group of the split, such as a block, is left out once.

Neighbours are not independent, so that the unit that is left out is the one that the split keeps together. There are
few of them and they are unequal: a percentile bootstrap is then too narrow. The standard error of the jackknife (CR3)
with Student's t at the degrees of freedom of unequal groups is not; ``benchmarks/coverage.py`` measures both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from mineral_pipeline.evaluation.metrics import HIGHEST, LOWEST, score
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
    sizes: np.ndarray
    """(group,) number of samples of each group."""


def jackknife(task: Task, label: np.ndarray, prediction: np.ndarray, groups: np.ndarray) -> Jackknife:
    """Metrics of a model with every sample, and with each group left out.

    Args:
        task: task of the model.
        label: (sample,) in 0..1.
        prediction: (sample,) in 0..1.
        groups: (sample,) key of each sample's group, such as the block of the split.
    """
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    value = score(task, label, prediction, np.ones((1, len(label))))
    numbers = np.arange(len(sizes)) if len(sizes) > 1 else np.empty(0)  # without the only group nothing is left
    parts = [
        score(task, label, prediction, numbers[start : start + GROUPS_PER_CALL, None] != group)
        for start in range(0, max(len(numbers), 1), GROUPS_PER_CALL)
    ]
    left_out = {name: np.concatenate([part[name] for part in parts]) for name in value}
    return Jackknife({name: float(one[0]) for name, one in value.items()}, left_out, sizes)


def mean(results: Sequence[Jackknife]) -> Jackknife:
    """The mean over models of each metric, such as that of all networks trained on random labels."""
    return Jackknife(
        {name: float(np.mean([found.value[name] for found in results])) for name in results[0].value},
        {name: np.mean([found.left_out[name] for found in results], axis=0) for name in results[0].value},
        results[0].sizes,
    )


def interval(found: Jackknife, metric: str) -> tuple[float, float]:
    """The 95 % interval of a metric, within its bounds; nan where it or one of its resamples is not defined.

    The standard error is that of the jackknife over groups, sqrt((g - 1) / g x the sum of squared changes). See R. Bell
    and D. McCaffrey, Survey Methodology 28 (2002) 169-181; B. Hansen, Jackknife standard errors for clustered
    regression, 2022.
    """
    changes, n_groups = found.left_out[metric] - found.value[metric], len(found.sizes)
    if n_groups < 2 or not np.isfinite(changes).all():
        return np.nan, np.nan
    error = np.sqrt((n_groups - 1) / n_groups * (changes**2).sum())
    margin = error * stats.t.ppf((1 + CONFIDENCE) / 2, degrees_of_freedom(found.sizes))
    low = max(found.value[metric] - margin, LOWEST.get(metric, 0.0))
    return float(low), float(min(found.value[metric] + margin, HIGHEST.get(metric, 1.0)))


def degrees_of_freedom(sizes: np.ndarray) -> float:
    """Degrees of freedom of the jackknife's standard error of a mean over unequal groups: g - 1 when they are equal.

    They are Satterthwaite's, as Bell and McCaffrey have them, where the samples of a group are alike and its mean is as
    uncertain as any other: tr(Q)^2 / tr(Q^2), Q the quadratic form of the variance in the means of the groups. Carter,
    Schnepel and Steigerwald, Rev. Econ. Stat. 99 (2017) 698-709, count effective groups by the same assumption.

    Args:
        sizes: (group,) number of samples of each of at least two groups.
    """
    share = sizes / sizes.sum()
    change = (share / (1 - share))[:, None] * (np.eye(len(share)) - share)
    form = change @ change.T
    return float(np.trace(form) ** 2 / (form**2).sum())
