"""Evaluate every trained model on the test side: the only look at it.

    mineral-pipeline evaluate jobs/settings/demo.yaml

Reads ``models/<task>/`` and ``samples/<task>/test.zarr``; writes ``evaluation/<task>/predictions.parquet`` and
``metrics.json``: every metric with a 95 % bootstrap interval over places, the best model (chosen on the validation
side) and how it compares with the random-label baselines. One task per model predicts on a worker that offers a GPU.
"""

from __future__ import annotations

import secrets
from collections import Counter

import numpy as np
from distributed import Client, as_completed

import cluster
from jobs.running.plan import Plan
from jobs.running.progress import CONSOLE, Progress
from mineral_pipeline.modelling import (
    TUNED,
    baseline_specs,
    done_names,
    evaluate,
    grid_specs,
    is_current,
    predict_subset,
)
from mineral_pipeline.learning import Task
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts
from mineral_pipeline.workspace.counts import Counts


def plan(settings: Settings) -> Plan:
    """Trained models to evaluate."""
    workspace, tasks = Workspace(settings.workspace), settings.tasks
    models = sum(len(trained(settings, task)) for task in tasks if workspace.exists(artefacts.samples(task)))
    return Plan(Counts("models", planned=models), {"resamples": f"{settings.evaluate.n_resamples:,} of the test places"})


def main(settings: Settings, client: Client) -> Counts:
    """Predict with every trained model, then measure."""
    cluster.require(client, "GPU")
    workspace, tasks = Workspace(settings.workspace), settings.tasks
    run = secrets.token_hex(4)  # a scheduler that remembers the keys of an earlier run would not run them again
    futures = {
        client.submit(
            predict_subset, workspace, task, name, "test",
            key=(f"evaluate-{run}", task, name), pure=False, resources={"GPU": 1},
        ): (task, name)
        for task in tasks
        for name in trained(settings, task)
    }  # fmt: skip
    predictions: dict[Task, dict[str, np.ndarray]] = {task: {} for task in tasks}
    reasons: Counter[str] = Counter()
    with Progress("evaluate", "models", len(futures)) as progress:
        for future in as_completed(futures):
            task, name = futures[future]
            if (error := future.exception()) is None:
                predictions[task][name] = future.result()
            else:
                reasons[type(error).__name__] += 1
                CONSOLE.print(f"evaluate: {task}/{name} failed: {type(error).__name__}: {error}")
            progress.advance(done=error is None, failed=error is not None)
    for task in tasks:
        evaluate(workspace, task, predictions[task], settings.evaluate.n_resamples, settings.seed)
    return Counts("models", progress.planned, progress.done, failed=progress.failed, reasons=dict(reasons))


def trained(settings: Settings, task: Task) -> list[str]:
    """Names of the models of the settings that are trained: grid, baselines, and the winner of the search."""
    workspace = Workspace(settings.workspace)
    specs = grid_specs(settings, workspace, task) + baseline_specs(settings, workspace, task)
    tuned = [TUNED] if is_current(workspace, task, TUNED) else []
    return done_names(workspace, specs) + tuned
