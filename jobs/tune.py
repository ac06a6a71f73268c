"""Tune the best network of each task: a random search by dask-ml, its fits on workers that offer a GPU.

    mineral-pipeline tune demo

Reads ``models/<task>/`` and ``samples/<task>/train.zarr`` and ``validation.zarr``, never the test subset; writes
``models/<task>/candidate-*/`` for every point of the search, ``models/<task>/tuned/`` for the best of them, and
``models/<task>/tuned/search.parquet`` with every candidate's score. Each fold of ``curate.folds`` has its own search,
in ``models/<task>/fold-<i>/``. Candidates that are trained already are skipped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from threading import Thread
from typing import Any

import pandas as pd
from distributed import Client

import cluster
from jobs.running.criterion import make_criterion, make_measure
from jobs.running.plan import Plan, for_each_set
from jobs.running.progress import CONSOLE, Progress
from jobs.running.tasks import make_scheduler
from jobs.running.training_cost import describe_cost
from jobs.train import pretrain, say_whether_reproducible
from mineral_pipeline.errors import MineralPipelineError
from mineral_pipeline.learning import TUNED, Task
from mineral_pipeline.modelling import ModelSpec, check_networks, grid_specs, is_done, select_model
from mineral_pipeline.modelling.candidates import candidate_specs
from mineral_pipeline.modelling.search import candidate_result, search
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Counts, Workspace, artefacts


def plan(settings: Settings) -> Plan:
    """Candidates to train; none is known to be done before the grid is."""
    check_networks(settings)  # below, errors mean that there is no grid yet
    workspace, tune, epochs = (
        Workspace(settings.workspace),
        settings.tune,
        settings.tune.epochs or settings.train.epochs,
    )
    try:
        specs = [spec for one in settings.sample_sets for spec in candidates(settings, *one)]
        grid = [spec for one in settings.sample_sets for spec in grid_specs(settings, workspace, *one)]
        trained = [spec for spec in (*specs, *grid) if is_done(workspace, spec)]
        done, cost = sum(spec in specs for spec in trained), describe_cost(workspace, specs, trained)
    except MineralPipelineError:  # not curated or not trained yet
        done, cost = 0, {}
    details = {"search": f"{tune.candidates} candidates {for_each_set(settings)}, at most {epochs} epochs each"} | cost
    return Plan(Counts("models", planned=tune.candidates * len(settings.sample_sets), skipped=done), details)


def main(settings: Settings, client: Client) -> Counts:
    """Search for every sample set; a candidate that fails is counted and the search goes on."""
    cluster.require(client, "GPU")
    workspace = Workspace(settings.workspace)
    specs = [spec for one in settings.sample_sets for spec in candidates(settings, *one)]
    done = sum(is_done(workspace, spec) for spec in specs)
    reasons: Counter[str] = Counter()
    if done < len(specs):
        say_whether_reproducible(client, "tune")
        pretrain(
            workspace, client, [one for one in specs if not is_done(workspace, one)], make_measure(settings), "tune"
        )
    with Progress("tune", "models", len(specs), skipped=done) as progress:
        for table in search_all(settings, client, progress):
            reasons.update(table["reason"][table["reason"] != ""])
    for one in settings.sample_sets:
        compare_with_grid(settings, *one)
    return Counts("models", len(specs), progress.done, progress.skipped, progress.failed, dict(reasons))


def search_all(settings: Settings, client: Client, progress: Progress) -> list[pd.DataFrame]:
    """Search on every sample set side by side: one alone leaves workers idle while its last candidates train.

    Each search waits in a thread of its own, for which a run that is stopped does not wait: without a client it ends.
    """
    searches = [Future[pd.DataFrame]() for _ in settings.sample_sets]
    for one, found in zip(settings.sample_sets, searches, strict=True):
        run = partial(copy_context().run, search_set, settings, client, progress, *one)
        Thread(target=_settle, args=(found, run), name=f"search {artefacts.sample_set(*one)}", daemon=True).start()
    return [found.result() for found in searches]


def _settle(found: Future[pd.DataFrame], run: Callable[[], pd.DataFrame]) -> None:
    try:
        found.set_result(run())
    except BaseException as error:
        found.set_exception(error)


def search_set(
    settings: Settings, client: Client, progress: Progress, task: Task, fold: int | None = None
) -> pd.DataFrame:
    """Search on one sample set, and count its candidates as they end."""
    workspace, specs = Workspace(settings.workspace), candidates(settings, task, fold)
    done = {spec for spec in specs if is_done(workspace, spec)}

    def count(key: Any, value: Any) -> None:
        result = candidate_result(key, value)
        is_new = specs[result.number] not in done
        progress.advance(done=result.succeeded and is_new, failed=not result.succeeded)

    return search(settings, workspace, task, make_measure(settings), make_scheduler(client, "tune", count), fold=fold)


def compare_with_grid(settings: Settings, task: Task, fold: int | None = None) -> None:
    """Print that the grid stays the best when the search found nothing better, or that nothing was learnt at all."""
    workspace, sample_set = Workspace(settings.workspace), artefacts.sample_set(task, fold)
    grid = [spec.name for spec in grid_specs(settings, workspace, task, fold)]
    winner = select_model(workspace, sample_set, [*grid, TUNED], make_criterion(settings, task))
    if winner is None:
        CONSOLE.print(f"tune: every network for {sample_set} has collapsed to a constant, the candidates as well")
    elif winner.name != TUNED:
        CONSOLE.print(
            f"tune: no candidate for {sample_set} is better than {winner.name} of the grid, which stays the best"
        )


def candidates(settings: Settings, task: Task, fold: int | None = None) -> list[ModelSpec]:
    """The points of the search on a sample set."""
    return candidate_specs(settings, Workspace(settings.workspace), task, make_criterion(settings, task), fold)
