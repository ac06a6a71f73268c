"""The models of a sample set with their predictions for its test subset, and which of them validation has selected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from jobs.running.criterion import make_criterion
from jobs.running.dependencies import makes_prospects
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.evaluation import Calibrated, HeldOut, ModelPredictions, Results, average, fit_calibration
from mineral_pipeline.learning import CONSTANT, RANDOM_LABELS, Task, kind_of
from mineral_pipeline.modelling import (
    SELECTABLE_KINDS,
    ensemble_members,
    open_subset,
    read_metrics,
    read_predictions,
    read_spec,
    select_model,
)
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts

UNITS = {"buckets": "locations", "regions": "blocks"}
"""What a group of a split is called, in the plural, where that is not the name of the split."""


def read_results(
    settings: Settings, predictions: Mapping[str, np.ndarray], task: Task, fold: int | None = None
) -> Results:
    """The models with ``predictions`` (sample,) for the test subset, which are given by their names.

    Raises:
        DataError: there is no trained network.
    """
    workspace, sample_set = Workspace(settings.workspace), artefacts.sample_set(task, fold)
    names, criterion = sorted(predictions), make_criterion(settings, task)
    selected = select_model(workspace, sample_set, names, criterion)
    samples = open_held_out(workspace, sample_set)
    models = [describe(workspace, sample_set, name, predictions[name], samples.validation) for name in names]
    if makes_prospects(settings) and task in settings.prospect_tasks:
        models += average(ensemble_members(settings, workspace, criterion, task, fold), models)
    if kind_of(task) == "presence":
        models = [calibrate(workspace, sample_set, one, samples.validation) for one in models]
    return Results(samples, models, CONSTANT if selected is None else selected.name)


def open_held_out(workspace: Workspace, sample_set: str) -> HeldOut:
    """The validation and test samples of a sample set, and what its split keeps together."""
    validation, test = (
        subset.table.assign(label=subset.label, weight=subset.weight, group=subset.group)
        for subset in (open_subset(workspace, sample_set, name) for name in ("validation", "test"))
    )
    table = workspace.read_table(artefacts.samples_table(sample_set))
    if "region" in table:  # samples that were curated before have none
        test["region"] = test["chip_id"].map(table.set_index("chip_id")["region"])
    split = workspace.read_json(artefacts.samples_summary(sample_set)).get("split", "groups")
    return HeldOut(validation, test, UNITS.get(split, split))


def count_held_out(workspace: Workspace, sample_sets: Sequence[str]) -> dict[str, int]:
    """Locations that folds hold out, in all: the sums over the sample sets of what `curation.count_held_out` gives.

    Raises:
        WorkspaceError: a fold does not tell.
    """
    total: Counter[str] = Counter()
    for name in map(artefacts.samples_summary, sample_sets):
        summary = workspace.read_json(name)
        if "held_out" not in summary:
            raise WorkspaceError(f"{workspace.uri(name)} does not tell what the fold holds out: run curate again")
        total.update(summary["held_out"])
    return dict(total)


def describe(
    workspace: Workspace, sample_set: str, name: str, prediction: np.ndarray, validation: pd.DataFrame
) -> ModelPredictions:
    """A model with its predictions for the test subset and, where it could have been chosen, for validation."""
    facts, loss = read_metrics(workspace, sample_set, name), read_spec(workspace, sample_set, name).loss
    if facts["kind"] not in SELECTABLE_KINDS or facts["collapsed"]:
        return ModelPredictions(facts, prediction, loss=loss)
    validated = read_predictions(workspace, sample_set, name, validation["chip_id"])
    return ModelPredictions(facts, prediction, validated, loss)


def calibrate(
    workspace: Workspace, sample_set: str, model: ModelPredictions, validation: pd.DataFrame
) -> ModelPredictions:
    """A model of presence with its calibrated predictions; as it is where it cannot be calibrated.

    A model of permuted labels cannot, nor one that has collapsed to a constant.
    """
    facts = model.facts
    if facts.get("collapsed") or facts["kind"] in (RANDOM_LABELS, CONSTANT):
        return model
    names = facts.get("members", [facts["name"]])
    predicted = [read_predictions(workspace, sample_set, name, validation["chip_id"]) for name in names]
    label, weight = (validation[column].to_numpy() for column in ("label", "weight"))
    calibration = fit_calibration(label, np.mean(predicted, axis=0), weight)
    return replace(model, calibrated=Calibrated(calibration.apply(model.prediction), [calibration.facts]))
