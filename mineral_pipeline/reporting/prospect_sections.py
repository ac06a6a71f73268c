"""The section on the prospects: who has made the list, the map, the table, and how far it can be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import geopandas as gpd

from mineral_pipeline.learning import of_subject, task_title
from mineral_pipeline.reporting import maps
from mineral_pipeline.reporting.formatting import (
    THIN,
    UNDEFINED,
    interval,
    location,
    metric_name,
    percent,
    position,
    score,
)
from mineral_pipeline.reporting.page import Cell, FigureItem, Section, Table
from mineral_pipeline.reporting.report_data import Evaluation, ReportData

TABLE_PROSPECTS = 20
"""Prospects listed before the fold."""

TITLE, ANCHOR = "Where to look", "prospects"
WITHOUT_PIXELS = ", as far as a map without pixels tells"
"""End of the title of a list that no model has made which sees pixels."""

MEANING = (
    "A place is ranked by the number of deposits{of} to expect of it: the probability that it holds one, calibrated on"
    " places that no model had learnt from and brought to the true share of places with a deposit, times the number to"
    " expect where there is one. Both are of deposits that would be known if it were as well explored as the others."
)
FIRST_10 = "How often a place is among the first 10 is over ensembles drawn from the members of the ensemble."


@dataclass(frozen=True)
class Truth:
    """What is true of the prospects of a simulated planet."""

    verdict: str
    """How many of the first hold undiscovered deposits, in words."""
    undiscovered: Mapping[str, int]
    """Number of undiscovered deposits by location."""
    what: str = "deposits"
    """Which deposits are counted."""


def prospects_section(data: ReportData, land: gpd.GeoDataFrame | None, top: int, truth: Truth | None = None) -> Section:
    """The prospects: who has made the list, a map of all, a table of the first ``top``, and what is true of them."""
    prospects, basis = data.prospects, data.basis
    reasons = data.runs.get("prospect", {}).get("counts", {}).get("reasons", {})
    left_out = "; ".join(f"{count:,} {reason}" for reason, count in reasons.items())
    if prospects is None and reasons:
        return Section(ANCHOR, TITLE, [f"No location is ranked. Locations left out: {left_out}."])
    if prospects is None:
        return Section(ANCHOR, TITLE, missing="the job prospect")
    voters = basis.get("voters", [])
    of = of_subject(basis.get("commodity") or "")
    heading = (
        TITLE
        + (f" for deposits{of}" if of else "")
        + (WITHOUT_PIXELS if voters and not any(one["pixels"] for one in voters) else "")
    )
    who = " ".join([basis["heading"], *(one["reason"] for one in voters), *basis["notes"]]) if basis else ""
    text = (
        f"{len(prospects):,} locations over land have no known deposit{of} on any date."
        f" {MEANING.format(of=of)} All of them lie in the"
        " workspace as GeoParquet, GeoJSON (which QGIS opens styled) and Cloud-Optimised GeoTIFF."
        + (f" Locations left out: {left_out}." if left_out else "")
    )
    told = [f"The truth of this simulated planet: {truth.verdict}."] if truth else []
    ensembles = [_ensemble_text(data, one["task"]) for one in voters if one["kind"] == "ensemble"]
    best = prospects.sort_values("rank").head(top)
    figure = FigureItem(
        "prospects",
        maps.prospects_figure(prospects, land, top),
        f"Expected number of deposits{of} of locations without a known one; the first {len(best):,} are outlined, the"
        f" first {min(len(best), maps.NUMBERED)} carry their rank. The colours span at least the width of a"
        " 95 % interval of the ensemble.",
        f"Map of {len(prospects):,} locations coloured by the expected number of deposits{of}.",
    )
    items: list[FigureItem | Table] = [figure, prospects_table(prospects, top, truth, of), *belief_tables(basis)]
    return Section(ANCHOR, heading, [*([who] if who else []), *told, text, *ensembles], items)


def prospects_table(prospects: gpd.GeoDataFrame, top: int, truth: Truth | None = None, of: str = "") -> Table:
    """The first ``top`` of the prospects; ``of`` tells of which deposits."""
    rows: list[tuple[Cell, ...]] = [
        (
            f"{prospect.rank:,}",
            (location(prospect.location_id), position(prospect.lon, prospect.lat)),
            (_number(prospect.expected_number), _ends(prospect.expected_low, prospect.expected_high)),
            (
                percent(prospect.probability) if isfinite(prospect.probability) else UNDEFINED,
                f"{_number(prospect.expected_given_one)} if any",
            ),
            percent(prospect.first_10, 0) if isfinite(prospect.first_10) else UNDEFINED,
            (_number(prospect.dissimilarity), "" if prospect.applicable else "does not apply"),
            f"{prospect.distance_km:,.0f}{THIN}km",
            *([f"{truth.undiscovered[prospect.location_id]:,}"] if truth else []),
        )
        for prospect in prospects.sort_values("rank").head(top).itertuples()
    ]
    is_path_row = prospects["location_id"].map(location).str.contains("/").all()
    header = (
        "rank", "path/row" if is_path_row else "location", f"deposits{of} to expect, 90 %", "probability of one",
        "in the first 10", "dissimilarity", f"nearest known deposit{of}",
        *([f"undiscovered {truth.what}, in truth"] if truth else []),
    )  # fmt: skip
    caption = FIRST_10 if prospects["first_10"].notna().any() else ""
    return Table(header, rows, caption, numeric=frozenset({0, *range(2, len(header))}), shown=TABLE_PROSPECTS)


def _number(value: float) -> str:
    """A number of deposits."""
    return UNDEFINED if not isfinite(value) else f"{value:,.2f}"


def _ends(low: float, high: float) -> str:
    return f"{low:,.1f} to {high:,.1f}" if isfinite(high) else "no interval"


def belief_tables(basis: Mapping[str, Any]) -> list[Table]:
    """Errors inside the area of applicability beside those outside, and what the intervals rest on."""
    if not basis:
        return []
    errors, found = basis["errors"], basis["intervals"]
    rows = [
        (name, f"{one['places']:,}", score("brier", one.get("brier")), score("mae", one.get("log_error")))
        for name, one in errors.items()
    ]
    caption = (
        "Where the models apply: places as like those of training as the places are with which they were tested, by the"
        " features from which they predict. Errors are of places that no model had learnt from. Of the intervals,"
        f" {percent(found['infinite'], 0)} are infinite: they rest on {found['samples']:,} such places, and there are"
        " none where these are too few, where the models do not apply, or for numbers beyond all of theirs."
    )
    header = ("area of applicability", "places", "Brier score", "error of ln(1 + deposits)")
    return [Table(header, rows, caption, numeric=frozenset({1, 2, 3}))]


def _ensemble_text(data: ReportData, task: str) -> str:
    """What the ensemble of a task, and each of its members, reach out of fold or on the test subset."""
    out_of_fold = data.out_of_fold.get(task)
    evaluation = out_of_fold or data.evaluations.get(task)
    ensemble = evaluation and evaluation.ensemble
    if not evaluation or not ensemble:
        return (
            f"How good the ensemble for {task_title(task)} is has not been evaluated: the job evaluate does so when"
            " prospect is in jobs."
        )
    metric, found = evaluation.metric, ensemble["metrics"][evaluation.metric]
    where = "Out of fold" if out_of_fold else "On the test subset"
    return (
        f"{where} the {metric_name(metric)} of the ensemble for {task_title(task)} is"
        f" {score(metric, found['value'])} ({interval(metric, found)}), that of its {len(ensemble['members'])} networks"
        f" alone {', '.join(_members(evaluation, ensemble['members']))}."
    )


def _members(evaluation: Evaluation, names: Sequence[str]) -> list[str]:
    metric = evaluation.metric
    return [
        f"{score(metric, model['metrics'][metric]['value'])} ({interval(metric, model['metrics'][metric])})"
        for model in evaluation.models
        if model["name"] in names
    ]
