"""The sections on labels and splits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import pandas as pd

from mineral_pipeline.learning import DROPPED, SUBSETS, task_title
from mineral_pipeline.reporting import label_figures, maps
from mineral_pipeline.reporting.formatting import percent
from mineral_pipeline.reporting.page import FigureItem, Section, Table
from mineral_pipeline.reporting.report_data import ReportData
from mineral_pipeline.reporting.style import SUBSET_COLOURS

CLASS_NAMES = {"0": "locations without deposits", "1": "locations with deposits", "all": "locations"}

REGIONS_SHOWN = 20
"""Regions listed before the fold."""

Summaries = Mapping[str, Mapping[str, Any]]
"""Summary of the samples by task."""


def labels_section(data: ReportData, land: gpd.GeoDataFrame | None) -> Section:
    """Known deposits, the targets made of them, and the locations that hold any."""
    title, anchor, labels = "Labels from known deposits", "labels", data.labels
    if labels is None or data.ledger is None:
        return Section(anchor, title, missing="the job label")
    positive, deposits = int((labels["n_deposits"] > 0).sum()), data.deposits
    text = "" if deposits is None else f"{len(deposits):,} known deposits are in use. "
    text += f"A chip is positive when one lies inside its footprint: {positive:,} of {len(labels):,} chips are."
    if positive:
        largest = int(labels["max_deposits"].max())
        text += f" Richness is ln(n + 1) over its largest value, which a chip with n = {largest:,} deposits reaches."
    text += describe_barren(labels)
    left_out = data.runs.get("label", {}).get("counts", {}).get("reasons", {})
    items: list[FigureItem | Table] = []
    if left_out:
        rows = [(str(reason), f"{count:,}") for reason, count in left_out.items()]
        items.append(Table(("left out", "rows"), rows, numeric=frozenset({1})))
    if positive:
        items += _distributions(labels, positive)
    footprints = data.ledger[["chip_id", "geometry"]]
    chips = gpd.GeoDataFrame(labels.merge(footprints, on="chip_id"), geometry="geometry", crs=data.ledger.crs)
    locations = maps.by_location(chips, "n_deposits")
    caption = "Locations (path/row) by whether any of their chips holds a known deposit."
    with_deposits = int((locations["n_deposits"] > 0).sum())
    alt = f"Map of {len(locations):,} locations, {with_deposits:,} of them with known deposits."
    items.append(FigureItem("locations", maps.locations_figure(locations, land), caption, alt))
    return Section(anchor, title, [text], items)


def describe_barren(labels: pd.DataFrame) -> str:
    """How many chips hold only explored places without a deposit; nothing where no such places were given."""
    barren = int(labels["is_barren"].sum()) if "is_barren" in labels else 0  # earlier versions have no such column
    if not barren:
        return ""
    return (
        f" {barren:,} of the others hold a place that was explored and is barren: these come first among the negatives,"
        " since the rest may hold deposits that nobody has found."
    )


def _distributions(labels: pd.DataFrame, positive: int) -> list[FigureItem]:
    figures = [
        FigureItem(
            "richness-distribution",
            label_figures.distribution_figure(labels),
            "How many known deposits the chips that hold any contain, and the richness that the regression learns.",
            f"Two histograms over {positive:,} positive chips: deposits per chip, and richness.",
        )
    ]
    if label_figures.commodity_columns(labels):
        caption = "Chips by what the known deposits inside them hold; each commodity has labels of its own."
        figure = label_figures.commodities_figure(labels)
        figures.append(FigureItem("commodities", figure, caption, "Bars: chips by commodity."))
    return figures


def split_section(data: ReportData, land: gpd.GeoDataFrame | None) -> Section:
    """The subsets of the split, and the leakage between them."""
    title, anchor = "Training, validation and test", "split"
    if not data.summaries:
        return Section(anchor, title, missing="the job curate")
    text = (
        "Models learn from the training subset, are stopped and chosen by the validation subset, and are judged once by"
        " the test subset. Leakage is measured on the ground itself: the area that two subsets share, and the deposits"
        " in it."
    )
    items: list[FigureItem | Table] = [locations_table(data.summaries), leakage_table(data.summaries)]
    items += [*regions_tables(data.summaries), *dropped_tables(data.summaries)]
    task = next(iter(data.samples))
    # A location belongs to the subset of its chips in use.
    order = {subset: number for number, subset in enumerate(reversed(SUBSET_COLOURS))}
    samples = data.samples[task].assign(order=lambda chips: chips["subset"].map(order))
    locations = maps.by_location(samples, "order")
    locations["subset"] = locations["order"].map({number: subset for subset, number in order.items()})
    caption = (
        f"The subsets, for the task {task_title(task)}. A location counts as dropped when none of its chips is in use."
    )
    counts = ", ".join(f"{subset} {count:,}" for subset, count in locations["subset"].value_counts().items())
    alt = f"Map of locations by subset: {counts}."
    items.append(FigureItem("split", maps.split_figure(locations, land), caption, alt))
    items += [
        _leakage_figure(task, table, land)
        for task, table in data.leakage.items()
        if (table["shared"] > 0)[table["subset"] == "test"].any()
    ]
    return Section(anchor, title, [text], items)


def _leakage_figure(task: str, locations: gpd.GeoDataFrame, land: gpd.GeoDataFrame | None) -> FigureItem:
    """Where test and training share ground; drawn only when they do."""
    test = locations[locations["subset"] == "test"]
    shares = int((test["shared"] > 0).sum())
    caption = (
        f"Where test and training share ground, for the task {task_title(task)}: {shares:,} of {len(test):,} test"
        f" locations lie partly under training footprints, the worst by {percent(test['shared'].max(), 0)} of its"
        " ground."
    )
    alt = f"Map of training and test locations; {shares:,} of {len(test):,} test locations overlap a training location."
    return FigureItem(f"leakage-{task}", maps.leakage_figure(locations, land), caption, alt)


def locations_table(summaries: Summaries) -> Table:
    """Locations by class, and chips, of every subset."""
    rows = []
    for task, summary in summaries.items():
        classes = dict.fromkeys(name for subset in SUBSETS for name in summary["locations"].get(subset, {}))
        for name in classes:
            counts = [summary["locations"].get(subset, {}).get(name, 0) for subset in SUBSETS]
            rows.append((f"{task_title(task)}: {CLASS_NAMES.get(name, name)}", *(f"{count:,}" for count in counts)))
        rows.append((f"{task_title(task)}: chips", *(f"{summary['samples'].get(subset, 0):,}" for subset in SUBSETS)))
    return Table(("", *SUBSETS), rows, numeric=frozenset({1, 2, 3}))


def regions_tables(summaries: Summaries) -> list[Table]:
    """For each task, the locations of every region by subset; none where an earlier version made the samples."""
    columns = (*SUBSETS, DROPPED)
    return [
        Table(
            (f"{task_title(task)}, by region", *columns),
            [
                (region or "in none", *(f"{counts.get(subset, 0):,}" for subset in columns))
                for region, counts in summary["regions"].items()
            ],
            numeric=frozenset({1, 2, 3, 4}),
            shown=REGIONS_SHOWN,
        )
        for task, summary in summaries.items()
        if "regions" in summary
    ]


def dropped_tables(summaries: Summaries) -> list[Table]:
    """How many chips each reason leaves out of each task; no table where nothing is."""
    dropped = {task: summary.get("dropped", {}) for task, summary in summaries.items()}
    reasons = dict.fromkeys(reason for counts in dropped.values() for reason in counts)
    rows = [(reason, *(f"{counts.get(reason, 0):,}" for counts in dropped.values())) for reason in reasons]
    header = ("chips left out", *map(task_title, dropped))
    return [Table(header, rows, numeric=frozenset(range(1, len(header))))] if rows else []


def leakage_table(summaries: Summaries) -> Table:
    """Ground and deposits that the test subset shares with training."""
    rows = [
        (task_title(task), percent(leakage["area"], 2), f"{leakage['deposits']:,}", percent(leakage["max_leakage"], 2))
        for task, leakage in ((task, summary["leakage"]) for task, summary in summaries.items())
    ]
    header = ("leakage", "test ground under training", "deposits in both", "ground allowed")
    return Table(header, rows, numeric=frozenset({1, 2, 3}))
