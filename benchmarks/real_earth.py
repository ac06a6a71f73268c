"""Do pixels tell of minerals? The pipeline on the real Earth, under the study's split and harder ones: docs/science.md.

    MINERAL_PIPELINE_DATA=... python -m benchmarks.real_earth FOLDER [--conditions NAME ...] [--seeds N ...]
        [--tasks TASK ...] [--small] [--check] [--chart FILE] [--json FILE]

The pixels are MODIS's, in Landsat's geometry: see ``jobs/settings/real-earth.yaml``, which this runs. FOLDER gets the
archive, a workspace with chips and labels, and one workspace for each condition and seed that shares them; what is
there already is kept, so that a run that was stopped goes on, and the tables are of all that FOLDER holds. The seed
decides the split and the networks. ``--check`` asks for what docs/science.md concludes. ``--small`` takes 700 places
and one network under one split. All of it takes hours on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.support.real_catalogue import data_folder
from benchmarks.support.whole_runs import run_job
from mineral_pipeline.learning import CONSTANT, TASKS
from mineral_pipeline.workspace import Workspace, artefacts

SETTINGS = Path(__file__).parents[1] / "jobs/settings/real-earth.yaml"

FOLDS = ["curate.folds=6", "tasks=[presence]", "train.dense_layers=[small]"]
"""Changes of the settings of runs in which every fold trains its own models: half as many, for one task."""

RICH = ["label.min_deposits=10", "curate.drop_ambiguous=false"]
"""Changes of the settings by which fewer than ten deposits count as none."""

FEW_IMAGES = [
    "curate.balance=weight", "train.convolutions=[small]", "train.seeds=[0, 1, 2]", "train.epochs=10",
    "train.hyperparameters={augmentation: true, global_pooling: average, final_size: 16, weight_averaging: 0.98}",
]  # fmt: skip
"""Changes of the settings by which networks learn what they can from few images, all of the training side."""

CONDITIONS: Mapping[str, Sequence[str]] = {
    "buckets": ["curate.split=buckets", "curate.max_leakage=1", "curate.exclude=null"],
    "blocks": ["curate.split=blocks"],
    "regions": ["curate.split=regions"],
    "folds": FOLDS,
    "folds, ten and more": [*FOLDS, *RICH],
    "folds, few images": [*FOLDS, *FEW_IMAGES],
    "folds, few images, ten and more": [*FOLDS, *FEW_IMAGES, *RICH],
}
"""Changes of the settings: the study's split, with ice and leakage; blocks of 1,000 km with a buffer; whole continents;
every place out of fold, in six folds of such blocks; the same, where fewer than ten deposits count as none; both with
the means of docs/science.md for few images."""

SEEDS = (0, 1, 2)
MAX_SEEDS = 10
SMALL_PLACES = 700
SMALL = ["train.dense_layers=[small]", "train.epochs=3"]
"""Changes of the settings of a small run, which shows that all works; its scores mean nothing."""

COLUMNS = ["task", "condition", "seed", "model", "metric", "value", "low", "high"]
"""Columns of tables of scores."""

SHOWN = {"presence": ("accuracy", "auc", "local_auc_1000"), "richness": ("mae",)}
ADDED = {"presence": ("auc", "cross_entropy"), "richness": ("r2", "mae")}
"""Metrics of the tables."""

COLOURS = {True: "#b04a12", False: "#52728c"}
"""Colours of what sees pixels and of what sees none."""


def run_pipeline(
    folder: Path, conditions: Sequence[str], seeds: Sequence[int], tasks: Sequence[str], *, small: bool
) -> None:
    """Run the pipeline under every condition and seed, each to its evaluation."""
    limit = SMALL_PLACES if small else None
    changes = [f"archive.url={_make_archive(folder, limit)}", f"tasks=[{','.join(tasks)}]", *(SMALL if small else [])]
    source = folder / "chips"
    run_job("run", SETTINGS, source, [*changes, "jobs=[catalogue,acquire,label]"], "local")
    for seed in seeds:
        for condition in conditions:
            target = _workspace(folder, condition, seed)
            if not target.exists():
                _share(source, target)
            run_job(
                "run",
                SETTINGS,
                target,
                [*changes, *CONDITIONS[condition], f"seed={seed}", "jobs=[label,curate,train,evaluate]"],
                "local",
            )


def read_evaluations(folder: Path) -> list[dict[str, Any]]:
    """All evaluations that the folder holds, each as ``evaluation/<task>/metrics.json`` has it.

    Where there are folds, it is the one out of fold.
    """
    found = list[dict[str, Any]]()
    for condition in CONDITIONS:
        for seed in range(MAX_SEEDS):
            workspace = Workspace(str(_workspace(folder, condition, seed)))
            for task in TASKS:
                names = [artefacts.evaluation_metrics(name) for name in (artefacts.out_of_fold(task), task)]
                if there := [name for name in names if workspace.exists(name)]:
                    found.append({"condition": condition, "seed": seed, **workspace.read_json(there[0])})
    return found


def _workspace(folder: Path, condition: str, seed: int) -> Path:
    return folder / f"{condition.replace(', ', '-').replace(' ', '-')}-{seed}"


def _make_archive(folder: Path, limit: int | None) -> Path:
    """Write the archive, if it is not there; its program writes the index last."""
    archive = folder / "archive"
    if not (archive / "index.csv.gz").exists():
        program = data_folder() / "real-earth/make_archive.py"
        subprocess.run([sys.executable, program, archive, *(["--limit", str(limit)] if limit else [])], check=True)
    return archive


def _share(source: Path, target: Path) -> None:
    """A workspace with the chips and labels of another. Files are linked: a workspace never changes one in place."""
    unfinished = target.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(source, unfinished, copy_function=os.link)
    unfinished.rename(target)


def scores(evaluations: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Every metric of the chosen network and of each baseline, one row for each condition and seed.

    Columns: ``task``, ``condition``, ``seed``, ``model``, ``pixels``, ``metric``, ``value``, ``low`` and ``high``.
    """
    rows = [
        {**_of(document), "model": _role(document, model), "pixels": model["pixels"], "metric": metric, **found}
        for document in evaluations
        for model in _shown(document)
        for metric, found in model["metrics"].items()
    ]
    return pd.DataFrame(rows)


