"""Evaluate every trained model on the test subset: the only look at it.

    mineral-pipeline evaluate demo

Reads ``models/<task>/`` and ``samples/<task>/test.zarr``; writes ``evaluation/<task>/predictions.parquet`` and
``metrics.json``: every metric with a 95 % interval over the groups of the split (blocks), the best model (selected on
the validation subset), its p-value on random label fields, its paired differences from every baseline, what it adds to
coordinates, and a verdict in words, which is printed too. One task per model predicts on a worker that offers a GPU.
When the settings list the job ``prospect``, the networks of its ensembles (``models/<task>/member-s*``) are trained
first and evaluated too, each and their mean: the models that may make the prospects. With ``curate.folds`` the models
of every fold predict its test subset, and ``evaluation/<task>/folds/`` says what they are worth together: every
location is predicted by models that have not seen it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from distributed import Client

import cluster
from jobs.evaluation.attainable import attainable
from jobs.evaluation.results import count_held_out, read_results
from jobs.prospecting.ensembles import all_members
from jobs.running.criterion import make_criterion
from jobs.running.dependencies import makes_prospects
from jobs.running.network_memory import describe_prediction
from jobs.running.plan import Plan
from jobs.running.progress import CONSOLE, Progress
from jobs.running.tasks import GPU, collect, submit
from jobs.train import fit_all, model_specs
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.evaluation import (
    Resampling,
    Results,
    Terms,
    compare_models,
    incomplete,
    join_folds,
    prediction_table,
)
from mineral_pipeline.learning import CONSTANT, TUNED, Task
from mineral_pipeline.modelling import (
    baseline_specs,
    done_names,
    grid_specs,
    is_current,
    is_lost,
    predict_subset,
)
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Counts, Workspace, artefacts, zarr_store


def plan(settings: Settings) -> Plan:
    """Trained models to evaluate."""
    workspace, sets = Workspace(settings.workspace), settings.sample_sets
    curated = [one for one in sets if workspace.exists(artefacts.samples_table(artefacts.sample_set(*one)))]
    details = {"p-value": f"of the best model on {settings.evaluate.n_resamples:,} random label fields"}
    planned = sum(len(trained_names(settings, *one)) for one in curated)
    if makes_prospects(settings):
        speaking = [one for one in curated if one[0] in settings.prospect_tasks]
        planned += settings.prospect.ensemble_size * len(speaking)
    if curated:  # all test subsets have images of one shape
        images = zarr_store.open_array(workspace, artefacts.samples_store(artefacts.sample_set(*curated[0]), "test"))
        details |= describe_prediction(images, grid_specs(settings, workspace, *curated[0]))
    return Plan(Counts("models", planned=planned), details)


def main(settings: Settings, client: Client) -> Counts:
    """Train the ensembles, predict with every trained model, then compare them."""
    cluster.require(client, "GPU")
    workspace, untrained = Workspace(settings.workspace), Counts("models")
    names = {artefacts.sample_set(*one): trained_names(settings, *one) for one in settings.sample_sets}
    if makes_prospects(settings):
        folds = (None, *settings.folds)
        specs = [spec for task in settings.prospect_tasks for spec in all_members(settings, workspace, task, folds)]
        untrained = fit_all(settings, client, specs, "evaluate")
        for spec in specs:
            names[spec.sample_set] += done_names(workspace, [spec])
    lost = [spec.path for spec in model_specs(settings, workspace) if is_lost(workspace, spec)]
    lost += [f"{one}/{TUNED}" for one in names if "tune" in settings.jobs and not is_current(workspace, one, TUNED)]
    calls = {f"{one}/{name}": (workspace, one, name, "test") for one in names for name in names[one]}
    predictions: dict[str, dict[str, np.ndarray]] = {one: {} for one in names}
    with Progress("evaluate", "models", len(calls) + len(lost)) as progress:
        for name in lost:
            progress.record(name, WorkspaceError("it is not trained as the settings say, or damaged: run train again"))
        for result in collect(submit(client, "evaluate", predict_subset, calls, GPU), on_error="yield"):
            progress.record(result.name, result.error)
            if result.error is None:
                _, sample_set, name, _ = calls[result.name]
                predictions[sample_set][name] = result.value
    for task in settings.tasks:
        write_comparison(settings, task, task, read_results(settings, predictions[task], task))
        write_out_of_fold(settings, task, predictions)
    failed, reasons = progress.failed + untrained.failed, progress.reasons + Counter(untrained.reasons)
    return Counts("models", progress.planned + untrained.failed, progress.done, failed=failed, reasons=dict(reasons))


def trained_names(settings: Settings, task: Task, fold: int | None = None) -> list[str]:
    """Names of the models of a sample set that are trained: grid, baselines, and the winner of the search."""
    workspace = Workspace(settings.workspace)
    specs = grid_specs(settings, workspace, task, fold) + baseline_specs(settings, workspace, task, fold)
    has_tuned = is_current(workspace, artefacts.sample_set(task, fold), TUNED)
    return done_names(workspace, specs) + ([TUNED] if has_tuned else [])


def write_out_of_fold(settings: Settings, task: Task, predictions: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """Write what the models of all folds are worth together; ``predictions`` are given by sample set and name."""
    workspace, name = Workspace(settings.workspace), artefacts.out_of_fold(task)
    if not settings.folds:
        workspace.remove(artefacts.evaluation(name))  # that of an earlier run would be taken for the result
        return
    sets = [artefacts.sample_set(task, fold) for fold in settings.folds]
    found = [read_results(settings, predictions[sets[fold]], task, fold) for fold in settings.folds]
    for sample_set in (one for one, results in zip(sets, found, strict=True) if results.best == CONSTANT):
        CONSOLE.print(f"evaluate: every network for {sample_set} has collapsed to a constant: {CONSTANT} is the result")
    facts = {"number": len(found), "selected": [one.best for one in found], "incomplete": incomplete(found)}
    facts["held_out"] = count_held_out(workspace, sets)
    write_comparison(settings, task, name, join_folds(found), folds=facts)


def write_comparison(settings: Settings, task: Task, name: str, results: Results, **more: Any) -> None:
    """Write the evaluation ``name``, with ``more`` in its document."""
    workspace, resampling = Workspace(settings.workspace), Resampling(settings.evaluate.n_resamples, settings.seed)
    terms = Terms(make_criterion(settings, task).metric, settings.evaluate.local_km, resampling)
    document = compare_models(task, results.samples, results.models, results.best, terms)
    if "fold" not in results.samples.test:  # else samples of the test side are training samples of other folds
        document |= attainable(settings, task, results.samples, document)
    table = prediction_table(results.samples.test, results.models)
    workspace.write_table(artefacts.evaluation_predictions(name), table)
    workspace.write_json(artefacts.evaluation_metrics(name), document | more)
    CONSOLE.print(f"evaluate: {name}: {document['verdict']}")
