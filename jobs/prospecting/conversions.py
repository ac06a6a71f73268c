"""What predictions mean, learnt from the validation subsets of all folds together.

One conversion serves all folds: places of different folds stand in one list, and what each fold would learn of its own
few places with deposits would rank the folds before it ranked the places.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from jobs.prospecting.nearby import PROXIMITY, Nearby
from mineral_pipeline import modelling
from mineral_pipeline.errors import DataError, WorkspaceError
from mineral_pipeline.evaluation import (
    Conversion,
    NumberGivenOne,
    Shares,
    fit_calibration,
    fit_number_given_one,
)
from mineral_pipeline.learning import Task, kind_of, subject_column, subject_of
from mineral_pipeline.workspace import Workspace, artefacts

Names = Mapping[Task, Sequence[str]]
"""Names of the models of a fold that speak for each task about one subject, whose mean prediction counts."""


def make_conversion(
    workspace: Workspace, names: Mapping[int | None, Names], nearby: Nearby | None = None
) -> Conversion:
    """How predictions become probabilities and numbers.

    Args:
        workspace: the workspace.
        names: names of the models by fold; None is the split.
        nearby: what speaks for presence in place of models.

    Raises:
        DataError: validation holds no place with a deposit.
        WorkspaceError: the samples were curated by an earlier version.
    """
    tasks = next(iter(names.values()))
    subject = subject_of(next(iter(tasks)))
    column = subject_column("n_deposits", subject) if subject else "max_deposits"
    largest = int(workspace.read_table(artefacts.LABELS, [column])[column].max())
    tables = {
        kind_of(task): pd.concat(
            [validated(workspace, artefacts.sample_set(task, fold), found[task]) for fold, found in names.items()]
        )
        for task, models in tasks.items()
        if PROXIMITY not in models
    }
    number: NumberGivenOne | None
    if "richness" in tables:
        table = tables["richness"]
        number = fit_number_given_one(table["prediction"].to_numpy(), table["n_deposits"].to_numpy(), largest)
    else:
        counts = nearby.locations if nearby else tables["presence"]
        rich = counts["n_deposits"][counts["n_deposits"] > 0]
        number = NumberGivenOne(float(np.log1p(rich.mean())), 0.0, 1.0, largest, len(rich)) if len(rich) else None
    if number is None:
        (task, *_), (fold, *_) = tasks, names
        where = artefacts.sample_set(task, fold)
        raise DataError(f"prospect: validation of {where} holds no place with a deposit: give curate more of them")
    if nearby:
        return nearby.convert(number)
    if "presence" not in tables:
        return Conversion(None, None, number)
    presence = tables["presence"]
    label, weight = presence["label"].to_numpy(), presence["weight"].to_numpy()
    task = next(task for task in tasks if kind_of(task) == "presence")
    true = true_share(workspace, [artefacts.sample_set(task, fold) for fold in names])
    shares = Shares(float(np.average(label, weights=weight)), true)
    return Conversion(fit_calibration(label, presence["prediction"].to_numpy(), weight), shares, number)


def validated(workspace: Workspace, sample_set: str, names: Sequence[str]) -> pd.DataFrame:
    """What some models predicted in validation, in the mean over them and over the chips of a location.

    Returns:
        ``label``, ``prediction``, ``weight`` and ``n_deposits``, one row per location of the validation subset.
    """
    subset = modelling.open_subset(workspace, sample_set, "validation")
    chip_id = subset.table["chip_id"]
    deposits = workspace.read_table(artefacts.samples_table(sample_set), ["chip_id", "n_deposits"])
    found = pd.DataFrame(
        {
            "location_id": subset.table["location_id"].to_numpy(),
            "label": subset.label.astype(float),
            "prediction": np.mean(
                [modelling.read_predictions(workspace, sample_set, name, chip_id) for name in names], axis=0
            ),
            "weight": subset.weight.astype(float),
            "n_deposits": chip_id.map(deposits.set_index("chip_id")["n_deposits"]).to_numpy(float),
        }
    )
    how = {"label": "mean", "prediction": "mean", "weight": "sum", "n_deposits": "max"}
    return found.groupby("location_id").agg(how)


def true_share(workspace: Workspace, sample_sets: Sequence[str]) -> float:
    """Share of places with a known deposit among those of the training sides, before classes were balanced.

    Raises:
        WorkspaceError: the summary of the samples does not tell.
    """
    total: Counter[str] = Counter()
    for name in map(artefacts.samples_summary, sample_sets):
        counts = workspace.read_json(name).get("candidates")
        if not counts or not sum(counts.values()):
            raise WorkspaceError(f"{workspace.uri(name)} does not tell how common deposits are: run curate again")
        total.update(counts)
    return float(total["1"] / total.total())
