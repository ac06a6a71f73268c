"""Train the grid of networks and its baselines, one task per model, on workers that offer a GPU.

    mineral-pipeline train demo

Reads ``samples/<task>/train.zarr`` and ``validation.zarr``, never the test subset, and ``catalogue.parquet``, and
refuses to start when test ground leaks into training (``samples/<task>/summary.json``); writes
``models/<task>/<name>/``. With ``curate.folds`` it does so for ``samples/<task>/fold-<i>/`` and
``models/<task>/fold-<i>/<name>/`` too. Models that are trained already are skipped; one that fails is counted with its
reason (``failure.json``) and the others go on. With ``train.pretraining`` the convolutions learn first from all of
``chips.zarr``, in models of their own (``models/<task>/pretraining-<convolutions>-<digest>/``).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from distributed import Client

import cluster
from jobs.running.criterion import make_measure
from jobs.running.plan import Plan, for_each_set
from jobs.running.progress import CONSOLE, Progress
from jobs.running.tasks import GPU, collect, submit
from jobs.running.training_cost import describe_cost
from mineral_pipeline.curation import check_leakage
from mineral_pipeline.modelling import (
    Measure,
    ModelSpec,
    baseline_specs,
    check_networks,
    fit,
    grid_specs,
    is_done,
    model_names,
    pretraining_specs,
)
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Counts, Workspace, artefacts

NO_VISITS = (
    f"{artefacts.CATALOGUE} was made before visits were counted: the baseline metadata is trained without them; a new"
    " --workspace has them"
)


def plan(settings: Settings) -> Plan:
    """Models to train; none is known to be done before the samples are."""
    workspace, models = Workspace(settings.workspace), len(model_names(settings))
    done, cost = 0, dict[str, str]()
    if all(workspace.exists(artefacts.samples_table(artefacts.sample_set(*one))) for one in settings.sample_sets):
        specs = model_specs(settings, workspace)
        trained = [spec for spec in specs if is_done(workspace, spec)]
        done, cost = len(trained), describe_cost(workspace, specs, trained)
    epochs = f"at most {settings.train.epochs:,} epochs each"
    details = {"models": f"{models} {for_each_set(settings)}, {epochs}"} | cost
    return Plan(Counts("models", planned=models * len(settings.sample_sets), skipped=done), details)


def main(settings: Settings, client: Client) -> Counts:
    """Train what is not trained yet."""
    check_networks(settings)
    cluster.require(client, "GPU")
    workspace = Workspace(settings.workspace)
    for one in settings.sample_sets:
        check_leakage(workspace, artefacts.sample_set(*one), settings.curate.max_leakage if settings.curate else 0.0)
    if workspace.exists(artefacts.CATALOGUE) and "visits" not in workspace.read_table(artefacts.CATALOGUE):
        CONSOLE.print(f"train: {NO_VISITS}")
    return fit_all(settings, client, model_specs(settings, workspace))


def model_specs(settings: Settings, workspace: Workspace) -> list[ModelSpec]:
    """Grid and baselines of all sample sets; the largest networks first, so that the workers end together."""
    grids = [grid_specs(settings, workspace, *one) for one in settings.sample_sets]
    baselines = [baseline_specs(settings, workspace, *one) for one in settings.sample_sets]
    return [*chain(*zip(*grids, strict=True)), *chain(*baselines)]


def fit_all(settings: Settings, client: Client, specs: Sequence[ModelSpec], job: str = "train") -> Counts:
    """One task per model that is not trained yet, each on a GPU; ``job`` is the name of the job that asks for it."""
    if not specs:
        return Counts("models")
    workspace, measure = Workspace(settings.workspace), make_measure(settings)
    todo = [spec for spec in specs if not is_done(workspace, spec)]
    calls = {spec.path: (workspace, spec, measure) for spec in todo}
    if todo:
        say_whether_reproducible(client, job)
    pretrain(workspace, client, todo, measure, job)
    with Progress(job, "models", len(specs), skipped=len(specs) - len(todo)) as progress:
        for result in collect(submit(client, job, fit, calls, GPU), on_error="yield"):
            progress.record(result.name, result.error)
            if result.error is None and result.value["collapsed"]:
                CONSOLE.print(f"{job}: {result.name} has collapsed to a constant")
    return progress.to_counts()


def pretrain(workspace: Workspace, client: Client, specs: Sequence[ModelSpec], measure: Measure, job: str) -> None:
    """One task per pretraining in which some of the models begin; where one fails they fail as well, and say why."""
    todo = [spec for spec in pretraining_specs(specs) if not is_done(workspace, spec)]
    if not todo:
        return
    with Progress(job, "pretrainings", len(todo)) as progress:
        calls = {spec.path: (workspace, spec, measure) for spec in todo}
        for result in collect(submit(client, job, fit, calls, GPU), on_error="yield"):
            progress.record(result.name, result.error)


def say_whether_reproducible(client: Client, job: str) -> None:
    """Say so when the same training would give other networks the next time: threads add numbers in any order."""
    offering = {address: one for address, one in cluster.workers(client).items() if one["resources"].get("GPU", 0) >= 1}
    if any(one["nthreads"] > 1 or address.startswith("inproc://") for address, one in offering.items()):
        CONSOLE.print(
            f"{job}: networks are not the same bit for bit when they are trained again, because workers have several"
            " threads or share a process: see docs/security.md"
        )
