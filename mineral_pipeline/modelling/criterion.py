"""By what the models of a task are chosen: a metric on the validation subset, and then the loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mineral_pipeline.errors import DataError
from mineral_pipeline.learning import Task, higher_is_better, kind_of
from mineral_pipeline.modelling.dataset import Subset, open_subset
from mineral_pipeline.modelling.model_files import read_predictions, read_validation
from mineral_pipeline.modelling.spec import ModelSpec
from mineral_pipeline.workspace import Workspace

Measure = Callable[[Task, np.ndarray, np.ndarray, np.ndarray, np.ndarray], dict[str, float]]
"""Metrics of a task from labels, predictions, weights, (sample,) each, and positions (sample, 2) in degrees:
`mineral_pipeline.evaluation.measure`."""


@dataclass(frozen=True)
class Criterion:
    """What makes one model better than another."""

    metric: str
    """Name of the primary metric."""
    measure: Measure
    """Gives the metrics of a model that was trained before its metrics held this one."""

    def score(self, workspace: Workspace, spec: ModelSpec) -> tuple[float, float]:
        """The metric and the loss of a trained model on the validation subset.

        Raises:
            WorkspaceError: the model is not trained, or a file of it is damaged.
            DataError: the metric is not defined on the validation subset.
        """
        found, loss = read_validation(workspace, spec.sample_set, spec.name)
        value = found[self.metric] if self.metric in found else self._compute(workspace, spec)
        if value is None or not np.isfinite(value):
            raise DataError(
                f"train.primary_metric.{kind_of(spec.task)}: {self.metric} is not defined on the validation subset, as"
                " where it has one class or no pair of near samples: give another metric"
            )
        return value, loss

    def cost(self, workspace: Workspace, spec: ModelSpec) -> tuple[float, float]:
        """What orders models, the best first; errors are those of `score`."""
        value, loss = self.score(workspace, spec)
        return (-value if higher_is_better(self.metric) else value), loss

    def _compute(self, workspace: Workspace, spec: ModelSpec) -> float | None:
        """The metric from the predictions that the model left."""
        validation = open_subset(workspace, spec.sample_set, "validation")
        predicted = read_predictions(workspace, spec.sample_set, spec.name, validation.table["chip_id"])
        return measure_subset(self.measure, spec.task, validation, predicted).get(self.metric)


def measure_subset(measure: Measure, task: Task, subset: Subset, prediction: np.ndarray) -> dict[str, float]:
    """The metrics of predictions (sample,) on a subset, weighted as in the loss."""
    return measure(task, subset.label, prediction, subset.weight, subset.table[["lon", "lat"]].to_numpy())
