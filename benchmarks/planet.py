"""What do models reach on planets whose truth is known, and do they stay silent where there is nothing?

    python -m benchmarks.planet FOLDER [--signals S ...] [--confoundings C ...] [--splits NAME ...] [--planets N]
        [--locations N] [--null-trials N] [--set KEY=VALUE ...] [--check] [--small] [--json FILE] [--picture FILE]

For every signal, confounding, split and planet the pipeline runs: two of the nine networks and every baseline, beside
boosting on the true patches, which is what can be attained, and the Bayes predictor. Then null trials: on small planets
without signal, models of the pixels against the best model that knows the geography alone, whose interval of the
difference may lie above 0 in 7 % of the trials at most; the networks of the cells without signal are counted too,
against the best baseline that sees no pixel. FOLDER keeps every cell and every trial, so that a run that was stopped
goes on, and runs of some cells add up. All of it takes hours on two cores; ``--small`` takes minutes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.support import planet_picture
from benchmarks.support.planet_trials import trial
from benchmarks.support.whole_runs import as_cell, mean_over_planets, run_job
from mineral_pipeline.learning import RANDOM_LABELS
from mineral_pipeline.workspace import Workspace, artefacts

SETTINGS = Path(__file__).parents[1] / "jobs/settings/demo.yaml"

SPLITS: Mapping[str, Sequence[str]] = {
    "buckets": ["curate.split=buckets", "curate.max_leakage=1"],
    "blocks": ["curate.split=blocks", "curate.block_size_km=700"],
}
"""Changes of the settings: the study's split, and blocks with a buffer."""

CHANGES = [
    "tasks=[presence]", "train.convolutions=[small, medium]", "train.dense_layers=[medium]", "train.seeds=[0]",
    "train.epochs=10", "train.patience=5", "train.hyperparameters={}", "simulate.dates=1", "simulate.islands=2",
    "simulate.difficulty=0.1",
]  # fmt: skip
"""Changes of the demonstration's settings: two networks, which are trained as in the study."""

JOBS = "jobs=[simulate,catalogue,acquire,label,curate,train,evaluate]"
"""Jobs of a cell; further settings may add ``tune``."""

SMALL = [
    "curate.min_locations={}",
    "train.convolutions=[small]",
    "train.dense_layers=[small]",
    "train.epochs=2",
    "simulate.islands=3",
]
"""Further changes of a small run, which shows that all works; its scores mean nothing."""

METRICS = ("accuracy", "auc", "local_auc_500")
SHOWN = ("coordinates", "metadata", "brightness", "statistics", "random-convolutions", RANDOM_LABELS)
"""Kinds of baselines in the tables."""

KEYS = ["signal", "confounding", "split", "model"]
"""What tells the rows of the table apart."""

MAX_FALSE = 0.07
"""Share of the null trials in which the interval may lie above 0."""


@dataclass(frozen=True)
class Cell:
    """One run of the pipeline."""

    signal: float
    """``simulate.signal``."""
    confounding: float
    """``simulate.confounding``."""
    split: str
    """Name in `SPLITS`."""
    planet: int
    """Seed of the planet, the split and the networks."""

    @property
    def chips(self) -> str:
        """Folder of the archive, the chips and the labels, which all splits share."""
        return f"signal-{self.signal:g}-confounding-{self.confounding:g}-planet-{self.planet}"

    @property
    def name(self) -> str:
        """Folder of the workspace."""
        return f"{self.chips}-{self.split}"


def of_planet(archive: Path, seed: int) -> list[str]:
    """Changes of the settings that make a planet, and say where its archive is."""
    return [
        f"archive.url={archive}", f"label.deposits=[{archive}/deposits.csv]", f"curate.land={archive}/land.geojson",
        f"seed={seed}",
    ]  # fmt: skip


