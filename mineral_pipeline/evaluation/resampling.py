"""Bootstrap: the metrics of a model on resampled groups of samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mineral_pipeline.evaluation.metrics import Metrics, score
from mineral_pipeline.learning import Task

RESAMPLES_PER_BLOCK = 250
"""Resamples that are scored in one call: 2 MB of weights for each thousand samples."""


@dataclass(frozen=True)
class Resampling:
    """How groups of samples are drawn. Equal values draw the same groups."""

    n_resamples: int
    """Number of resamples."""
    seed: int
    """Seed of the draws."""


def bootstrap(
    task: Task, label: np.ndarray, prediction: np.ndarray, groups: np.ndarray, resampling: Resampling
) -> Metrics:
    """Metrics of resampled groups, such as locations.

    Whole groups are drawn with replacement, because the chips of a location are not independent. The same resampling
    draws the same groups for every model, so that differences between models are paired.

    Args:
        task: task of the model.
        label: (sample,) in 0..1.
        prediction: (sample,) in 0..1.
        groups: (sample,) key of each sample's group.
        resampling: number and seed of the resamples.

    Returns:
        (resample,) values of each metric.
    """
    blocks = [score(task, label, prediction, weight) for weight in _weights(groups, resampling)]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _weights(groups: np.ndarray, resampling: Resampling) -> Iterator[np.ndarray]:
    """Blocks of (resample, sample): how often each sample is drawn in each resample."""
    keys, group = np.unique(groups, return_inverse=True)
    rng = np.random.default_rng(resampling.seed)
    for start in range(0, resampling.n_resamples, RESAMPLES_PER_BLOCK):
        rows = min(RESAMPLES_PER_BLOCK, resampling.n_resamples - start)
        drawn = rng.integers(len(keys), size=(rows, len(keys))) + np.arange(rows)[:, None] * len(keys)
        counts = np.bincount(drawn.ravel(), minlength=rows * len(keys)).reshape(rows, len(keys))
        yield counts[:, group]
