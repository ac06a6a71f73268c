"""The candidates of a search: points drawn from the ranges of the settings, as specs of models."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.stats
from sklearn.model_selection import ParameterSampler

from mineral_pipeline.learning import Task
from mineral_pipeline.modelling.criterion import Criterion
from mineral_pipeline.modelling.model_list import grid_specs
from mineral_pipeline.modelling.model_selection import rank_models
from mineral_pipeline.modelling.spec import ModelSpec
from mineral_pipeline.settings import Hyperparameters, Settings, Tune
from mineral_pipeline.workspace import Workspace, artefacts

LOGARITHMIC = ("learning_rate", "conv_l1", "conv_l2", "dense_l1", "dense_l2")
"""Hyperparameters that are drawn uniformly in their logarithm."""


def grid_winner(
    settings: Settings, workspace: Workspace, task: Task, criterion: Criterion, fold: int | None = None
) -> ModelSpec:
    """The best model of the grid, with as many epochs as a candidate may have; where all have collapsed, one of them.

    Raises:
        DataError: no model of the grid is trained.
    """
    names = [spec.name for spec in grid_specs(settings, workspace, task, fold)]
    return replace(
        rank_models(workspace, artefacts.sample_set(task, fold), names, criterion)[0],
        epochs=settings.tune.epochs or settings.train.epochs,
    )


def candidate_spec(winner: ModelSpec, hyperparameters: Hyperparameters) -> ModelSpec:
    """The model of one point of the search; its name is a digest of the point."""
    name = hashlib.sha256(hyperparameters.model_dump_json().encode()).hexdigest()[:8]
    return replace(winner, name=f"candidate-{name}", kind="candidate", hyperparameters=hyperparameters)


def candidate_specs(
    settings: Settings, workspace: Workspace, task: Task, criterion: Criterion, fold: int | None = None
) -> list[ModelSpec]:
    """The models that the search over the best of the grid tries, in dask-ml's order: first its own point.

    Raises:
        DataError: no model of the grid is trained.
    """
    winner = grid_winner(settings, workspace, task, criterion, fold)
    points = [winner.hyperparameters, *draw_points(winner.hyperparameters, settings.tune, settings.seed)]
    specs = [candidate_spec(winner, point) for point in points]
    return list({spec.name: spec for spec in specs}.values())


def draw_points(start: Hyperparameters, config: Tune, seed: int) -> list[Hyperparameters]:
    """All candidates but one, whose hyperparameters are drawn, or else those of the start."""
    drawn = ParameterSampler(distributions(config), config.candidates - 1, random_state=seed)
    points = (
        {name: value.item() if isinstance(value, np.generic) else value for name, value in one.items()} for one in drawn
    )
    return [start.model_copy(update=point) for point in points]


def distributions(config: Tune) -> dict[str, Any]:
    """The ranges of the settings as distributions of scipy, or as lists of values."""
    found: dict[str, Any] = {name: _range(scipy.stats.loguniform, *getattr(config, name)) for name in LOGARITHMIC}
    low, high = config.dropout
    found["dropout"] = _range(scipy.stats.uniform, low, high - low) if high > low else [low]
    first, last = config.kernel
    found["kernel"] = list(range(first | 1, last + 1, 2)) or [first]
    return found | config.choices


def _range(distribution: Any, low: float, high: float) -> Any:
    return distribution(low, high) if low != high else [low]
