"""What the study's random split by locations leaks on the real catalogue: tables and chart of docs/science.md.

    MINERAL_PIPELINE_DATA=... python -m benchmarks.leakage [--chart FILE] [--json FILE] [--check] [--small]

The study divides path/rows at random. Neighbouring paths overlap, the more the farther they are from the equator, so
that its test locations lie under training images. Blocks with a buffer are measured beside it, on the same scenes.
``--small`` is a smoke run on a simulated catalogue.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.support.pipeline_steps import OCEAN, drop_ocean, make_chips, make_land
from benchmarks.support.real_catalogue import data_folder, read_chips, read_deposits
from mineral_pipeline import curation, geometry
from mineral_pipeline.curation.sampling import IN_BUFFER
from mineral_pipeline.curation.sampling_target import BARREN, MIXED
from mineral_pipeline.learning import SUBSETS, TASKS, Task
from mineral_pipeline.settings import Curate

BAND_EDGES = (0, 15, 30, 45, 60, 75, 83)
"""Edges of the bands in degrees of latitude, north and south alike."""

CONFIGS: Mapping[str, Mapping[str, object]] = {
    "buckets": {"split": "buckets", "richness_samples": "all", "validation_fraction": 0.005},
    "blocks": {"split": "blocks"},
}
"""The study's 80/20, of which nearly nothing is held out for validation; and ours with its defaults."""

SMALL_SCENES, SMALL_DEPOSITS = 3000, 20_000
"""Size of the simulated catalogue of a small run."""

SMALL_CHANGES: Mapping[str, object] = {"block_size_km": 400, "validation_fraction": 0.2}
"""Settings of a small run, whose catalogue covers one continent."""

SEED = 0
COLOURS = {"area": "#b04a12", "locations": "#52728c"}


@dataclass(frozen=True)
class LatitudeBand:
    """Test locations of one band of latitude."""

    band: str
    """Degrees, north and south."""
    locations: int
    """Number of test locations."""
    touched: float
    """Share of them that lie partly under training footprints."""
    area: float
    """Share of their ground that does."""


@dataclass(frozen=True)
class SplitResult:
    """What one split gives for one task."""

    split: str
    """``buckets`` or ``blocks``."""
    task: str
    """``presence`` or ``richness``."""
    locations: dict[str, int]
    """Locations of every subset."""
    dropped: float
    """Share of the locations over land that the buffer drops."""
    area: float
    """Share of the test ground under training footprints."""
    touched: float
    """Share of the test locations of which some is."""
    deposits: int
    """Known deposits inside footprints of both training and test."""
    wasserstein: float | None
    """Wasserstein distance between the labels of training and test, in the regression."""
    bands: list[LatitudeBand]
    """By latitude, from the equator to the poles."""


def measure(folder: Path) -> list[SplitResult]:
    """Split the real catalogue both ways for both tasks."""
    deposits = read_deposits(folder)
    land = curation.read_land(str(folder / "land/ne_50m_land.geojson"))
    return _measure_all(read_chips(folder, deposits), deposits, land, {})


def measure_small() -> list[SplitResult]:
    """Split a small simulated catalogue both ways for both tasks."""
    chips, deposits = make_chips(SMALL_SCENES, SMALL_DEPOSITS)
    return _measure_all(chips, deposits, make_land(), SMALL_CHANGES)


def _measure_all(
    chips: gpd.GeoDataFrame, deposits: np.ndarray, land: gpd.GeoDataFrame, changes: Mapping[str, object]
) -> list[SplitResult]:
    chips = drop_ocean(chips, land)
    configs = [Curate.model_validate({"land": "-", **config, **changes}) for config in CONFIGS.values()]
    return [_measure(chips, deposits, task, config) for config in configs for task in TASKS]


