"""Models that are made of others: the mean of an ensemble, and the models of all folds as one model out of fold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from mineral_pipeline.errors import DataError
from mineral_pipeline.evaluation.comparison import Calibrated, HeldOut, ModelPredictions
from mineral_pipeline.learning import CONSTANT, ENSEMBLE, SELECTED

IDENTITY = ("task", "name", "kind", "role", "label", "network", "convolution", "dense", "seed", "pixels")
"""Facts that tell which model it is. Those that differ between folds are None, as the network of the tuned one may."""


@dataclass(frozen=True)
class Results:
    """Models with their predictions for the test subset of a sample set."""

    samples: HeldOut
    """The validation and test samples."""
    models: Sequence[ModelPredictions]
    """The models."""
    best: str
    """Name of the one that was selected on the validation subset."""

    @property
    def by_name(self) -> dict[str, ModelPredictions]:
        """The models by name."""
        return {str(model.facts["name"]): model for model in self.models}


def average(members: Sequence[str], models: Sequence[ModelPredictions]) -> list[ModelPredictions]:
    """The mean of the predictions of an ensemble's members, as one more model; none without all of the members."""
    found = [model for model in models if model.facts["name"] in members]
    if not members or len(found) < len(members):
        return []
    same = {key: found[0].facts[key] for key in IDENTITY if key in found[0].facts}
    facts = {**same, "name": ENSEMBLE, "kind": ENSEMBLE, "label": ENSEMBLE, "seed": None, "members": list(members)}
    return [ModelPredictions(facts, np.mean([model.prediction for model in found], axis=0))]


def join_folds(folds: Sequence[Results]) -> Results:
    """The results of all folds as those of one test subset, each sample predicted by models that have not seen it.

    Models of one name in all folds are one model. ``selected`` is in each fold the one that its validation subset has
    selected; it is the best, unless that is the constant in every fold. No model can be chosen again.

    Args:
        folds: results of each fold, from the first on.

    Returns:
        The samples of all folds, with a column ``fold``; the models that every fold has.

    Raises:
        DataError: what a fold has selected has no predictions.
    """
    for fold, one in enumerate(folds):
        if one.best not in one.by_name:
            raise DataError(f"fold {fold} has no predictions of its result, {one.best}: run train again")
    names = [name for name in folds[0].by_name if name not in incomplete(folds)]
    models = [_join([one.by_name[name] for one in folds]) for name in names]
    best = CONSTANT
    if any(one.best != CONSTANT for one in folds):
        best = SELECTED
        chosen = _join([one.by_name[one.best] for one in folds])
        facts = {"name": SELECTED, "kind": SELECTED, "label": "selected in each fold", "role": "network"}
        models.append(replace(chosen, facts={**chosen.facts, **facts}))
    validation, test = (
        pd.concat([getattr(one.samples, subset).assign(fold=fold) for fold, one in enumerate(folds)], ignore_index=True)
        for subset in ("validation", "test")
    )
    return Results(HeldOut(validation, test, folds[0].samples.unit), models, best)


def incomplete(folds: Sequence[Results]) -> list[str]:
    """Names of the models that only some folds have, sorted."""
    counts = Counter(name for one in folds for name in one.by_name)
    return sorted(name for name, count in counts.items() if count < len(folds))


def _join(models: Sequence[ModelPredictions]) -> ModelPredictions:
    """One model of each fold as a single model."""
    facts: dict[str, Any] = {
        key: _common([one.facts[key] for one in models]) for key in IDENTITY if key in models[0].facts
    }
    facts["collapsed"] = all(one.facts.get("collapsed") for one in models)
    if members := {member for one in models for member in one.facts.get("members", ())}:
        facts["members"] = sorted(members)
    return ModelPredictions(facts, np.concatenate([one.prediction for one in models]), calibrated=_calibrated(models))


def _calibrated(models: Sequence[ModelPredictions]) -> Calibrated | None:
    """The calibrated predictions of a model of all folds, where every fold has them."""
    found = [one.calibrated for one in models if one.calibrated]
    if len(found) < len(models):
        return None
    calibrations = [facts for one in found for facts in one.calibrations]
    return Calibrated(np.concatenate([one.probability for one in found]), calibrations)


def _common(values: Sequence[Any]) -> Any:
    """The value that all have, if there is one."""
    return values[0] if all(value == values[0] for value in values) else None
