"""Tune the best architecture of each task: dask-ml's randomised search, its fits on workers that offer a GPU.

    mineral-pipeline tune jobs/settings/demo.yaml

Reads ``models/<task>/`` and ``samples/<task>/train.zarr`` and ``validation.zarr``, never the test side; writes
``models/<task>/candidate-*/`` for every point of the search, ``models/<task>/tuned/`` for the best of them, and
``models/<task>/tuned/search.parquet`` with every candidate's score. Candidates that are trained already are skipped.
"""

from __future__ import annotations

from distributed import Client

import cluster
from jobs.running.plan import Plan
from jobs.running.progress import CONSOLE, Progress
from mineral_pipeline.errors import MineralPipelineError
from mineral_pipeline.modelling import TUNED, ModelSpec, grid_specs, is_done, select_model
from mineral_pipeline.modelling.search import candidate_specs, search
from mineral_pipeline.learning import Task
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace
from mineral_pipeline.workspace.counts import Counts


def plan(settings: Settings) -> Plan:
    """Candidates to train; none is known to be done before the grid is."""
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
    done = {spec for spec in specs if is_done(workspace, spec)}
    reasons: dict[str, int] = {}
    with Progress("tune", "models", len(specs), skipped=len(done)) as progress:

        def report(spec: ModelSpec, succeeded: bool) -> None:
            progress.advance(done=succeeded and spec not in done, failed=not succeeded)

        for task in tasks:
            table = search(client, settings, workspace, task, grid(settings, task), report)
            for reason, count in table["reason"][table["reason"] != ""].value_counts().items():
                reasons[str(reason)] = reasons.get(str(reason), 0) + int(count)
            compare(settings, task)
    return Counts("models", len(specs), progress.done, progress.skipped, progress.failed, reasons)


def compare(settings: Settings, task: Task) -> None:
    """Say whether the search found something better than the grid."""
    workspace, names = Workspace(settings.workspace), grid(settings, task)
    if (winner := select_model(workspace, task, [*names, TUNED])).name != TUNED:
        CONSOLE.print(f"tune: no candidate for {task} is better than {winner.name} of the grid, which stays the best")


def candidates(settings: Settings, task: Task) -> list[ModelSpec]:
    """The points of a task's search."""
    return candidate_specs(settings, Workspace(settings.workspace), task, grid(settings, task))


def grid(settings: Settings, task: Task) -> list[str]:
    """Names of the models of the grid."""
    return [spec.name for spec in grid_specs(settings, Workspace(settings.workspace), task)]
