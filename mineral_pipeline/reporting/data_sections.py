"""The sections on scenes, labels and splits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import pandas as pd

from mineral_pipeline.reporting import images, labels, maps
from mineral_pipeline.reporting.formatting import percent, size
from mineral_pipeline.reporting.images import Example
from mineral_pipeline.reporting.page import FigureItem, Section, Table
from mineral_pipeline.reporting.report_data import ReportData
from mineral_pipeline.reporting.style import SUBSET_COLOURS
from mineral_pipeline.workspace.ledger import FAILED, State

STATES = {
    State.OK: "became a chip",
    State.MISSING: "not in the archive",
    State.CORRUPT: "not the promised raster or metadata",
    State.REJECTED: "readable but unusable",
    State.UNREACHABLE: "transient errors outlasted the retries",
}
KEPT = ("train", "validation", "test")
CLASSES = {"0": "places without deposits", "1": "places with deposits", "all": "places"}

Summaries = Mapping[str, Mapping[str, Any]]


def scene_section(example: Example | None, why_not: str) -> Section:
    """An example scene and the downsampling methods."""
    title, anchor = "What the networks see", "scene"
    if example is None:
        return Section(anchor, title, missing=why_not)
    height, width = example.images[example.method].shape
    text = (
        f"A scene in band {example.band.removeprefix('B')}. The black around the image is fill: a scene lies tilted in"
        " its raster, and only what is inside the footprint counts. In band 7 of the Thematic Mapper (2.09 to 2.35 µm)"
        " hydrothermally altered rock shows."
    )
    outline = FigureItem(
        "example-scene",
        images.example_figure(example),
        f"{example.product_id} at {width} × {height} pixels ({example.method}), with its footprint"
        f"{' and the known deposits inside it' if len(example.deposits) else ''}. Brightness is stretched from the 2nd"
        " to the 98th percentile.",
        f"Grey satellite image on black, its footprint outlined; {len(example.deposits):,} known deposits are marked.",
        narrow=True,
    )
    if example.edge <= max(height, width):  # as small as a chip already: all methods leave it alone
        return Section(anchor, title, [text], [outline])
    names = list(example.images)
    methods = FigureItem(
        "downsampling-methods",
        images.methods_figure(example),
        f"From {example.edge:,} to {max(height, width):,} pixels by {', '.join(names[:-1])} and {names[-1]}; below, the"
        " middle enlarged. Sampling keeps single pixels and their noise, rescale averages areas, resize filters.",
        f"The same scene {len(names)} times, once per downsampling method, and its middle enlarged below each.",
    )
    return Section(anchor, title, [text], [outline, methods])


def ledger_section(artefacts: ReportData) -> Section:
    """What became of the scenes."""
    title, anchor, ledger = "What became of the scenes", "acquisition", artefacts.ledger
    if ledger is None:
        return Section(anchor, title, missing="the job acquire")
    counts = ledger["status"].value_counts()
    failed = int(sum(counts.get(str(state), 0) for state in FAILED))
    rows = [
        (str(state), f"{counts[str(state)]:,}", percent(counts[str(state)] / len(ledger)), meaning)
        for state, meaning in STATES.items()
        if str(state) in counts
    ]
    of_all = f" of {artefacts.catalogue:,}" if artefacts.catalogue not in (None, len(ledger)) else ""
    text = f"{len(ledger):,}{of_all} scenes were asked for; {failed:,} failed."
    text += _averages(ledger[ledger["status"] == str(State.OK)])
    items = [Table(("state", "scenes", "share", "meaning"), rows, numeric=frozenset({1, 2}))]
    return Section(anchor, title, [text], items + _reasons(ledger))


def _averages(fetched: gpd.GeoDataFrame) -> str:
    if fetched.empty:
        return ""
    from_image = (fetched["footprint_source"] == "image").mean()
    return (
        f" A scene took {fetched['seconds'].mean():.2g} s from request to chip and {size(fetched['bytes'].mean())} of"
        f" download on average. {percent(from_image, 0)} of the footprints come from the image itself, which fills"
        f" {percent(fetched['valid_fraction'].mean(), 0)} of its raster."
    )


def _reasons(ledger: gpd.GeoDataFrame) -> list[Table]:
    """Why scenes did not end ok; reasons that differ only in the product are one."""
    bad = ledger[ledger["reason"] != ""]
    if bad.empty:
        return []
    reasons = [reason.replace(product, "…") for reason, product in zip(bad["reason"], bad["product_id"], strict=True)]
    rows = [(str(reason), f"{count:,}") for reason, count in pd.Series(reasons).value_counts().head(20).items()]
    return [Table(("reason", "scenes"), rows, numeric=frozenset({1}), shown=5)]


def labels_section(artefacts: ReportData, land: gpd.GeoDataFrame | None) -> Section:
    """Known deposits, the targets made of them, and where they are."""
    title, anchor, found = "Labels from known deposits", "labels", artefacts.labels
    if found is None or artefacts.ledger is None:
        return Section(anchor, title, missing="the job label")
    positive, deposits = int((found["n_deposits"] > 0).sum()), artefacts.deposits
    text = "" if deposits is None else f"{len(deposits):,} known deposits are in use. "
    text += f"A chip is positive when one lies inside its footprint: {positive:,} of {len(found):,} chips are."
    if positive:
        most = int(found["max_deposits"].max())
        text += f" Richness is ln(n + 1) over its largest value, which a chip with n = {most:,} deposits reaches."
    left_out = artefacts.runs.get("label", {}).get("counts", {}).get("reasons", {})
    items: list[FigureItem | Table] = []
    if left_out:
        rows = [(str(reason), f"{count:,}") for reason, count in left_out.items()]
        items.append(Table(("left out", "rows"), rows, numeric=frozenset({1})))
    if positive:
        items += _distributions(found, positive)
    footprints = artefacts.ledger[["chip", "geometry"]]
    chips = gpd.GeoDataFrame(found.merge(footprints, on="chip"), geometry="geometry", crs=artefacts.ledger.crs)
    places = maps.by_location(chips, "n_deposits")
    caption = "Places (path/row) by whether any of their chips holds a known deposit."
    alt = f"Map of {len(places):,} places, {int((places['n_deposits'] > 0).sum()):,} of them with known deposits."
    items.append(FigureItem("places", maps.locations_figure(places, land), caption, alt))
    return Section(anchor, title, [text], items)


def _distributions(found: pd.DataFrame, positive: int) -> list[FigureItem]:
    plates = [
        FigureItem(
            "richness-distribution",
            labels.distribution_figure(found),
            "How many known deposits the chips that hold any contain, and the richness that the regression learns.",
            f"Two histograms over {positive:,} positive chips: deposits per chip, and richness.",
        )
    ]
    if labels.commodity_columns(found):
        caption = "Chips by what the known deposits inside them hold; each commodity has labels of its own."
        plates.append(FigureItem("commodities", labels.commodities_figure(found), caption, "Bars: chips by commodity."))
    return plates


def split_section(artefacts: ReportData, land: gpd.GeoDataFrame | None) -> Section:
    """The sides, and what leaks between them."""
    title, anchor = "Training, validation and test", "split"
    if not artefacts.summaries:
        return Section(anchor, title, missing="the job curate")
    text = (
        "Models learn from the training side, are stopped and chosen by the validation side, and are judged once by the"
        " test side. The leak is measured on the ground itself: what two sides share of it, and of the deposits in it."
    )
    items: list[FigureItem | Table] = [places_table(artefacts.summaries), leak_table(artefacts.summaries)]
    task = next(iter(artefacts.samples))
    order = {
        side: number for number, side in enumerate(reversed(SUBSET_COLOURS))
    }  # a place counts by its most used chip
    places = maps.by_location(artefacts.samples[task].assign(order=lambda chips: chips["subset"].map(order)), "order")
    places["subset"] = places["order"].map({number: side for side, number in order.items()})
    caption = f"The sides, for the task {task}. A place counts as dropped when none of its chips is in use."
    counts = ", ".join(f"{side} {count:,}" for side, count in places["subset"].value_counts().items())
    items.append(FigureItem("split", maps.split_figure(places, land), caption, f"Map of places by side: {counts}."))
    items += [
        _leak_plate(task, table, land)
        for task, table in artefacts.leaks.items()
        if (table["shared"] > 0)[table["subset"] == "test"].any()
    ]
    return Section(anchor, title, [text], items)


def _leak_plate(task: str, places: gpd.GeoDataFrame, land: gpd.GeoDataFrame | None) -> FigureItem:
    """Where sides share ground; only drawn when they do."""
    test = places[places["subset"] == "test"]
    under = int((test["shared"] > 0).sum())
    caption = (
        f"Where test and training share ground, for the task {task}: {under:,} of {len(test):,} test places lie partly"
        f" under training footprints, the worst by {percent(test['shared'].max(), 0)} of its ground."
    )
    alt = f"Map of training and test places; {under:,} of {len(test):,} test places overlap a training place."
    return FigureItem(f"leak-{task}", maps.leak_figure(places, land), caption, alt)


def places_table(summaries: Summaries) -> Table:
    """Places by class and samples of every side."""
    rows = []
    for task, summary in summaries.items():
        classes = dict.fromkeys(name for side in KEPT for name in summary["places"].get(side, {}))
        for name in classes:
            counts = [summary["places"].get(side, {}).get(name, 0) for side in KEPT]
            rows.append((f"{task}: {CLASSES.get(name, name)}", *(f"{count:,}" for count in counts)))
        rows.append((f"{task}: chips", *(f"{summary['samples'].get(side, 0):,}" for side in KEPT)))
    return Table(("", *KEPT), rows, numeric=frozenset({1, 2, 3}))


def leak_table(summaries: Summaries) -> Table:
    """What the test side shares with training."""
    rows = [
        (task, percent(leak["area"], 2), f"{leak['deposits']:,}", percent(leak["max_leakage"], 2))
        for task, leak in ((task, summary["leak"]) for task, summary in summaries.items())
    ]
    header = ("leak", "test ground under training", "deposits in both", "ground allowed")
    return Table(header, rows, numeric=frozenset({1, 2, 3}))
