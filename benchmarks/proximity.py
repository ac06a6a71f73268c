"""Does proximity to known deposits find hidden ones sooner than a distance alone? On the real catalogue.

    MINERAL_PIPELINE_DATA=... python -m benchmarks.proximity [--draws N] [--check] [--json FILE] [--small]

The deposits of three in ten places that hold some are hidden, and all places over land without a known deposit are
ranked by `mineral_pipeline.prospecting.fit_proximity`, by the distance to the nearest known deposit, by that to the
tenth (the density of records), and by chance. The figure is the area under the success-rate curve up to a tenth of the
ground; the intervals of the differences are those of Student's t over draws, which hide other deposits of the same
Earth. `--check` fails unless proximity is ahead of every rival in the mean.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from benchmarks.leakage import SMALL_DEPOSITS, SMALL_SCENES
from benchmarks.support.intervals import half_width
from benchmarks.support.pipeline_steps import drop_ocean, make_chips, make_land
from benchmarks.support.real_catalogue import data_folder, read_chips, read_deposits
from mineral_pipeline import curation, labelling, prospecting
from mineral_pipeline.evaluation import success
from mineral_pipeline.geometry.polygon_area import lonlat_areas

OURS, CHANCE = "proximity", "chance"
RIVALS = {"distance to the nearest known deposit": 0, "density of known deposits": 2}
"""Columns of the features that are rivals by themselves."""

HIDDEN = 0.3
"""Share of the places with known deposits whose deposits are hidden."""


def measure(chips: gpd.GeoDataFrame, deposits: np.ndarray, draws: int) -> pd.DataFrame:
    """One row per draw and method: ``success``, beside the number of ``candidates`` and of those ``sought``."""
    outlines = curation.find_locations(chips, "outline")
    places = shapely.get_coordinates(curation.find_locations(chips).geometry)
    inside = labelling.membership(outlines, deposits, invalid="warn")
    rich, area = np.flatnonzero(np.diff(inside.indptr)), lonlat_areas(outlines.geometry.to_numpy())
    rows = []
    for draw in range(draws):
        chosen = np.random.default_rng(draw).choice(rich, round(HIDDEN * len(rich)), replace=False)
        known = np.ones(len(deposits), bool)
        known[inside[chosen].indices] = False
        left = inside[:, known]
        holds = np.diff(left.indptr) > 0
        features = prospecting.proximity_features(places, left, deposits[known])
        scores = {OURS: prospecting.fit_proximity(features, holds)(features), CHANCE: np.zeros(len(holds))}
        scores |= {name: -features[:, column] for name, column in RIVALS.items()}
        sought = np.isin(np.flatnonzero(~holds), rich)
        for name, score in scores.items():
            found = success.measure_success(score[~holds], sought, area[~holds])[success.AREA]
            facts = {"candidates": int((~holds).sum()), "sought": int(sought.sum())}
            rows.append({"draw": draw, "method": name, "success": found, **facts})
    return pd.DataFrame(rows)


def summarise(found: pd.DataFrame) -> pd.DataFrame:
    """By method: mean success, and how much proximity is ahead of it, with ``low`` and ``high``."""
    table, rows = found.pivot(index="draw", columns="method", values="success"), []
    for method in dict.fromkeys(found["method"]):
        ahead = table[OURS] - table[method]
        half = half_width(ahead.std(), len(ahead))
        rows.append((method, table[method].mean(), ahead.mean(), ahead.mean() - half, ahead.mean() + half))
    return pd.DataFrame(rows, columns=["method", "success", "ahead", "low", "high"])


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.proximity")
    parser.add_argument("--draws", type=int, default=10, help="times that deposits are hidden, at least 2 (default 10)")
    parser.add_argument("--json", type=Path, help="write the rows there")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a rival is ahead")
    parser.add_argument("--small", action="store_true", help="three draws on a small simulated catalogue")
    options = parser.parse_args(arguments)
    if options.small:
        (chips, deposits), land, draws = make_chips(SMALL_SCENES, SMALL_DEPOSITS), make_land(), 3
    else:
        deposits = read_deposits(folder := data_folder())
        chips, draws = read_chips(folder, deposits), options.draws
        land = curation.read_land(str(folder / "land/ne_50m_land.geojson"))
    found = measure(drop_ocean(chips, land), deposits, draws)
    summary = summarise(found)
    means = found[["candidates", "sought"]].mean()
    print(f"{draws} draws: {means['candidates']:,.0f} candidates, of which {means['sought']:,.0f} hold hidden deposits")
    print(summary.round(3).to_string(index=False))
    if options.json:
        options.json.write_text(json.dumps(found.to_dict("records"), indent=1))
    return int(options.check and bool((summary["ahead"] < 0).any()))


if __name__ == "__main__":
    sys.exit(main())
