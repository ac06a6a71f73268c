"""Estimators of scikit-learn as predictors of a task, and the choice among predictors by the validation subset."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from mineral_pipeline.learning import kind_of
from mineral_pipeline.modelling.baselines.baseline import Examples, FeaturePredictor

MAX_TREES = 300
"""Trees among which the validation subset chooses the number."""

LEARNING_RATE = 0.05
"""Share of each tree in the prediction."""

MAX_LEAVES = 8
"""Leaves of a tree: interactions of few features, since neighbouring places are not independent."""


@dataclass(frozen=True)
class EstimatorPredictor:
    """A fitted estimator; one of classes predicts the probability of a deposit."""

    estimator: Any
    """Of scikit-learn."""
    columns: Sequence[str]
    """Names of the features that it was fitted to."""

    def predict(self, features: pd.DataFrame) -> np.ndarray:
        """(sample,) in 0..1.

        Raises:
            ValueError: the estimator is of a strange file, and its trees have no end.
        """
        _check_trees(self.estimator)
        known = features[list(self.columns)]
        with threadpool_limits(1):
            if not hasattr(self.estimator, "predict_proba"):
                return np.asarray(np.clip(self.estimator.predict(known), 0, 1))
            is_present = self.estimator.classes_.astype(float)  # one class or both
            return np.asarray(self.estimator.predict_proba(known) @ is_present)


def _check_trees(estimator: Any) -> None:
    """Refuse boosted trees that lead out of themselves: scikit-learn follows them wherever they lead."""
    for (tree,) in getattr(estimator, "_predictors", ()):
        nodes = tree.nodes
        inner = np.flatnonzero(nodes["is_leaf"] == 0)
        children = np.stack([nodes["left"], nodes["right"]])[:, inner]
        leads_on = (children > inner) & (children < len(nodes))
        is_known = (nodes["feature_idx"][inner] >= 0) & (nodes["feature_idx"][inner] < estimator.n_features_in_)
        if not len(nodes) or nodes["is_categorical"].any() or not leads_on.all() or not is_known.all():
            raise ValueError("a tree leads out of itself")


BOOSTED_TYPES: tuple[type | str, ...] = (
    EstimatorPredictor,
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)
"""Types of what `fit_boosted_trees` returns."""


def best_on(validation: Examples, predictors: Iterable[FeaturePredictor]) -> FeaturePredictor:
    """The predictor of the lowest loss; of equals the first."""
    return min(predictors, key=lambda one: task_loss(validation, one.predict(validation.features)))


def task_loss(examples: Examples, prediction: np.ndarray) -> float:
    """The weighted loss of predictions, (sample,) in 0..1."""
    from sklearn import metrics  # slow to import

    weight = examples.weight
    match examples.loss:
        case "cross_entropy":
            return float(metrics.log_loss(classes(examples), prediction, sample_weight=weight, labels=[False, True]))
        case "mae":
            return float(metrics.mean_absolute_error(examples.label, prediction, sample_weight=weight))
        case _:
            return float(metrics.mean_squared_error(examples.label, prediction, sample_weight=weight))


def classes(examples: Examples) -> np.ndarray:
    """(sample,) bool: whether there is a deposit."""
    return np.asarray(examples.label > 0.5)


def fit_estimator(make: Callable[[], Any], train: Examples) -> EstimatorPredictor:
    """Fit an estimator of scikit-learn to the features that are known of some sample.

    Where none is, or all labels are of one class, no estimator can learn, and the best constant is predicted.
    """
    known = train.features.dropna(axis="columns", how="all")
    label = classes(train) if kind_of(train.task) == "presence" else train.label
    teaches = known.shape[1] > 0 and (kind_of(train.task) == "richness" or len(np.unique(label)) > 1)
    estimator = make() if teaches else _constant(train)
    learner = f"{estimator.steps[-1][0]}__" if hasattr(estimator, "steps") else ""  # of a pipeline
    estimator.fit(known, label, **{f"{learner}sample_weight": train.weight})
    return EstimatorPredictor(estimator, list(known.columns))


def _constant(train: Examples) -> Any:
    from sklearn.dummy import DummyClassifier, DummyRegressor

    if kind_of(train.task) == "presence":
        return DummyClassifier()
    return DummyRegressor(strategy="median" if train.loss == "mae" else "mean")


def fit_boosted_trees(train: Examples, validation: Examples) -> EstimatorPredictor:
    """Gradient boosting of trees on the task's own loss; as many trees as are best on the validation subset.

    Missing features (nan) go to the side of each split that suits them.
    """
    with threadpool_limits(1):  # threads wait for each other at every node: fifty times as long on busy cores
        every = fit_estimator(partial(_trees, train, MAX_TREES), train)
        if not hasattr(every.estimator, "staged_predict"):
            return every
        losses = [task_loss(validation, prediction) for prediction in _stages(every, validation.features)]
        return fit_estimator(partial(_trees, train, 1 + int(np.argmin(losses))), train)


def _stages(predictor: EstimatorPredictor, features: pd.DataFrame) -> Iterator[np.ndarray]:
    """(sample,) predictions of the first tree, of the first two, and so on."""
    known = features[list(predictor.columns)]
    if hasattr(predictor.estimator, "predict_proba"):
        yield from (stage[:, 1] for stage in predictor.estimator.staged_predict_proba(known))
    else:
        yield from (np.clip(stage, 0, 1) for stage in predictor.estimator.staged_predict(known))


def _trees(train: Examples, trees: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    options: dict[str, Any] = {
        "max_iter": trees, "learning_rate": LEARNING_RATE, "max_leaf_nodes": MAX_LEAVES, "early_stopping": False,
        "random_state": 0,
    }  # fmt: skip
    if kind_of(train.task) == "presence":
        return HistGradientBoostingClassifier(**options)
    return HistGradientBoostingRegressor(loss="absolute_error" if train.loss == "mae" else "squared_error", **options)
