"""Which models speak for a task: an ensemble that beats every model without pixels, or what needs none.

A list that an ensemble has made is no better than the ensemble. Where it does not beat the bar of the models that see
no pixel, proximity to known deposits tells where some are, together with models that add to it for certain, and for
their number the best model without pixels speaks. The list says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jobs.prospecting.evidence import Gain, added_to_proximity
from jobs.prospecting.nearby import PROXIMITY, Nearby
from jobs.running.criterion import make_criterion
from mineral_pipeline import modelling
from mineral_pipeline.errors import DataError
from mineral_pipeline.evaluation import sees_pixels
from mineral_pipeline.evaluation.description import in_words
from mineral_pipeline.learning import CONSTANT, ENSEMBLE, RANDOM_LABELS, Task, higher_is_better, kind_of, task_title
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts

NEARBY = "proximity to known deposits"
"""What speaks without pixels, in words."""

NETWORKS = "an ensemble of networks"
"""What an ensemble is called, in words."""

MIN_RICH = 50
"""Fewest places with known deposits by which evidence is weighed: ten for each of five features (P. Peduzzi et al., A
simulation study of the number of events per variable in logistic regression analysis, J. Clin. Epidemiol. 1996)."""


@dataclass(frozen=True)
class Voters:
    """The models that speak for a task."""

    task: Task
    """The task."""
    kind: str
    """``ensemble``, ``proximity``, or the name of a baseline."""
    label: str
    """Name in figures and tables."""
    sees_pixels: bool
    """Whether they see pixels."""
    beats_bar: bool | None
    """Whether they beat the best model without pixels; None where that has not been evaluated."""
    reason: str
    """Why these, in a sentence or two."""
    is_near: bool = False
    """Whether proximity to known deposits speaks, alone or with them."""
    added: Gain | None = None
    """What they add to proximity, where it speaks with them and that is known."""

    def names(self, settings: Settings, workspace: Workspace, fold: int | None) -> list[str]:
        """Names of the models of a fold; an ensemble has none where fewer than two of its networks are of use.

        Raises:
            DataError: the baseline is not trained.
        """
        if self.kind == PROXIMITY:
            return [PROXIMITY]
        if self.kind == ENSEMBLE:
            criterion = make_criterion(settings, self.task)
            return modelling.ensemble_members(settings, workspace, criterion, self.task, fold)
        sample_set = artefacts.sample_set(self.task, fold)
        if not modelling.is_current(workspace, sample_set, self.kind):
            folder = workspace.uri(artefacts.model(sample_set, self.kind))
            raise DataError(f"prospect: {folder} is not trained: run train again")
        return [self.kind]


def choose_voters(settings: Settings, workspace: Workspace, task: Task, nearby: Nearby) -> Voters:
    """The models that speak for a task, by its evaluation: out of fold where there are folds.

    Out of fold, models of presence that see pixels are asked of every place, so that their evidence can be weighed
    against that of the known deposits nearby, where at least `MIN_RICH` places hold one: those that beat the bar speak
    together with proximity, and so do those below it that add to its AUC by an interval that excludes 0. Without
    ``prospect.proximity`` the same models speak alone, or else the best of those that are better than chance.

    Args:
        settings: settings of the pipeline.
        workspace: the workspace.
        task: the task.
        nearby: the places over land, and what is known around them.

    Raises:
        DataError: no model of the task is trained.
    """
    document = _read_evaluation(settings, workspace, task)
    voters, models = _choose(settings, workspace, task, document), _seeing(document)
    if not (settings.folds and kind_of(task) == "presence" and nearby.n_rich >= MIN_RICH):
        return voters
    asked, is_near = [voters.kind] if voters.sees_pixels else list(models), settings.prospect.proximity
    gains = added_to_proximity(workspace, task, nearby, asked)
    if voters.sees_pixels:
        added = gains.get(voters.kind)
        how = f" To the AUC of {NEARBY} it adds {in_words(added)}." if added else ""
        joined = f" Its evidence is joined with {NEARBY}." if is_near else ""
        return replace(voters, is_near=is_near, added=added, reason=f"{voters.reason}{how}{joined}")
    for name, gain in gains.items():
        if (gain["low"] or 0) > 0:
            how = f" To the AUC of {NEARBY}, however, {models[name]} adds {in_words(gain)} out of fold, and speaks"
            reason = f"{voters.reason}{how} {'together with it' if is_near else 'alone'}."
            return Voters(task, name, models[name], True, False, reason, is_near=is_near, added=gain)
    return voters if is_near else _better_than_chance(document, models, voters)


def _better_than_chance(document: Mapping[str, Any], models: Mapping[str, str], voters: Voters) -> Voters:
    """The model of the pixels with the highest AUC whose interval lies above that of chance; else ``voters``."""
    found = {str(one["name"]): one["metrics"].get("auc", {}) for one in document.get("models", ())}
    certain = [name for name in models if (found.get(name, {}).get("low") or 0) > 0.5]
    if not certain:
        return voters
    best = max(certain, key=lambda name: float(found[name]["value"]))
    how = f"Of those that see pixels, {models[best]} is the best that is better than chance, with an AUC of"
    reason = f"{voters.reason} {how} {in_words(found[best])} out of fold, and speaks alone."
    return Voters(voters.task, best, models[best], True, False, reason)


def _read_evaluation(settings: Settings, workspace: Workspace, task: Task) -> Mapping[str, Any]:
    """What ``evaluate`` has found, out of fold where there are folds; nothing where it has not run."""
    name = artefacts.evaluation_metrics(artefacts.out_of_fold(task) if settings.folds else task)
    return dict(workspace.read_json(name)) if workspace.exists(name) else {}


def _seeing(document: Mapping[str, Any]) -> dict[str, str]:
    """Labels of the models that could speak of pixels by their names, the ensemble first."""
    models = [one for one in document.get("models", ()) if one["role"] == "baseline" and one["kind"] != RANDOM_LABELS]
    return {ENSEMBLE: NETWORKS} | {str(one["name"]): str(one["label"]) for one in models if sees_pixels(one)}


def _choose(settings: Settings, workspace: Workspace, task: Task, document: Mapping[str, Any]) -> Voters:
    bar = (document.get("bar") or {}).get("without_pixels")
    if bar is None:
        return _without_evaluation(settings, workspace, task)
    models = {str(one["name"]): one for one in document["models"]}
    if ENSEMBLE in bar["beaten_by"]:
        best = models[bar["best"]]["label"]
        reason = (
            f"The ensemble of networks for {task_title(task)} beats every model that sees no pixel, of which {best} is"
            " the best."
        )
        return Voters(task, ENSEMBLE, NETWORKS, True, True, reason)
    if seeing := [one for one in bar["beaten_by"] if models[one]["role"] == "baseline"]:
        label = str(models[seeing[0]]["label"])
        reason = (
            f"No ensemble of networks for {task_title(task)} beats the models that see no pixel, but a simple model of"
            f" the pixels does: {label}."
        )
        return Voters(task, seeing[0], label, True, True, reason)
    best = _best_blind(document)
    label = str(models[best]["label"])
    nothing = f"Nothing that sees pixels beats the models of {task_title(task)} that see none"
    if kind_of(task) == "presence" and settings.prospect.proximity:
        return _proximity(task, False, f"{nothing}, of which {models[bar['best']]['label']} is the best")
    return Voters(task, best, label, False, False, f"{nothing}, of which {label} is the best for a list.")


def _proximity(task: Task, beats_bar: bool | None, why: str) -> Voters:
    reason = f"{why}: places are ranked by how near deposits are known outside of them."
    return Voters(task, PROXIMITY, NEARBY, False, beats_bar, reason, is_near=True)


def _best_blind(document: Mapping[str, Any]) -> str:
    """The best model without pixels that can order places, which a constant cannot."""
    metric, baselines = document["primary_metric"], [one for one in document["models"] if one["role"] == "baseline"]
    usable = [one for one in baselines if one["kind"] not in (CONSTANT, RANDOM_LABELS)]
    blind = [one for one in usable if not one.get("pixels", True)] or usable or baselines
    sign = 1 if higher_is_better(metric) else -1
    return str(max(blind, key=lambda one: sign * _value(one, metric, sign))["name"])


def _value(model: Mapping[str, Any], metric: str, sign: int) -> float:
    value = model["metrics"][metric]["value"]
    return -np.inf * sign if value is None else float(value)


def _without_evaluation(settings: Settings, workspace: Workspace, task: Task) -> Voters:
    """The ensemble, unjudged; what needs no network where every one has collapsed."""
    criterion = make_criterion(settings, task)
    if any(modelling.ensemble_specs(settings, workspace, criterion, task, fold) for fold in settings.folds or (None,)):
        reason = (
            f"Whether the ensemble of networks for {task_title(task)} beats a model that sees no pixel is not known:"
            " list evaluate among the jobs, before prospect."
        )
        return Voters(task, ENSEMBLE, NETWORKS, True, None, reason)
    collapsed = f"Every network for {task_title(task)} has collapsed to a constant"
    if kind_of(task) == "presence" and settings.prospect.proximity:
        return _proximity(task, None, collapsed)
    reason = f"{collapsed}: the position alone makes the list."
    return Voters(task, "coordinates", "coordinates only", False, None, reason)
