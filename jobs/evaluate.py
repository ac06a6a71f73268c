"""Evaluate every trained model on the test subset: the only look at it.

    mineral-pipeline evaluate jobs/settings/demo.yaml

Reads ``models/<task>/`` and ``samples/<task>/test.zarr``; writes ``evaluation/<task>/predictions.parquet`` and
``metrics.json``: every metric with a 95 % bootstrap interval over locations, the best model (selected on the validation
subset) and how it compares with the random-label networks. One task per model predicts on a worker that offers a GPU.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from distributed import Client

import cluster
from jobs.running.plan import Plan
from jobs.running.progress import CONSOLE, Progress
from jobs.running.tasks import GPU, collect, submit
from mineral_pipeline.evaluation import ModelPredictions, Resampling, compare_models, prediction_table
from mineral_pipeline.learning import CONSTANT, Task
from mineral_pipeline.modelling import (
    TUNED,
    baseline_specs,
    done_names,
    grid_specs,
    is_current,
    open_subset,
    predict_subset,
    read_metrics,
    select_model,
)
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Counts, Workspace, artefacts


def plan(settings: Settings) -> Plan:
    """Trained models to evaluate."""
    workspace, tasks = Workspace(settings.workspace), settings.tasks
    curated = [task for task in tasks if workspace.exists(artefacts.samples_table(task))]
    details = {"resamples": f"{settings.evaluate.n_resamples:,} of the test locations"}
    return Plan(Counts("models", planned=sum(len(trained_names(settings, task)) for task in curated)), details)


def main(settings: Settings, client: Client) -> Counts:
    """Predict with every trained model, then compare them."""
    cluster.require(client, "GPU")
    workspace, tasks = Workspace(settings.workspace), settings.tasks
    models = {f"{task}/{name}": (task, name) for task in tasks for name in trained_names(settings, task)}
    calls = {key: (workspace, task, name, "test") for key, (task, name) in models.items()}
    predictions: dict[Task, dict[str, np.ndarray]] = {task: {} for task in tasks}
    with Progress("evaluate", "models", len(models)) as progress:
        for result in collect(submit(client, "evaluate", predict_subset, calls, GPU), on_error="yield"):
            progress.record(result.name, result.error)
            if result.error is None:
                task, name = models[result.name]
                predictions[task][name] = result.value
    for task in tasks:
        write_comparison(settings, task, predictions[task])
    return progress.to_counts()


def trained_names(settings: Settings, task: Task) -> list[str]:
    """Names of the models of the settings that are trained: grid, baselines, and the winner of the search."""
    workspace = Workspace(settings.workspace)
    specs = grid_specs(settings, workspace, task) + baseline_specs(settings, workspace, task)
    tuned = [TUNED] if is_current(workspace, task, TUNED) else []
    return done_names(workspace, specs) + tuned


def write_comparison(settings: Settings, task: Task, predictions: Mapping[str, np.ndarray]) -> None:
    """Write what the predictions of a task's models are worth.

    Args:
        settings: settings of the pipeline.
        task: task of the models.
        predictions: (sample,) of the test subset, by the name of the model.

    Raises:
        DataError: there is no trained network.
    """
    workspace, names = Workspace(settings.workspace), sorted(predictions)
    selected = select_model(workspace, task, names)
    if selected is None:
        CONSOLE.print(f"evaluate: every network for {task} has collapsed to a constant: {CONSTANT} is the result")
    best = CONSTANT if selected is None else selected.name
    subset = open_subset(workspace, task, "test")
    samples = subset.table.assign(label=subset.label)
    models = [ModelPredictions(read_metrics(workspace, task, name), predictions[name]) for name in names]
    resampling = Resampling(settings.evaluate.n_resamples, settings.seed)
    workspace.write_table(artefacts.evaluation_predictions(task), prediction_table(samples, models))
    workspace.write_json(artefacts.evaluation_metrics(task), compare_models(task, samples, models, best, resampling))
