"""Summary at the end of a run: labels, splits, the best model against its baseline, the first prospects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isnan
from typing import Any

import pandas as pd
from rich.table import Table

from jobs.prospecting.truth import Undiscovered
from mineral_pipeline import prospecting
from mineral_pipeline.learning import ENSEMBLE, SUBSETS, of_subject, task_title
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Counts, Workspace, artefacts, ledger
from mineral_pipeline.workspace.learnt import find_tasks

PROSPECTS_SHOWN, PROSPECTS_JUDGED = 3, 20


def summary(workspace: Workspace, undiscovered: Undiscovered | None = None) -> Table:
    """The table at the end of a run; a row appears when its artefact exists.

    Args:
        workspace: the workspace.
        undiscovered: truth of a simulated planet, beside which the prospects are put.
    """
    table = Table(title="what came out", show_header=False, title_justify="left")
    for name, value in _rows(workspace, undiscovered):
        table.add_row(name, value)
    return table


def _rows(workspace: Workspace, undiscovered: Undiscovered | None) -> Iterator[tuple[str, str]]:
    if workspace.exists(artefacts.LABELS):
        labels = workspace.read_table(artefacts.LABELS, ["location_id", "has_deposit"])
        locations, positive = labels["location_id"].nunique(), int(labels["has_deposit"].sum())
        yield "labels", f"{len(labels):,} chips of {locations:,} locations; {positive:,} chips hold a deposit"
        if workspace.exists(artefacts.BARREN):
            places = len(workspace.read_table(artefacts.BARREN, ["id"]))
            barren = int(workspace.read_table(artefacts.LABELS, ["is_barren"])["is_barren"].sum())
            yield "explored, barren", f"{places:,} places; {barren:,} chips hold one, and no deposit"
    for task in find_tasks(workspace, artefacts.SAMPLES):
        if workspace.exists(artefacts.samples_table(task)):
            counts = workspace.read_table(artefacts.samples_table(task), ["subset"])["subset"].value_counts()
            yield (
                f"split, {task_title(task)}",
                ", ".join(f"{int(counts.get(subset, 0)):,} {subset}" for subset in SUBSETS),
            )
    for task in find_tasks(workspace, artefacts.EVALUATIONS):
        if workspace.exists(artefacts.evaluation_metrics(task)):
            evaluation = workspace.read_json(artefacts.evaluation_metrics(task))
            if "verdict" in evaluation:
                yield f"verdict, {task_title(task)}", evaluation["verdict"]
            yield f"test, {task_title(task)}", _result(evaluation, evaluation["best"])
            if any(model["name"] == ENSEMBLE for model in evaluation["models"]):
                yield f"test, {task_title(task)}", _result(evaluation, ENSEMBLE)
            if "attainable" in evaluation:
                yield f"attainable, {task_title(task)}", _attainable(evaluation)
        if workspace.exists(artefacts.evaluation_metrics(artefacts.out_of_fold(task))):
            evaluation = workspace.read_json(artefacts.evaluation_metrics(artefacts.out_of_fold(task)))
            if "verdict" in evaluation:
                yield f"verdict out of fold, {task_title(task)}", evaluation["verdict"]
            yield f"out of fold, {task_title(task)}", _result(evaluation, evaluation["best"])
    if workspace.exists(artefacts.PROSPECTS_BASIS):  # prospects of an earlier version have none
        prospects = workspace.read_table(artefacts.PROSPECTS)
        yield "prospects", workspace.read_json(artefacts.PROSPECTS_BASIS)["heading"]
        if undiscovered is not None:
            told = prospecting.judge(prospects, undiscovered.number, PROSPECTS_JUDGED, undiscovered.what)
            yield "prospects, in truth", told
        of = of_subject(prospecting.commodity_of(prospects))
        for prospect in prospects.head(PROSPECTS_SHOWN).itertuples():
            yield f"prospect {prospect.rank}", _prospect(prospect, of)
    if workspace.exists(artefacts.REPORT):
        yield "report", workspace.uri(artefacts.REPORT)


def _prospect(prospect: Any, of: str) -> str:
    """A row of the prospects, in words; ``of`` tells of which deposits."""
    probability = "" if isnan(prospect.probability) else f", probability {prospect.probability:.2f}"
    expected = f"{prospect.expected_number:.2f} deposits{of} expected"
    distance = f"{prospect.distance_km:,.0f} km from a known deposit{of}"
    beyond = "" if prospect.applicable else ", unlike all from which the model has learnt"
    return f"location {prospect.location_id}: {expected}{probability}, {distance}{beyond}"


def _result(evaluation: Mapping[str, Any], name: str) -> str:
    """A model's primary metric, with its interval, and the mean of the random-label networks."""
    metric = evaluation["primary_metric"]
    model = next(model for model in evaluation["models"] if model["name"] == name)
    value = model["metrics"][metric]
    baseline = ""
    if "baseline" in evaluation:
        baseline = f"; random labels {evaluation['baseline']['metrics'][metric]['value']:.3f}"
    collapsed = "every network has collapsed to a constant; " if model["role"] == "baseline" else ""
    ends = "" if value["low"] is None else f" ({value['low']:.3f} to {value['high']:.3f})"
    return f"{collapsed}{name}: {metric} {value['value']:.3f}{ends}{baseline}"


def _attainable(evaluation: Mapping[str, Any]) -> str:
    """What boosting on the true patches of a simulated planet reaches, and the share that the best model has of it."""
    found = evaluation["attainable"]
    metric, part = found["metric"], found["part"]
    scores = ", ".join(f"{name} {values[metric]:.3f}" for name, values in found["scores"].items())
    return f"{metric}: {scores}" + (part and f"; {evaluation['best']} has {part} of the gain")


def too_many_failed(job: str, counts: Counts, settings: Settings) -> str:
    """What to say at the end of a run whose last job failed more often than its settings allow."""
    reasons = ", ".join(f"{number:,} {reason}" for reason, number in counts.reasons.items())
    return (
        f"{job}: {counts.failed:,} of {counts.planned:,} {counts.unit} failed ({reasons}), more than"
        f" max_failed_fraction = {settings.max_failed_fraction:g} allows: fix the cause, then run again"
        + (f" with --retry-failed{_usual_reason(settings)}" if job == "acquire" else "")
    )


def _usual_reason(settings: Settings) -> str:
    """The reason for which most scenes failed, in the words of one; those that differ in the product are one."""
    table = ledger.read(Workspace(settings.workspace), ["scene_id", "product_id", "status", "reason"])
    failed = table[table["status"].isin(map(str, ledger.FAILED_STATES))].drop_duplicates("scene_id")
    if failed.empty:
        return ""
    kinds = pd.Series(
        [reason.replace(product, "") for reason, product in zip(failed["reason"], failed["product_id"], strict=True)]
    )
    usual = kinds.mode()[0]
    return f"; {(kinds == usual).sum():,} of them: {failed['reason'].iloc[kinds.eq(usual).argmax()]}"
