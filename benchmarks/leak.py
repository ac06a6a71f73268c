"""What the study's random split by location buckets leaks on the real catalogue: tables and chart of docs/science.md.

    MINERAL_PIPELINE_DATA=... python -m benchmarks.leak [--chart FILE] [--json FILE]

The study divides path/rows at random. Neighbouring paths overlap, the more the farther they are from the equator, so
that its test places lie under training images. Blocks with a guard are measured beside it, on the same scenes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.support.real_catalogue import data_folder, read_chips, read_deposits
from mineral_pipeline import curation, geometry, settings
from mineral_pipeline.learning import Task
from mineral_pipeline.settings import Curate

BANDS = (0, 15, 30, 45, 60, 75, 83)
"""Edges of the bands in degrees of latitude, north and south alike."""

SPLITS: Mapping[str, Mapping[str, object]] = {
    "buckets": {"split": "buckets", "richness_samples": "all", "validation_fraction": 0.005},
    "blocks": {"split": "blocks"},
}
"""The study's 80/20, of which nearly nothing is held out for validation; and ours with its defaults."""

COLOURS = {"area": "#b04a12", "places": "#52728c"}


@dataclass(frozen=True)
class Row:
    """Test places of one band of latitude."""

    band: str
    """Degrees, north and south."""
    places: int
    """How many."""
    touched: float
    """Share of them that lie partly under training footprints."""
    area: float
    """Share of their ground that does."""


@dataclass(frozen=True)
class Split:
    """What one split gives for one task."""

    split: str
    """``buckets`` or ``blocks``."""
    task: str
    """``presence`` or ``richness``."""
    places: dict[str, int]
    """Places of every side."""
    dropped: float
    """Share of the places over land that the guard drops."""
    area: float
    """Share of the test ground under training footprints."""
    touched: float
    """Share of the test places of which some is."""
    deposits: int
    """Known deposits inside footprints of both sides."""
    wasserstein: float | None
    """Of the labels of training and test, in the regression."""
    rows: list[Row]
    """By latitude, from the equator to the poles."""


def measure(folder: Path, seed: int = 0) -> list[Split]:
    """Divide the real catalogue both ways for both tasks."""
    deposits = read_deposits(folder)
    chips = read_chips(folder, deposits)
    places = curation.find_locations(chips)
    on_land = curation.is_on_land(places, curation.read_land(str(folder / "land/ne_50m_land.geojson")))
    chips = curation.drop_locations(chips, places["location_id"][~on_land], "over the ocean")
    tasks: tuple[Task, ...] = ("presence", "richness")
    wanted = {name: Curate.model_validate({"land": "-", **changes}) for name, changes in SPLITS.items()}
    return [_measure(chips, deposits, name, task, wanted[name], seed) for name in SPLITS for task in tasks]


def _measure(
    chips: gpd.GeoDataFrame, deposits: np.ndarray, name: str, task: Task, wanted: settings.Curate, seed: int
) -> Split:
    samples = curation.select(chips, curation.make_split(chips, wanted, seed), task, wanted, seed)
    overlap = curation.SplitLeakage(samples)
    leak, places = overlap.leak(deposits, wanted.max_leakage), overlap.places()
    summary = curation.summarise(samples, task, wanted, leak)
    candidates = samples[~samples["drop_reason"].isin(["over the ocean", "no known deposit", "mixed labels in its place"])]
    guarded = samples.loc[samples["drop_reason"] == "shares ground with another side", "location_id"].nunique()
    return Split(
        name, task, {side: int(n) for side, n in places["subset"].value_counts().items()},
        guarded / candidates["location_id"].nunique(), leak["area"], leak["places"], leak["deposits"],
        summary["distance"]["wasserstein"]["train-test"] if task == "richness" else None,
        by_latitude(places[places["subset"] == "test"]),
    )  # fmt: skip


def by_latitude(test: gpd.GeoDataFrame) -> list[Row]:
    """Test places (``shared`` and outline) in bands; areas are those of the outlines on the sphere."""
    corners = geometry.vertex_array(test.geometry)
    centres, _ = geometry.enclosing_circles(corners)
    latitude, ground = np.abs(geometry.lonlat(centres)[:, 1]), geometry.areas(corners)
    shared, rows = test["shared"].to_numpy(), []
    for low, high in pairwise(BANDS):
        inside = (latitude >= low) & (latitude < high)
        if inside.any():
            share = float((shared * ground)[inside].sum() / ground[inside].sum())
            rows.append(Row(f"{low}-{high}", int(inside.sum()), float((shared[inside] > 0).mean()), share))
    return rows


def table(splits: Sequence[Split]) -> str:
    """Markdown: the splits, then the study's by latitude."""
    lines = [
        "| split | task | train / validation / test places | guard drops | test ground under training"
        " | test places touched | deposits in both | Wasserstein |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for found in splits:
        places = " / ".join(f"{found.places[side]:,}" for side in curation.SUBSETS)
        distance = "" if found.wasserstein is None else f"{found.wasserstein:.4f}"
        lines.append(
            f"| `{found.split}` | {found.task} | {places} | {found.dropped:.1%} | {found.area:.1%} |"
            f" {found.touched:.1%} | {found.deposits:,} | {distance} |"
        )
    lines += ["", "| latitude, N and S | test places | touched | ground under training |", "|---|---|---|---|"]
    lines += [f"| {r.band}° | {r.places:,} | {r.touched:.1%} | {r.area:.1%} |" for r in splits[0].rows]
    return "\n".join(lines)


def chart(splits: Sequence[Split]) -> Figure:
    """Bars by latitude for presence and the study's split; what blocks leak stands beside the axis."""
    buckets, blocks = (next(s for s in splits if s.split == name and s.task == "presence") for name in SPLITS)
    figure = Figure(figsize=(6.8, 3.4), dpi=200, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes, at = figure.add_subplot(), np.arange(len(buckets.rows))
    bars = (
        (-0.2, [row.touched for row in buckets.rows], COLOURS["places"], "test places that overlap a training place"),
        (0.2, [row.area for row in buckets.rows], COLOURS["area"], "test ground under training images"),
    )
    for shift, shares, colour, label in bars:
        drawn = axes.bar(at + shift, np.multiply(shares, 100), 0.38, color=colour, label=label)
        axes.bar_label(drawn, fmt="%.0f", fontsize=7.5, color="#23282d", padding=1)
    axes.set_xticks(at, [f"{row.band}°\n{row.places:,} places" for row in buckets.rows], fontsize=7.5)
    axes.set(ylim=(0, 128), yticks=range(0, 101, 25))
    axes.yaxis.set_major_formatter("{x:.0f} %")
    axes.tick_params(length=0, labelsize=7.5, colors="#68717a")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="y", color="#d5d9dc", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_title("What the study's split by buckets leaks, by latitude", loc="left", fontsize=9, fontweight="bold")
    axes.set_xlabel(
        f"latitude, north and south (with blocks: {100 * blocks.area:g} % everywhere)", fontsize=8.5, color="#68717a"
    )
    axes.legend(frameon=False, fontsize=7.5, loc="upper left", ncols=2)
    return figure


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.leak")
    parser.add_argument("--chart", type=Path, help="draw the chart there (PNG)")
    parser.add_argument("--json", type=Path, help="write the result there")
    options = parser.parse_args()
    splits = measure(data_folder())
    print(table(splits))
    if options.chart:
        chart(splits).savefig(options.chart, metadata={"Software": None})
    if options.json:
        options.json.write_text(json.dumps([asdict(found) for found in splits], indent=1))


if __name__ == "__main__":
    main()
