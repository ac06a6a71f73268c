"""Tune the best network of each task: dask-ml's randomised search, its fits on workers that offer a GPU.

    mineral-pipeline tune jobs/settings/demo.yaml

Reads ``models/<task>/`` and ``samples/<task>/train.zarr`` and ``validation.zarr``, never the test subset; writes
``models/<task>/candidate-*/`` for every point of the search, ``models/<task>/tuned/`` for the best of them, and
``models/<task>/tuned/search.parquet`` with every candidate's score. Candidates that are trained already are skipped.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd
from distributed import Client

import cluster
from jobs.running.criterion import make_criterion, make_measure
from jobs.running.plan import Plan
from jobs.running.progress import CONSOLE, Progress
from jobs.running.tasks import make_scheduler
from jobs.train import say_whether_reproducible
from mineral_pipeline.errors import MineralPipelineError
from mineral_pipeline.learning import Task
from mineral_pipeline.modelling import TUNED, ModelSpec, check_networks, grid_specs, is_done, select_model
from mineral_pipeline.modelling.candidates import candidate_specs
from mineral_pipeline.modelling.search import candidate_result, search
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Counts, Workspace


def plan(settings: Settings) -> Plan:
    """Candidates to train; none is known to be done before the grid is."""
    check_networks(settings)  # below, errors mean that there is no grid yet
    tasks, tune = settings.tasks, settings.tune
    try:
        done = sum(
            is_done(Workspace(settings.workspace), spec) for task in tasks for spec in candidates(settings, task)
        )
    except MineralPipelineError:  # not curated or not trained yet
        done = 0
    details = {
        "search": f"{tune.candidates} candidates for each of {', '.join(tasks)}, at most {tune.epochs} epochs each"
    }
    return Plan(Counts("models", planned=tune.candidates * len(tasks), skipped=done), details)


def main(settings: Settings, client: Client) -> Counts:
    """Search for every task of ``tasks``; a candidate that fails is counted and the search goes on."""
    cluster.require(client, "GPU")
    workspace, tasks = Workspace(settings.workspace), settings.tasks
    specs = [spec for task in tasks for spec in candidates(settings, task)]
    done = sum(is_done(workspace, spec) for spec in specs)
    reasons: Counter[str] = Counter()
    if done < len(specs):
        say_whether_reproducible(client, "tune")
    with Progress("tune", "models", len(specs), skipped=done) as progress:
        for task in tasks:
            table = search_task(settings, client, task, progress)
            reasons.update(table["reason"][table["reason"] != ""])
            compare_with_grid(settings, task)
    return Counts("models", len(specs), progress.done, progress.skipped, progress.failed, dict(reasons))


def search_task(settings: Settings, client: Client, task: Task, progress: Progress) -> pd.DataFrame:
    """Search for one task, and count its candidates as they end."""
    workspace, specs = Workspace(settings.workspace), candidates(settings, task)
    done = {spec for spec in specs if is_done(workspace, spec)}

    def count(key: Any, value: Any) -> None:
        result = candidate_result(key, value)
        is_new = specs[result.number] not in done
        progress.advance(done=result.succeeded and is_new, failed=not result.succeeded)

    return search(settings, workspace, task, make_measure(settings), make_scheduler(client, "tune", count))


def compare_with_grid(settings: Settings, task: Task) -> None:
    """Print that the grid stays the best when the search found nothing better, or that nothing was learnt at all."""
    workspace = Workspace(settings.workspace)
    grid = [spec.name for spec in grid_specs(settings, workspace, task)]
    winner = select_model(workspace, task, [*grid, TUNED], make_criterion(settings, task))
    if winner is None:
        CONSOLE.print(f"tune: every network for {task} has collapsed to a constant, the candidates as well")
    elif winner.name != TUNED:
        CONSOLE.print(f"tune: no candidate for {task} is better than {winner.name} of the grid, which stays the best")


def candidates(settings: Settings, task: Task) -> list[ModelSpec]:
    """The points of a task's search."""
    return candidate_specs(settings, Workspace(settings.workspace), task, make_criterion(settings, task))
