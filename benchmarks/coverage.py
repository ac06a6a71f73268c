"""Do 95 % intervals hold what they promise? Predictors that know nothing, on the real land: tables of docs/science.md.

    MINERAL_PIPELINE_DATA=... python -m benchmarks.coverage [--split NAME] [--check] [--small]
        [--chart FILE] [--json FILE]

A predictor is a Gaussian random field with exponential covariance, whose correlation is 0.05 at a given distance; its
probability is the normal distribution function of the field. On the test subset of the real catalogue with its true
labels it knows nothing: at most 5 % of its intervals should exclude chance. The rival is the interval of before, the
percentiles of resampled locations. Fields that are correlated with simulated labels tell what the intervals of a
predictor with skill are worth. ``--check`` asks for at most 7 % on each split at 300 and at 1,000 km, which is the size
of a block; under ``buckets``, where each location is a group, this does not hold.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.leakage import SMALL_CHANGES, SMALL_DEPOSITS, SMALL_SCENES
from benchmarks.support.null_trials import Trial, draw_trials
from benchmarks.support.pipeline_steps import drop_ocean, make_chips, make_land
from benchmarks.support.real_catalogue import data_folder, read_chips, read_deposits
from mineral_pipeline import curation
from mineral_pipeline.learning import TASKS
from mineral_pipeline.settings import Curate

DISTANCES_KM = (300, 1000, 3000)
"""Distances at which the correlation of a predictor is 0.05."""

CHECKED_KM = (300, 1000)
MAX_RATE = 0.07
"""Largest share of the intervals at `CHECKED_KM` that may exclude chance."""

SPLIT_SEEDS = {"blocks": range(8), "buckets": range(4)}
"""Seeds of each kind of split."""

TRIALS = {"blocks": 500, "buckets": 300}
"""Predictors for each split and distance."""

SMALL_TRIALS = 3
COLOURS = {"before": "#8fa3b3", "ours": "#b04a12"}


def measure(folder: Path, split: str) -> pd.DataFrame:
    """All trials on splits of the real catalogue."""
    land = curation.read_land(str(folder / "land/ne_50m_land.geojson"))
    chips = drop_ocean(read_chips(folder, read_deposits(folder)), land)
    return _measure_all(chips, SPLIT_SEEDS[split], TRIALS[split], {"split": split})


def measure_small() -> pd.DataFrame:
    """A few trials on a small simulated catalogue."""
    chips, _ = make_chips(SMALL_SCENES, SMALL_DEPOSITS)
    return _measure_all(drop_ocean(chips, make_land()), range(1), SMALL_TRIALS, SMALL_CHANGES)


def _measure_all(
    chips: gpd.GeoDataFrame, seeds: Sequence[int], trials: int, changes: Mapping[str, object]
) -> pd.DataFrame:
    config, found = Curate.model_validate({"land": "-", **changes}), list[Trial]()
    for seed in seeds:
        assignment = curation.make_split(chips, config, seed)
        for task in TASKS:
            samples = curation.select(chips, assignment, task, config, seed)
            held_out = pd.DataFrame(samples[samples["subset"].isin(["validation", "test"])].drop(columns="geometry"))
            for distance in DISTANCES_KM:
                found += draw_trials(task, held_out, distance, trials, seed)
    return pd.DataFrame([asdict(trial) for trial in found])


def summarise(trials: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Shares and mean widths over the trials of each of ``by``; nan where a column has no trials."""
    summary = trials.groupby(list(by), sort=False).mean(numeric_only=True).drop(columns="seed", errors="ignore")
    return summary.assign(trials=trials.groupby(list(by), sort=False).size()).reset_index()