def added(evaluations: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """What predictions add to coordinates, as rows like those of `scores`; ``value`` is the difference."""
    rows = [
        {**_of(document), "model": _role(document, one), "metric": metric, **found["difference"]}
        for document in evaluations
        for gain in document.get("added", ())
        for one in document["models"]
        if one["name"] == gain["model"]
        for metric, found in gain["metrics"].items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def stacks(evaluations: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The scores of coordinates alone, and of predictions stacked with them, as rows like those of `scores`."""
    rows = [
        {**_of(document), "model": model, "metric": metric, "value": found[key], "low": np.nan, "high": np.nan}
        for document in evaluations
        for gain in document.get("added", ())
        for one in document["models"]
        if one["name"] == gain["model"]
        for metric, found in gain["metrics"].items()
        for key, model in (("alone", "coordinates alone"), ("both", f"coordinates and {_role(document, one)}"))
    ]
    return pd.DataFrame(rows, columns=COLUMNS).drop_duplicates()


def by_region(evaluations: Sequence[Mapping[str, Any]], metric: str = "auc") -> pd.DataFrame:
    """A metric of presence in every region, as rows like those of `scores`, with ``region`` and ``samples``."""
    rows = [
        {
            **_of(document), "model": _role(document, one), "metric": metric, "region": region["region"],
            "samples": region["samples"], "value": region["metrics"][one["name"]][metric],
        }
        for document in evaluations
        if document["task"] == "presence"
        for region in document.get("regions", ())
        for one in _shown(document)
        if one["name"] in region["metrics"]
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=[*COLUMNS[:-2], "region", "samples"])


def _shown(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The chosen network, then the baselines but for the constant, whose scores are known."""
    best = [one for one in document["models"] if one["name"] == document["best"] and one["role"] == "network"]
    return best + [one for one in document["models"] if one["role"] == "baseline" and one["name"] != CONSTANT]


def _of(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: document[key] for key in ("task", "condition", "seed")}


def _role(document: Mapping[str, Any], model: Mapping[str, Any]) -> str:
    return "the best network" if model["name"] == document["best"] and model["role"] == "network" else model["label"]


def table(found: pd.DataFrame, title: str, shown: Mapping[str, Sequence[str]] = SHOWN) -> str:
    """Markdown: what each model scores under each condition, means over the seeds of values and of intervals' ends.

    One table for each task and metric.

    Args:
        found: rows as of `scores`.
        title: what the values are.
        shown: metrics of each task.
    """
    lines = list[str]()
    for (task, metric), rows in found.groupby(["task", "metric"], sort=False):
        if metric not in shown[str(task)]:
            continue
        seeds = rows.groupby("condition", sort=False)["seed"].nunique()
        heads = [f"{condition} ({count} {'seed' if count == 1 else 'seeds'})" for condition, count in seeds.items()]
        lines += ["", f"| {title}: {task}, {metric} | " + " | ".join(heads) + " |", "|---" * (1 + len(heads)) + "|"]
        for model, of_model in rows.groupby("model", sort=False):
            cells = [_cell(of_model[of_model["condition"] == condition]) for condition in seeds.index]
            lines.append(f"| {model} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(rows: pd.DataFrame) -> str:
    if rows.empty:
        return ""
    value, low, high = (pd.to_numeric(rows[end]).mean() for end in ("value", "low", "high"))
    return f"{value:.3f} ({low:.3f} to {high:.3f})" if low == low else f"{value:.3f}"


def region_table(found: pd.DataFrame) -> str:
    """Markdown: a score in every region, means over the seeds; rows as of `by_region`, of one metric."""
    lines = list[str]()
    for condition, rows in found.groupby("condition", sort=False):
        cells = rows.pivot_table("value", "region", "model", sort=False)
        samples = rows.groupby("region")["samples"].mean().to_dict()
        lines += ["", f"| {rows['metric'].iloc[0]}, {condition} | samples | " + " | ".join(cells.columns) + " |"]
        lines.append("|---" * (2 + len(cells.columns)) + "|")
        for region, values in cells.to_dict("index").items():
            shown = " | ".join(f"{value:.3f}" for value in values.values())
            lines.append(f"| {region} | {samples[region]:.0f} | {shown} |")
    return "\n".join(lines)


def broken_claims(evaluations: Sequence[Mapping[str, Any]]) -> list[str]:
    """What docs/science.md concludes and these evaluations of presence do not show."""
    broken = list[str]()
    for document in evaluations:
        if document["task"] != "presence":
            continue
        where, bar = f"{document['condition']}, seed {document['seed']}", document["bar"]
        lead = next(
            one["metrics"][document["primary_metric"]]
            for one in bar["differences"]
            if one["model"] == document["best"] and one["baseline"] == bar["best"]
        )
        if lead["low"] > 0:
            broken.append(f"{where}: the network beats the best baseline")
        if document["condition"] == "buckets" and not (bar["best"] == "coordinates" and lead["high"] < 0):
            broken.append(f"{where}: coordinates do not beat the network")
    return broken


def chart(found: pd.DataFrame, metric: str = "auc") -> Figure:
    """Dots and intervals of a metric of presence, one panel for each condition; a tick for each seed."""
    chosen = found[(found["task"] == "presence") & (found["metric"] == metric)]
    conditions, models = (list(dict.fromkeys(chosen[column])) for column in ("condition", "model"))
    figure = Figure(figsize=(2.2 + 1.7 * len(conditions), 0.9 + 0.28 * len(models)), dpi=200, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(conditions), sharex=True, sharey=True, squeeze=False)[0]
    for axes, condition in zip(panels, conditions, strict=True):
        for height, model in enumerate(models):
            rows = chosen[(chosen["condition"] == condition) & (chosen["model"] == model)]
            if rows.empty:
                continue
            colour = COLOURS[bool(rows["pixels"].iloc[0])]
            low, value, high = (pd.to_numeric(rows[end]).mean() for end in ("low", "value", "high"))
            axes.plot([low, high], [height, height], color=colour, linewidth=1.4)
            axes.plot(value, height, "o", color=colour, markersize=5)
            axes.plot(rows["value"], [height] * len(rows), "|", color="#23282d", markersize=5)
        axes.axvline(0.5, color="#23282d", linewidth=0.8, linestyle=":")
        axes.set_title(condition, loc="left", fontsize=9, fontweight="bold")
        axes.set_xlabel(metric, fontsize=8)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right", "left"]].set_visible(False)
    panels[0].set_yticks(range(len(models)), models)
    panels[0].invert_yaxis()
    return figure


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real_earth")
    parser.add_argument("folder", type=Path, help="gets the archive and the workspaces: some 3 GB")
    parser.add_argument(
        "--conditions", nargs="+", choices=list(CONDITIONS), default=list(CONDITIONS), help="default: all"
    )
    parser.add_argument(
        "--seeds", type=int, nargs="+", choices=range(MAX_SEEDS), default=SEEDS, metavar="N", help="default: 0 1 2"
    )
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS, help="default: both")
    parser.add_argument("--chart", type=Path, help="draw the chart there (PNG)")
    parser.add_argument("--json", type=Path, help="write the scores there")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a conclusion does not hold")
    parser.add_argument("--small", action="store_true", help=f"{SMALL_PLACES} places, one network, blocks, one seed")
    options = parser.parse_args(arguments)
    folder = options.folder.absolute()
    if options.small:
        run_pipeline(folder, ["blocks"], [0], ["presence"], small=True)
    else:
        run_pipeline(folder, options.conditions, options.seeds, options.tasks, small=False)
    evaluations = read_evaluations(folder)
    found = scores(evaluations)
    print(table(found, "scores"))
    print(table(added(evaluations), "added to coordinates", ADDED))
    print(table(stacks(evaluations), "scores of stacks", ADDED))
    print(region_table(by_region([one for one in evaluations if one["condition"].startswith("folds")])))
    for document in evaluations:
        print(f"{document['task']}, {document['condition']}, seed {document['seed']}: {document['verdict']}")
    if options.chart:
        chart(found).savefig(options.chart, metadata={"Software": None})
    if options.json:
        options.json.write_text(json.dumps(evaluations, indent=1))
    broken = broken_claims(evaluations) if options.check else []
    print(*(f"does not hold: {claim}" for claim in broken), sep="\n")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
