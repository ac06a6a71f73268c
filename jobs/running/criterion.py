"""The metric that decides in every job: where the settings and the metrics of `mineral_pipeline.evaluation` meet."""

from __future__ import annotations

from functools import partial

from mineral_pipeline import evaluation
from mineral_pipeline.learning import Task
from mineral_pipeline.modelling import Criterion, Measure
from mineral_pipeline.settings import Settings


def make_measure(settings: Settings) -> Measure:
    """The metrics of a subset, the local ones of the settings among them."""
    return partial(evaluation.measure, local_km=settings.evaluate.local_km)


def make_criterion(settings: Settings, task: Task) -> Criterion:
    """By what the models of a task are chosen."""
    return Criterion(settings.train.primary_metric.of(task), make_measure(settings))