def table(trials: pd.DataFrame) -> str:
    """Markdown: rates of predictors that know nothing, the same by split, p-values, and predictors with skill."""
    null, skilled = trials[trials["kind"] == "null"], trials[trials["kind"] == "skill"]
    lines = [
        "| metric | correlation 0.05 at | trials | exclude chance, before | ours | mean width, before | ours"
        " | p-values <= 0.05 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in _records(null):
        n, rates = one["trials"], [_share(one[name], one["trials"]) for name in ("before_excludes", "excludes")]
        lines.append(
            f"| {one['metric']} | {one['distance_km']:,} km | {n:,} | {' | '.join(rates)} |"
            f" {one['before_width']:.3f} | {one['width']:.3f} | {one['significant']:.1%} |"
        )
    lines += ["", "| metric | split | groups | " + " | ".join(f"{km:,} km" for km in DISTANCES_KM) + " |"]
    lines.append("|---" * (3 + len(DISTANCES_KM)) + "|")
    for (metric, seed), rows in null.groupby(["metric", "seed"], sort=False):
        by_distance = rows.groupby("distance_km")["excludes"].mean()
        cells = " | ".join(f"{by_distance[km]:.1%}" for km in DISTANCES_KM)
        lines.append(f"| {metric} | {seed} | {rows['groups'].iloc[0]} | {cells} |")
    lines += ["", "| with skill | correlation 0.05 at | hold the truth, before | ours | exclude chance, ours |"]
    lines.append("|---" * 5 + "|")
    lines += [
        f"| {one['metric']} {one['truth']:.3f} | {one['distance_km']:,} km | {one['before_covers']:.1%} |"
        f" {one['covers']:.1%} | {one['excludes']:.1%} |"
        for one in _records(skilled)
    ]
    return "\n".join(lines)


def _records(trials: pd.DataFrame) -> list[dict[str, Any]]:
    """One row per metric and distance."""
    return [dict(row) for _, row in summarise(trials, ["metric", "distance_km"]).iterrows()]


def _share(rate: float, trials: int) -> str:
    """A share with its binomial standard error."""
    return f"{100 * rate:.1f} ± {100 * np.sqrt(rate * (1 - rate) / trials):.1f} %"


def chart(trials: pd.DataFrame) -> Figure:
    """Bars: how often the intervals of a predictor that knows nothing exclude chance, by metric and distance."""
    found = summarise(trials[trials["kind"] == "null"], ["metric", "distance_km"])
    figure = Figure(figsize=(6.8, 3.2), dpi=200, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes, at = figure.add_subplot(), np.arange(len(found))
    bars = (
        (-0.2, found["before_excludes"], COLOURS["before"], "locations resampled, percentiles"),
        (0.2, found["excludes"], COLOURS["ours"], "blocks left out in turn, with neighbours"),
    )
    for shift, rates, colour, label in bars:
        drawn = axes.bar(at + shift, 100 * rates, 0.38, color=colour, label=label)
        axes.bar_label(drawn, fmt="%.0f", fontsize=7.5, color="#23282d", padding=1)
    axes.axhline(5, color="#23282d", linewidth=0.8, linestyle=":")
    names = [f"{metric}\n{km:,} km" for metric, km in zip(found["metric"], found["distance_km"], strict=True)]
    axes.set_xticks(at, names, fontsize=7.5)
    axes.yaxis.set_major_formatter("{x:.0f} %")
    axes.tick_params(length=0, labelsize=7.5, colors="#68717a")
    axes.spines[["top", "right", "left"]].set_visible(False)
    title = "95 % intervals that exclude chance, of predictors that know nothing"
    axes.set_title(title, loc="left", fontsize=9, fontweight="bold")
    axes.set_xlabel(
        "metric, and the distance at which the predictor's correlation is 0.05", fontsize=8.5, color="#68717a"
    )
    axes.legend(frameon=False, fontsize=7.5)
    return figure


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage")
    parser.add_argument("--split", choices=list(TRIALS), default="blocks", help="how the catalogue is split")
    parser.add_argument("--chart", type=Path, help="draw the chart there (PNG)")
    parser.add_argument("--json", type=Path, help="write the result there")
    parser.add_argument("--check", action="store_true", help="exit with 1 when too many intervals exclude chance")
    parser.add_argument("--small", action="store_true", help="a smoke run on a simulated catalogue")
    options = parser.parse_args(arguments)
    trials = measure_small() if options.small else measure(data_folder(), options.split)
    print(table(trials))
    if options.chart:
        chart(trials).savefig(options.chart, metadata={"Software": None})
    if options.json:
        rows = summarise(trials, ["kind", "metric", "distance_km", "seed"])
        options.json.write_text(json.dumps(json.loads(rows.to_json(orient="records")), indent=1))
    checked = trials[(trials["kind"] == "null") & trials["distance_km"].isin(CHECKED_KM)]
    rates = summarise(checked, ["metric", "distance_km", "seed"])["excludes"]
    return int(options.check and bool((rates > MAX_RATE).any()))


if __name__ == "__main__":
    sys.exit(main())
