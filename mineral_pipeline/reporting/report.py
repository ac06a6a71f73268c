"""The whole report from what a workspace holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import geopandas as gpd

from mineral_pipeline.reporting.data_sections import labels_section, ledger_section, scene_section, split_section
from mineral_pipeline.reporting.formatting import score
from mineral_pipeline.reporting.images import Example
from mineral_pipeline.reporting.page import KeyFigure, Page, Section, Table
from mineral_pipeline.reporting.report_data import TASKS, ReportData
from mineral_pipeline.reporting.result_sections import (
    mean,
    prospects_section,
    provenance_section,
    results_section,
    study_section,
)
from mineral_pipeline.reporting.scores import NAMES, PRIMARY_METRIC
from mineral_pipeline.workspace.ledger import State

LEAD = (
    "Convolutional networks look at Landsat scenes in band 7, learn from the known mineral deposits inside them, and"
    " say where else the ground looks the same."
)
SIMULATED = "Everything on this page was computed from a simulated planet: no place on it exists."


def build_page(
    artefacts: ReportData,
    title: str,
    workspace: str,
    top: int,
    land: gpd.GeoDataFrame | None = None,
    example: Example | None = None,
    why_no_example: str = "",
) -> Page:
    """The page; the sections whose artefacts are absent are named at the end, with the job that makes them.

    Args:
        artefacts: of the workspace.
        title: heading.
        workspace: its URL, to show.
        top: prospects outlined and listed.
        land: polygons below the maps.
        example: scene of the first figures.
        why_no_example: what would make it, when it is None.
    """
    simulated = "simulate" in artefacts.runs
    sections = [
        scene_section(example, why_no_example),
        ledger_section(artefacts),
        labels_section(artefacts, land),
        split_section(artefacts, land),
        *(results_section(task, artefacts.evaluations.get(task)) for task in TASKS),
        prospects_section(artefacts, land, top),
        study_section(artefacts.evaluations, simulated),
        provenance_section(artefacts),
    ]
    return Page(
        title=title,
        lead=LEAD,
        subtitle=subtitle(artefacts, workspace),
        notice=SIMULATED if simulated else "",
        key_figures=key_figures(artefacts),
        sections=[section for section in sections if not section.missing] + _not_yet(sections),
    )


def _not_yet(sections: Sequence[Section]) -> list[Section]:
    rows = [(section.title, section.missing) for section in sections if section.missing]
    return [Section("absent", "Not here yet", items=[Table(("section", "made by"), rows)])] if rows else []


def subtitle(artefacts: ReportData, workspace: str) -> str:
    """Where the results lie and when the last job before the report ended; no clock is read."""
    if not artefacts.runs:
        return workspace
    last = max(artefacts.runs.values(), key=lambda run: run["started"])
    when = datetime.fromisoformat(last["started"])
    version = last["packages"].get("mineral-pipeline", "")
    return f"{workspace} · results of {when.day} {when:%B %Y, %H:%M} UTC · mineral-pipeline {version}".rstrip()


def key_figures(artefacts: ReportData) -> list[KeyFigure]:
    """The numbers at the top, of what exists."""
    found = []
    if artefacts.ledger is not None:
        ok = int((artefacts.ledger["status"] == str(State.OK)).sum())
        found.append(KeyFigure(f"{ok:,}", "scenes", f"of {len(artefacts.ledger):,} in the catalogue"))
    if artefacts.deposits is not None:
        found.append(KeyFigure(f"{len(artefacts.deposits):,}", "known deposits"))
    if artefacts.labels is not None:
        most = artefacts.labels.groupby("location_id")["n_deposits"].max()
        found.append(KeyFigure(f"{len(most):,}", "places", f"{int((most > 0).sum()):,} with known deposits"))
    for task, evaluation in artefacts.evaluations.items():
        metric = PRIMARY_METRIC[task]
        value = score(metric, evaluation.best["metrics"][metric]["value"])
        detail = f"random labels {mean(evaluation.random_labels, metric)}" if evaluation.random_labels else ""
        found.append(KeyFigure(value, f"{task}, {NAMES[metric]}", detail))
    if artefacts.prospects is not None:
        found.append(KeyFigure(f"{len(artefacts.prospects):,}", "places to prospect"))
    return found
