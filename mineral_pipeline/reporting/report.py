"""The whole report from the content of a workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import geopandas as gpd

from mineral_pipeline.learning import task_title
from mineral_pipeline.reporting.backtest_sections import backtest_section
from mineral_pipeline.reporting.data_sections import labels_section, split_section
from mineral_pipeline.reporting.formatting import metric_name, score
from mineral_pipeline.reporting.outcome_text import mean
from mineral_pipeline.reporting.page import KeyFigure, Page, Section, Table
from mineral_pipeline.reporting.prospect_sections import Truth, prospects_section
from mineral_pipeline.reporting.report_data import ReportData
from mineral_pipeline.reporting.result_sections import provenance_section, results_section, study_section
from mineral_pipeline.reporting.scene_figures import Example
from mineral_pipeline.reporting.scene_sections import ledger_section, scene_section
from mineral_pipeline.reporting.search_sections import search_section
from mineral_pipeline.reporting.view_figures import ProspectView
from mineral_pipeline.reporting.view_sections import views_section
from mineral_pipeline.workspace.ledger import State

LEAD = (
    "Convolutional networks look at images of the ground from orbit, learn from the known mineral deposits inside them,"
    " and say where else the ground looks the same."
)
SIMULATED = "Everything on this page was computed from a simulated planet: no place on it exists."


@dataclass(frozen=True)
class PageOptions:
    """What the page shows beside the content of the workspace."""

    title: str
    """Heading."""
    workspace: str
    """URL of the workspace, to show."""
    top: int
    """Number of prospects outlined and listed."""
    land: gpd.GeoDataFrame | None = None
    """Land polygons below the maps; None for no land."""
    example: Example | None = None
    """Scene of the first figures."""
    missing_example: str = ""
    """The job that would make the example, when it is None."""
    truth: Truth | None = None
    """What is true of the prospects of a simulated planet."""
    views: Sequence[ProspectView] = ()
    """Images of the first prospects."""


def build_page(data: ReportData, options: PageOptions) -> Page:
    """Build the page; sections whose artefacts are absent are named at the end, with the job that makes them."""
    simulated = "simulate" in data.runs
    sections = [
        scene_section(options.example, options.missing_example),
        ledger_section(data),
        labels_section(data, options.land),
        split_section(data, options.land),
        *(results_section(task, data.evaluations.get(task), data.out_of_fold.get(task)) for task in data.tasks),
        search_section(data.searches, data.evaluations),
        prospects_section(data, options.land, options.top, options.truth),
        views_section(options.views),
        backtest_section(data.backtests),
        study_section(data.evaluations, simulated),
        provenance_section(data),
    ]
    return Page(
        title=options.title,
        lead=LEAD,
        verdicts=[
            f"{task_title(task).capitalize()}{where}. {found.verdict}"
            for where, evaluations in ((", out of fold", data.out_of_fold), ("", data.evaluations))
            for task, found in evaluations.items()
            if found.verdict
        ],
        subtitle=subtitle(data, options.workspace),
        notice=SIMULATED if simulated else "",
        key_figures=key_figures(data),
        sections=[section for section in sections if not section.missing] + _missing(sections),
    )


def _missing(sections: Sequence[Section]) -> list[Section]:
    rows = [(section.title, section.missing) for section in sections if section.missing]
    return [Section("absent", "Not here yet", items=[Table(("section", "made by"), rows)])] if rows else []


def subtitle(data: ReportData, workspace: str) -> str:
    """Workspace, end of the last job before the report, and version; no clock is read."""
    if not data.runs:
        return workspace
    last = max(data.runs.values(), key=lambda run: run["started"])
    time = datetime.fromisoformat(last["started"])
    version = last["packages"].get("mineral-pipeline", "")
    return f"{workspace} · results of {time.day} {time:%B %Y, %H:%M} UTC · mineral-pipeline {version}".rstrip()


def key_figures(data: ReportData) -> list[KeyFigure]:
    """The numbers at the top, as far as their artefacts exist."""
    found = []
    if data.ledger is not None:
        scenes = data.ledger.drop_duplicates("scene_id")
        ok = int((scenes["status"] == str(State.OK)).sum())
        found.append(KeyFigure(f"{ok:,}", "scenes", f"of {len(scenes):,} in the catalogue"))
    if data.deposits is not None:
        found.append(KeyFigure(f"{len(data.deposits):,}", "known deposits"))
    if data.labels is not None:
        largest = data.labels.groupby("location_id")["n_deposits"].max()
        detail = f"{int((largest > 0).sum()):,} with known deposits"
        found.append(KeyFigure(f"{len(largest):,}", "locations", detail))
    for task, evaluation in data.evaluations.items():
        metric = evaluation.metric
        value = score(metric, evaluation.best["metrics"][metric]["value"])
        random = evaluation.random_labels
        beside = {label: models for label, models in [*evaluation.ranked_baselines.items()][:1] if models != random}
        beside |= {"random labels": random} if random else {}
        detail = ", ".join(f"{label} {mean(models, metric)}" for label, models in beside.items())
        if evaluation.is_constant:
            detail = f"a constant: every network collapsed; {detail}".removesuffix("; ")
        found.append(KeyFigure(value, f"{task_title(task)}, {metric_name(metric)}", detail))
    if data.prospects is not None:
        found.append(KeyFigure(f"{len(data.prospects):,}", "locations to prospect"))
    return found