def run_cell(folder: Path, cell: Cell, changes: Sequence[str]) -> dict[str, Any]:
    """The evaluation of a cell, run unless ``folder`` holds its result."""
    result = folder / "cells" / f"{cell.name}.json"
    if not result.exists():
        source, target = folder / cell.chips, folder / cell.name
        archive = source / "archive"
        planet = [
            *CHANGES, *changes, *of_planet(archive, cell.planet), f"simulate.signal={cell.signal}",
            f"simulate.confounding={cell.confounding}",
        ]  # fmt: skip
        run_job("run", SETTINGS, source, [*planet, "jobs=[simulate,catalogue,acquire,label]"])
        if not target.exists():
            unfinished = target.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            shutil.copytree(source, unfinished, ignore=shutil.ignore_patterns("archive"))
            unfinished.rename(target)
        run_job("run", SETTINGS, target, [JOBS, *planet, *SPLITS[cell.split]])
        document = Workspace(str(target)).read_json(artefacts.evaluation_metrics("presence"))
        result.parent.mkdir(exist_ok=True)
        result.write_text(json.dumps(document))
        shutil.rmtree(target)
    found: dict[str, Any] = json.loads(result.read_text())
    return found


def rows(cell: Cell, document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Scores of a cell: ``signal``, ``confounding``, ``split``, ``planet``, ``model``, ``metric`` and ``value``.

    What a model adds to coordinates, and its gain, are metrics of their own.
    """

    def row(model: str, metric: str, value: float | None) -> dict[str, Any]:
        return {**vars(cell), "model": model, "metric": metric, "value": value}

    for name, scores in document["attainable"]["scores"].items():
        yield from (row(name, metric, scores[metric]) for metric in METRICS if metric in scores)
    for model in document["models"]:
        if model["role"] == "network" or model["kind"] in SHOWN:
            found = model["metrics"]
            yield from (row(model["label"], metric, found[metric]["value"]) for metric in METRICS if metric in found)
            gain = document["attainable"]["gains"][model["name"]].get("auc")
            yield row(model["label"], "gain in auc", gain if cell.signal else None)  # without signal there is none
    labels = {model["name"]: model["label"] for model in document["models"]}
    if search := document.get("search"):
        lead = search["difference"]["auc"]["value"]
        yield row(labels[search["tuned"]], "above the best of the grid in auc", lead)
    for one in document.get("added", ()):
        yield row(labels[one["model"]], "added to auc", one["metrics"]["auc"]["difference"]["value"])


def false_findings(documents: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """How often networks seem to know more than geography does, where there is nothing to know: as `count_false`.

    Args:
        documents: evaluations of cells without signal.
    """
    trials = []
    for document in documents:
        blind = [one for one in document["models"] if one["role"] == "baseline" and not one["pixels"]]
        best = max(blind, key=lambda one: float(one["metrics"]["auc"]["value"]))["name"]
        differences = {
            one["model"]: one["metrics"] for one in document["bar"]["differences"] if one["baseline"] == best
        }
        networks = [one for one in document["models"] if one["role"] == "network"]
        trials.append(
            {
                f"{one['label']} {metric}": {"low": _low(differences.get(one["name"], {}), metric)}
                for one in networks
                for metric in METRICS[1:]
            }
        )
    return count_false(trials)


def _low(metrics: Mapping[str, Any], metric: str) -> float:
    """The lower end of a difference's interval; nan where there is none."""
    found = metrics.get(metric, {}).get("low")
    return float("nan") if found is None else float(found)


def table(summary: pd.DataFrame) -> str:
    """Markdown: one row for each model, one column for each metric, of every cell."""
    metrics = list(dict.fromkeys(summary["metric"]))
    lines = [
        "| " + " | ".join([*KEYS, *metrics]) + " |",
        "|---" * (len(KEYS) + len(metrics)) + "|",
    ]
    for key, of_model in summary.groupby(KEYS, sort=False):
        by_metric = of_model.set_index("metric")
        cells = [as_cell(by_metric.loc[metric]) if metric in by_metric.index else "" for metric in metrics]
        lines.append("| " + " | ".join([*map(str, key), *cells]) + " |")
    return "\n".join(lines)


def null_trials(folder: Path, number: int, locations: int) -> pd.DataFrame:
    """How often intervals of the difference lie above 0: one row for each model of pixels and metric.

    Trials that are in ``folder`` already are not made again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for seed in range(number):
        file = folder / f"{locations}-{seed}.json"
        if not file.exists():
            file.write_text(json.dumps(trial(seed, locations)))
        found.append(json.loads(file.read_text()))
    return count_false([one for one in found if one])


def count_false(trials: Sequence[Mapping[str, Mapping[str, float]]]) -> pd.DataFrame:
    """Columns ``model``, ``trials``, ``above`` (share of intervals above 0), ``low`` and ``high`` of that share."""
    counted = []
    for name in trials[0] if trials else ():
        lows = np.array([one[name]["low"] for one in trials])
        above, tried = int((lows[np.isfinite(lows)] > 0).sum()), int(np.isfinite(lows).sum())
        share = stats.binomtest(above, tried).proportion_ci() if tried else (np.nan, np.nan)
        counted.append((name, tried, above / max(tried, 1), *share))
    return pd.DataFrame(counted, columns=["model", "trials", "above", "low", "high"])


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planet")
    parser.add_argument("folder", type=Path, help="gets cells, trials, archives and workspaces")
    parser.add_argument("--signals", type=float, nargs="*", default=[0, 0.5, 1])
    parser.add_argument("--confoundings", type=float, nargs="*", default=[0, 1])
    parser.add_argument("--splits", nargs="*", choices=list(SPLITS), default=list(SPLITS))
    parser.add_argument("--planets", type=int, default=5, help="planets a cell (default 5)")
    parser.add_argument("--locations", type=int, default=600, help="locations of a planet (default 600)")
    parser.add_argument("--null-trials", type=int, default=200, help="null trials (default 200)")
    parser.add_argument("--null-locations", type=int, default=240, help="locations of their planets (default 240)")
    parser.add_argument(
        "--set",
        nargs="*",
        default=[],
        metavar="KEY=VALUE",
        help="further settings of the cells; give them a FOLDER of their own",
    )
    parser.add_argument("--json", type=Path, help="write the scores there")
    parser.add_argument("--picture", type=Path, help="write a picture of three scenes and their truth there")
    parser.add_argument("--check", action="store_true", help=f"exit with 1 when more than {MAX_FALSE:.0%} are false")
    parser.add_argument("--small", action="store_true", help="one small planet, one cell, three trials")
    options = parser.parse_args(arguments)
    if options.small:
        small = {"signals": [1.0], "confoundings": [1.0], "splits": ["buckets"], "planets": 1, "locations": 90}
        vars(options).update(small, null_trials=3, null_locations=60)
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; returns the exit status."""
    options = parse(arguments)
    folder, changes = options.folder.absolute(), [f"simulate.locations={options.locations}"]
    folder.mkdir(parents=True, exist_ok=True)
    changes += [*(SMALL if options.small else []), *options.set]
    cells = [
        Cell(*values)
        for values in product(options.signals, options.confoundings, options.splits, range(options.planets))
    ]
    documents = {cell: run_cell(folder, cell, changes) for cell in cells}
    scores = pd.DataFrame([row for cell, document in documents.items() for row in rows(cell, document)])
    summary = mean_over_planets(scores, [*KEYS, "metric"]) if len(scores) else scores
    if len(summary):
        print(table(summary))
    nulls = {
        "networks without signal": false_findings([one for cell, one in documents.items() if cell.signal == 0]),
        "null trials": null_trials(folder / "trials", options.null_trials, options.null_locations),
    }
    for name, found in nulls.items():
        if len(found):
            print(f"{name}: intervals above 0", found.round(3).to_string(index=False), sep="\n")
    if options.picture:
        planet_picture.draw(options.picture)
    if options.json:
        content = {"cells": summary.to_dict("records")} | {name: one.to_dict("records") for name, one in nulls.items()}
        options.json.write_text(json.dumps(content, indent=1))
    return int(options.check and bool((nulls["null trials"]["above"] > MAX_FALSE).any()))


if __name__ == "__main__":
    sys.exit(main())
