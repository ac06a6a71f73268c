"""Evaluate every trained model on the test subset: the only look at it.

    mineral-pipeline evaluate jobs/settings/demo.yaml

Reads ``models/<task>/`` and ``samples/<task>/test.zarr``; writes ``evaluation/<task>/predictions.parquet`` and
``metrics.json``: every metric with a 95 % interval over the groups of the split (blocks), the best model (selected on
the validation subset), its p-value on random label fields, and the mean of the random-label networks. One task per
model predicts on a worker that offers a GPU. When the settings list the job ``prospect``, the networks of its ensemble
(``models/richness/member-s*``) are trained first and evaluated too, each and their mean: the model that makes the
prospects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from distributed import Client

import cluster
from jobs.prospect import TASK as ENSEMBLE_TASK
from jobs.prospect import train_ensemble
from jobs.running.dependencies import makes_prospects
from jobs.running.plan import Plan
from jobs.running.progress import CONSOLE, Progress
from jobs.running.tasks import GPU, collect, submit
from jobs.train import model_specs
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.evaluation import HeldOut, ModelPredictions, Resampling, compare_models, prediction_table
from mineral_pipeline.learning import CONSTANT, ENSEMBLE, Task
from mineral_pipeline.modelling import (
    SELECTABLE_KINDS,
    TUNED,
    baseline_specs,
    done_names,
    ensemble_members,
    ensemble_specs,
    grid_specs,
    is_current,
    is_lost,
    open_subset,
    predict_subset,
    read_metrics,
    read_predictions,
    read_spec,
    select_model,
)
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Counts, Workspace, artefacts

UNITS = {"buckets": "locations"}
"""What a group of a split is called, in the plural, where that is not the name of the split."""


def plan(settings: Settings) -> Plan:
    """Trained models to evaluate."""
    workspace, tasks = Workspace(settings.workspace), settings.tasks
    curated = [task for task in tasks if workspace.exists(artefacts.samples_table(task))]
    details = {"p-value": f"of the best model on {settings.evaluate.n_resamples:,} random label fields"}
    planned = sum(len(trained_names(settings, task)) for task in curated)
    if makes_prospects(settings) and ENSEMBLE_TASK in curated:
        planned += settings.prospect.ensemble_size
    return Plan(Counts("models", planned=planned), details)


def main(settings: Settings, client: Client) -> Counts:
    """Train the ensemble, predict with every trained model, then compare them."""
    cluster.require(client, "GPU")
    workspace, tasks = Workspace(settings.workspace), settings.tasks
    names = {task: trained_names(settings, task) for task in tasks}
    untrained = Counts("models")
    if makes_prospects(settings):
        untrained = train_ensemble(settings, client, "evaluate")
        names[ENSEMBLE_TASK] += done_names(workspace, ensemble_specs(settings, workspace, ENSEMBLE_TASK))
    lost = [f"{spec.task}/{spec.name}" for spec in model_specs(settings, workspace) if is_lost(workspace, spec)]
    lost += [f"{t}/{TUNED}" for t in tasks if "tune" in settings.jobs and not is_current(workspace, t, TUNED)]
    calls = {f"{task}/{name}": (workspace, task, name, "test") for task in tasks for name in names[task]}
    predictions: dict[Task, dict[str, np.ndarray]] = {task: {} for task in tasks}
    with Progress("evaluate", "models", len(calls) + len(lost)) as progress:
        for name in lost:
            progress.record(name, WorkspaceError("it is not trained as the settings say, or damaged: run train again"))
        for result in collect(submit(client, "evaluate", predict_subset, calls, GPU), on_error="yield"):
            progress.record(result.name, result.error)
            if result.error is None:
                _, task, name, _ = calls[result.name]
                predictions[task][name] = result.value
    for task in tasks:
        write_comparison(settings, task, predictions[task])
    failed, reasons = progress.failed + untrained.failed, progress.reasons + Counter(untrained.reasons)
    return Counts("models", progress.planned + untrained.failed, progress.done, failed=failed, reasons=dict(reasons))


def trained_names(settings: Settings, task: Task) -> list[str]:
    """Names of the models of the settings that are trained: grid, baselines, and the winner of the search."""
    workspace = Workspace(settings.workspace)
    specs = grid_specs(settings, workspace, task) + baseline_specs(settings, workspace, task)
    return done_names(workspace, specs) + ([TUNED] if is_current(workspace, task, TUNED) else [])


def write_comparison(settings: Settings, task: Task, predictions: Mapping[str, np.ndarray]) -> None:
    """Write what predictions (sample,) of the test subset are worth, which are given by the name of the model.

    Raises:
        DataError: there is no trained network.
    """
    workspace, names = Workspace(settings.workspace), sorted(predictions)
    selected = select_model(workspace, task, names)
    if selected is None:
        CONSOLE.print(f"evaluate: every network for {task} has collapsed to a constant: {CONSTANT} is the result")
    best, samples = CONSTANT if selected is None else selected.name, open_held_out(workspace, task)
    models = [describe(workspace, task, name, predictions[name], samples.validation) for name in names]
    if makes_prospects(settings) and task == ENSEMBLE_TASK:
        models += ensemble(ensemble_members(settings, workspace, task), models)
    resampling = Resampling(settings.evaluate.n_resamples, settings.seed)
    workspace.write_table(artefacts.evaluation_predictions(task), prediction_table(samples.test, models))
    workspace.write_json(artefacts.evaluation_metrics(task), compare_models(task, samples, models, best, resampling))


def open_held_out(workspace: Workspace, task: Task) -> HeldOut:
    """The validation and test samples of a task, and what its split keeps together."""
    validation, test = (
        subset.table.assign(label=subset.label, weight=subset.weight, group=subset.group)
        for subset in (open_subset(workspace, task, name) for name in ("validation", "test"))
    )
    split = workspace.read_json(artefacts.samples_summary(task)).get("split", "groups")
    return HeldOut(validation, test, UNITS.get(split, split))


def describe(
    workspace: Workspace, task: Task, name: str, prediction: np.ndarray, validation: pd.DataFrame
) -> ModelPredictions:
    """A model with its predictions for the test subset and, where it could have been chosen, for validation."""
    facts, loss = read_metrics(workspace, task, name), read_spec(workspace, task, name).loss
    if facts["kind"] not in SELECTABLE_KINDS or facts["collapsed"]:
        return ModelPredictions(facts, prediction, loss=loss)
    validated = read_predictions(workspace, task, name, validation["chip_id"])
    return ModelPredictions(facts, prediction, validated, loss)


def ensemble(members: Sequence[str], models: Sequence[ModelPredictions]) -> list[ModelPredictions]:
    """The mean of the predictions of an ensemble's members, as one more model; none without all of the members."""
    found = [model for model in models if model.facts["name"] in members]
    if not members or len(found) < len(members):
        return []
    same = {key: found[0].facts[key] for key in ("task", "role", "network", "convolution", "dense")}
    facts = {**same, "name": ENSEMBLE, "kind": ENSEMBLE, "label": ENSEMBLE, "pixels": True, "seed": None}
    mean = np.mean([model.prediction for model in found], axis=0)
    return [ModelPredictions(facts | {"members": list(members)}, mean)]
