"""The models of a sample set with their predictions for its test subset, and which of them validation has selected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from jobs.running.dependencies import RICHNESS, makes_prospects
from jobs.running.progress import CONSOLE
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.evaluation import HeldOut, ModelPredictions, Results, average
from mineral_pipeline.learning import CONSTANT, Task
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
    names = sorted(predictions)
    selected = select_model(workspace, sample_set, names)
    if selected is None:
        CONSOLE.print(f"evaluate: every network for {sample_set} has collapsed to a constant: {CONSTANT} is the result")
    samples = open_held_out(workspace, sample_set)
    models = [describe(workspace, sample_set, name, predictions[name], samples.validation) for name in names]
    if makes_prospects(settings) and task == RICHNESS:
        models += average(ensemble_members(settings, workspace, task, fold), models)
    return Results(samples, models, CONSTANT if selected is None else selected.name)


def open_held_out(workspace: Workspace, sample_set: str) -> HeldOut:
    """The validation and test samples of a sample set, and what its split keeps together."""
    validation, test = (
        subset.table.assign(label=subset.label, weight=subset.weight, group=subset.group)
        for subset in (open_subset(workspace, sample_set, name) for name in ("validation", "test"))
    )
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
