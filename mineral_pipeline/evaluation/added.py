"""What a model's predictions add to what is known without them: a stack of both against the latter, out of fold.

A simple model is fitted to the held-out samples by what is known of them, and by that and the prediction. Every sample
is predicted by a fit that has seen neither it, nor its group, nor what lies within `GUARD_KM` of the samples that are
predicted with it. See D. Wolpert, Stacked generalization, Neural Networks 5 (1992) 241-259.

What is known may be coordinates: boosted trees see the position as unit vectors, and of predictions only the order, so
that a probability is worth its logit. Coordinates may know the training subset, as the models do: what the baseline of
that name predicts is then known too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial import KDTree
from threadpoolctl import threadpool_limits

from mineral_pipeline.evaluation.description import defined, describe
from mineral_pipeline.evaluation.groups import Groups
from mineral_pipeline.evaluation.jackknife import Jackknife, difference, interval_of_difference, jackknife, mean
from mineral_pipeline.evaluation.pairing import Pairing
from mineral_pipeline.geometry import chord_length, unit_vectors
from mineral_pipeline.learning import COORDINATES, Task, kind_of

GUARD_KM = 260.0
"""Distance to the nearest predicted sample within which samples are left out of a fit: scenes that near may overlap."""

FOLDS = 5
"""Folds of whole groups, where the samples have none of their own."""

PARTITIONS = 3
"""Times that the groups are dealt into folds; scores are means over them."""

MIN_FIT = 40
"""Fewest samples of a fit."""

METRICS: dict[Task, tuple[str, ...]] = {"presence": ("auc", "cross_entropy"), "richness": ("mae", "r2")}
"""Metrics of which the difference is given."""


Fit = Callable[[np.ndarray, np.ndarray], Callable[[np.ndarray], np.ndarray]]
"""From features (sample, feature) and labels (sample,) to a function from features to predictions in 0..1."""


@dataclass(frozen=True)
class Known:
    """What is known of samples without the predictions."""

    name: str
    """What it is called."""
    features: np.ndarray
    """(sample, feature)."""
    fit: Fit
    """How it is fitted, with and without predictions."""


@dataclass(frozen=True)
class Stack:
    """The samples on which predictions are stacked with what is known."""

    task: Task
    """Task of the models."""
    label: np.ndarray
    """(sample,) in 0..1."""
    vectors: np.ndarray
    """(sample, 3) unit vectors of the positions."""
    known: Known
    """What is known of each."""
    groups: Groups
    """What the split keeps together."""
    partitions: Sequence[np.ndarray]
    """Each (sample,) the number of the fold in which a sample is predicted."""
    alone: Sequence[Jackknife]
    """Metrics of what is known alone, in each partition; none where they cannot be computed."""


def known_from_coordinates(task: Task, samples: pd.DataFrame, coordinates: np.ndarray | None = None) -> Known:
    """The position of samples, by boosted trees.

    Args:
        task: task of the models.
        samples: ``lon`` and ``lat``, one row per sample.
        coordinates: (sample,) what the model of coordinates predicts, if one was trained as the others were.
    """
    vectors = unit_vectors(samples[["lon", "lat"]].to_numpy())
    features = vectors if coordinates is None else np.column_stack([vectors, coordinates])
    return Known(COORDINATES, features, partial(_fit_trees, task))


def make_stack(task: Task, samples: pd.DataFrame, groups: Groups, known: Known) -> Stack:
    """The stack of some samples, with what is known alone.

    Args:
        task: task of the models.
        samples: ``lon``, ``lat``, ``label`` and, where they are predicted out of fold, ``fold``, one row per sample.
        groups: groups of the samples.
        known: what is known of the samples.
    """
    label, vectors = samples["label"].to_numpy(np.float64), unit_vectors(samples[["lon", "lat"]].to_numpy())
    if "fold" in samples and samples["fold"].nunique() > 1:
        partitions = [pd.factorize(samples["fold"])[0]]
    else:
        partitions = [_deal(task, label, groups, number) for number in range(PARTITIONS)]
    bare = Stack(task, label, vectors, known, groups, partitions, ())
    return replace(bare, alone=_cross_fit(bare, known.features) or ())


def added(stack: Stack, prediction: np.ndarray) -> dict[str, Any] | None:
    """What predictions (sample,) add to what is known, with intervals; None where that cannot be computed.

    It cannot where there are fewer than two groups, or where what is left for a fit has fewer than `MIN_FIT` samples or
    one label. Groups are left out of the predictions out of fold: the fits are not repeated, so that intervals are of
    these fits.
    """
    if not stack.alone:
        return None
    both = _cross_fit(stack, np.column_stack([stack.known.features, prediction]))
    if both is None:
        return None
    gain = mean([difference(*pair) for pair in zip(both, stack.alone, strict=True)])
    of_both, of_alone = mean(both), mean(stack.alone)
    metrics = {
        name: {
            "alone": defined(of_alone.value[name]),
            "both": defined(of_both.value[name]),
            "difference": describe(gain, name, interval_of_difference),
        }
        for name in METRICS[kind_of(stack.task)]
    }
    folds = len(np.unique(stack.partitions[0]))
    return {"to": stack.known.name, "samples": len(prediction), "folds": folds, "metrics": metrics}


def _deal(task: Task, label: np.ndarray, groups: Groups, seed: int) -> np.ndarray:
    """Number of the fold of every sample: whole groups, with like shares of positives."""
    from sklearn.model_selection import StratifiedGroupKFold  # scikit-learn takes a second to import

    fold, classes = np.zeros(len(label), int), label > (0 if kind_of(task) == "presence" else np.median(label))
    n_folds = min(FOLDS, groups.kernel.shape[0], classes.sum(), (~classes).sum())
    if n_folds < 2:
        return fold
    dealt = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed).split(label, classes, groups.number)
    for number, (_, rows) in enumerate(dealt):
        fold[rows] = number
    return fold


def _cross_fit(stack: Stack, features: np.ndarray) -> list[Jackknife] | None:
    """Metrics of fits on features (sample, feature), out of fold, in each partition; None where there are none."""
    found = []
    for fold in stack.partitions:
        predicted = np.full(len(fold), np.nan)
        for number in np.unique(fold):
            held_out = fold == number
            seen = ~held_out & ~_is_near(stack.vectors, held_out)
            if seen.sum() < MIN_FIT or np.ptp(stack.label[seen]) == 0:
                return None
            with threadpool_limits(1, "openmp"):  # threads gain nothing on so few samples, and wait for each other
                predicted[held_out] = stack.known.fit(features[seen], stack.label[seen])(features[held_out])
        pairing = Pairing(fold, {})
        found.append(jackknife(stack.task, stack.label, predicted, stack.groups, pairing))
    return found


def _is_near(vectors: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    """Which samples lie within `GUARD_KM` of one that is held out."""
    distance, _ = KDTree(vectors[held_out]).query(vectors, distance_upper_bound=chord_length(GUARD_KM))
    return np.asarray(np.isfinite(distance))


def _fit_trees(task: Task, features: np.ndarray, label: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    shape = {"learning_rate": 0.05, "max_iter": 100, "max_leaf_nodes": 8, "l2_regularization": 1.0}
    shape |= {"early_stopping": False, "random_state": 0}
    if kind_of(task) == "presence":
        classifier = HistGradientBoostingClassifier(**shape).fit(features, label > 0)
        return lambda other: np.asarray(classifier.predict_proba(other)[:, 1])
    regressor = HistGradientBoostingRegressor(**shape).fit(features, label)
    return lambda other: np.asarray(np.clip(regressor.predict(other), 0, 1))