def _measure(chips: gpd.GeoDataFrame, deposits: np.ndarray, task: Task, config: Curate) -> SplitResult:
    samples = curation.select(chips, curation.make_split(chips, config, SEED), task, config, SEED)
    split_leakage = curation.SplitLeakage(samples)
    leakage, locations = split_leakage.measure(deposits, config.max_leakage), split_leakage.locations()
    summary = curation.summarise(samples, task, config, leakage)
    candidates = samples[~samples["drop_reason"].isin([OCEAN, BARREN, MIXED])]
    in_buffer = samples.loc[samples["drop_reason"] == IN_BUFFER, "location_id"].nunique()
    return SplitResult(
        config.split, task, {subset: int(n) for subset, n in locations["subset"].value_counts().items()},
        in_buffer / candidates["location_id"].nunique(), leakage["area"], leakage["locations"], leakage["deposits"],
        summary["distance"]["wasserstein"]["train-test"] if task == "richness" else None,
        by_latitude(locations[locations["subset"] == "test"]),
    )  # fmt: skip


def by_latitude(test: gpd.GeoDataFrame) -> list[LatitudeBand]:
    """Test locations (``shared`` and outline) in bands; areas are those of the outlines on the sphere."""
    corners = geometry.vertex_array(test.geometry)
    centres, _ = geometry.enclosing_circles(corners)
    latitude, ground = np.abs(geometry.lonlat(centres)[:, 1]), geometry.areas(corners)
    shared, bands = test["shared"].to_numpy(), []
    for low, high in pairwise(BAND_EDGES):
        inside = (latitude >= low) & (latitude < high)
        if inside.any():
            share = float((shared * ground)[inside].sum() / ground[inside].sum())
            touched = float((shared[inside] > 0).mean())
            bands.append(LatitudeBand(f"{low}-{high}", int(inside.sum()), touched, share))
    return bands


def table(results: Sequence[SplitResult]) -> str:
    """Markdown: the splits, then the study's by latitude."""
    lines = [
        "| split | task | train / validation / test locations | buffer drops | test ground under training"
        " | test locations touched | deposits in both | Wasserstein |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for found in results:
        locations = " / ".join(f"{found.locations[subset]:,}" for subset in SUBSETS)
        distance = "" if found.wasserstein is None else f"{found.wasserstein:.4f}"
        lines.append(
            f"| `{found.split}` | {found.task} | {locations} | {found.dropped:.1%} | {found.area:.1%} |"
            f" {found.touched:.1%} | {found.deposits:,} | {distance} |"
        )
    lines += ["", "| latitude, N and S | test locations | touched | ground under training |", "|---|---|---|---|"]
    lines += [f"| {b.band}° | {b.locations:,} | {b.touched:.1%} | {b.area:.1%} |" for b in results[0].bands]
    return "\n".join(lines)


def chart(results: Sequence[SplitResult]) -> Figure:
    """Bars by latitude for presence and the study's split; what blocks leak stands beside the axis."""
    buckets, blocks = (next(r for r in results if r.split == name and r.task == "presence") for name in CONFIGS)
    figure = Figure(figsize=(6.8, 3.4), dpi=200, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes, at = figure.add_subplot(), np.arange(len(buckets.bands))
    touched, area = [band.touched for band in buckets.bands], [band.area for band in buckets.bands]
    bars = (
        (-0.2, touched, COLOURS["locations"], "test locations that overlap a training location"),
        (0.2, area, COLOURS["area"], "test ground under training images"),
    )
    for shift, shares, colour, label in bars:
        drawn = axes.bar(at + shift, np.multiply(shares, 100), 0.38, color=colour, label=label)
        axes.bar_label(drawn, fmt="%.0f", fontsize=7.5, color="#23282d", padding=1)
    axes.set_xticks(at, [f"{band.band}°\n{band.locations:,} locations" for band in buckets.bands], fontsize=7.5)
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


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.leakage")
    parser.add_argument("--chart", type=Path, help="draw the chart there (PNG)")
    parser.add_argument("--json", type=Path, help="write the result there")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a split by blocks leaks")
    parser.add_argument("--small", action="store_true", help="a smoke run on a simulated catalogue")
    options = parser.parse_args(arguments)
    results = measure_small() if options.small else measure(data_folder())
    print(table(results))
    if options.chart:
        chart(results).savefig(options.chart, metadata={"Software": None})
    if options.json:
        options.json.write_text(json.dumps([asdict(found) for found in results], indent=1))
    leaks = any(found.area > 0 or found.deposits for found in results if found.split == "blocks")
    return int(options.check and leaks)


if __name__ == "__main__":
    sys.exit(main())
