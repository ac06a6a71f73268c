"""The held-out samples of a task, and its models with their predictions for them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mineral_pipeline.evaluation import HeldOut, ModelPredictions
from mineral_pipeline.learning import ENSEMBLE, Task
from mineral_pipeline.modelling import SELECTABLE_KINDS, open_subset, read_metrics, read_predictions, read_spec
from mineral_pipeline.workspace import Workspace, artefacts

UNITS = {"buckets": "locations"}
"""What a group of a split is called, in the plural, where that is not the name of the split."""


def open_held_out(workspace: Workspace, task: Task) -> HeldOut:
    """The validation and test samples of a task, and what its split keeps together."""
    validation, test = (
        subset.table.assign(label=subset.label, weight=subset.weight, group=subset.group)
        for subset in (open_subset(workspace, task, name) for name in ("validation", "test"))
    )
    table = workspace.read_table(artefacts.samples_table(task))
    if "region" in table:  # samples that were curated before have none
        test["region"] = test["chip_id"].map(table.set_index("chip_id")["region"])
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
    facts["members"] = list(members)
    return [ModelPredictions(facts, np.mean([model.prediction for model in found], axis=0))]
