"""What models of presence add to proximity to known deposits: by this, those below the bar may be heard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from jobs.prospecting.nearby import PROXIMITY, Nearby
from mineral_pipeline import prospecting
from mineral_pipeline.evaluation import find_groups
from mineral_pipeline.evaluation.added import Known, added, make_stack
from mineral_pipeline.evaluation.probability import logit
from mineral_pipeline.learning import Task, subject_of
from mineral_pipeline.workspace import Workspace, artefacts

Gain = Mapping[str, float | None]
"""AUC that a model adds to proximity: ``value``, ``low`` and ``high``, the 95 % interval over groups of the split."""


def added_to_proximity(workspace: Workspace, task: Task, nearby: Nearby, names: Sequence[str]) -> dict[str, Gain]:
    """What models of presence add to proximity, by what they predict out of fold of places on land.

    A regression on the distances and on the log-odds of the model, as the list of prospects is made, less one on the
    distances alone; each place is predicted by fits to the places of other folds, and compared with those of its own.

    Args:
        workspace: the workspace.
        task: task of the models.
        nearby: the places, and what is known around them.
        names: names of the models.

    Returns:
        Gains by name, without those of models that have predicted nothing out of fold, or where it cannot be computed.
    """
    name = artefacts.evaluation_predictions(artefacts.out_of_fold(task))
    if not workspace.exists(name):
        return {}
    table = workspace.read_table(name, ["name", "location_id", "fold", "prediction"])
    table = table[table["name"].isin(names) & table["location_id"].isin(nearby.locations.index)]
    if table.empty:
        return {}
    by_location = table.groupby(["name", "location_id"])["prediction"].mean().unstack("name")
    groups = workspace.read_table(artefacts.folds(subject_of(task)), ["location_id", "group"])
    places = nearby.locations.loc[by_location.index].assign(
        label=lambda known: (known["n_deposits"] > 0).astype(float),
        fold=table.groupby("location_id")["fold"].first(),
        group=groups.set_index("location_id")["group"],
    )
    known = Known(PROXIMITY, nearby.features.loc[places.index].to_numpy(), _fit)
    found_groups = find_groups(places["group"].to_numpy(), places[["lon", "lat"]].to_numpy())
    stack = make_stack("presence", places, found_groups, known)
    odds = by_location.apply(logit)
    odds -= odds.groupby(places["fold"]).transform("mean")  # as `Nearby.join` centres them
    found = {model: added(stack, odds[model].to_numpy()) for model in names if model in odds}
    return {model: one["metrics"]["auc"]["difference"] for model, one in found.items() if one}


def _fit(features: np.ndarray, label: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    return prospecting.fit_proximity(features, label > 0)
