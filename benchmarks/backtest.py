"""Do prospects find deposits that were hidden sooner than their rivals do, on planets whose truth is known?

    python -m benchmarks.backtest FOLDER [--planets N] [--locations N] [--set KEY=VALUE ...] [--check] [--small]
        [--json FILE]

On every planet `mineral-pipeline backtest` hides the deposits of random locations and ranks what is left, out of fold;
with ``--set backtest.hide=regions`` those of whole islands.
The table tells of each ranking the mean over planets, and how far the prospects are ahead of it, with the 95 % interval
of Student's t over planets. FOLDER keeps the result of every planet, so that a run that was stopped goes on. With
``--check`` the exit status is 1 unless the prospects are ahead of every rival, by intervals that exclude 0.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.planet import CHANGES, SETTINGS, SMALL, of_planet
from benchmarks.support.whole_runs import as_cell, mean_over_planets, run_job
from mineral_pipeline.evaluation import MODEL, RIVAL
from mineral_pipeline.evaluation.success import AREA
from mineral_pipeline.workspace import Workspace, artefacts

LEARN = [
    "train.dense_layers=[medium]", "train.convolutions=[small]", "train.epochs=40", "train.patience=12",
    "train.hyperparameters={augmentation: true, global_pooling: average, final_size: 16}",
    "train.n_label_permutations=1", "prospect.ensemble_size=2",
    "simulate.islands=6", "curate.split=blocks", "curate.block_size_km=700", "curate.folds=3", "backtest.fraction=0.3",
]  # fmt: skip
"""Changes of the settings of `benchmarks.planet`: one network that learns from few images, with two seeds a fold."""

AHEAD = "ahead"
"""Metric: the area under the success-rate curve of the prospects minus that of the ranking."""

BASIS = "basis"
"""Who ranks: in the table of a planet, what `prospect` has written of it."""


def run_planet(folder: Path, seed: int, changes: Sequence[str]) -> dict[str, Any]:
    """The back-test of a planet, run unless ``folder`` holds its result."""
    result = folder / "planets" / f"{seed}.json"
    if not result.exists():
        place = folder / f"planet-{seed}"
        planet = [*CHANGES, *LEARN, *of_planet(place / "archive", seed), f"backtest.seed={seed}"]
        planet += [f"curate.regions={place}/archive/land.geojson", *changes]
        run_job("run", SETTINGS, place, [*planet, "jobs=[simulate,catalogue,acquire,label]"])
        run_job("backtest", SETTINGS, place, planet)
        (made,) = (place / artefacts.BACKTESTS).iterdir()
        inner = Workspace(str(made))
        document = inner.read_json(artefacts.BACKTEST)
        document[BASIS] = inner.read_json(artefacts.PROSPECTS_BASIS)
        result.parent.mkdir(exist_ok=True)
        result.write_text(json.dumps(document))
        shutil.rmtree(place)
    found: dict[str, Any] = json.loads(result.read_text())
    return found


def rows(seed: int, document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Scores of a planet: ``planet``, ``ranking``, ``role``, ``metric`` and ``value``.

    Metrics are the area under the success-rate curve, the share of the hidden places that are among the first 1, 5 and
    10 % of the candidates, and `AHEAD`.
    """
    for one in document["rankings"]:
        about = {"planet": seed, "ranking": one["name"], "role": one["role"]}
        yield {**about, "metric": AREA, "value": one[AREA]["value"]}
        for found in one["hits"]:
            yield {**about, "metric": f"first {found['share']:.0%}", "value": found["hits"] / document["sought"]}
        if one["role"] != MODEL:
            yield {**about, "metric": AHEAD, "value": one["difference"][AREA]["value"]}


def table(summary: pd.DataFrame) -> str:
    """Markdown: one row for each ranking, one column for each metric."""
    metrics = list(dict.fromkeys(summary["metric"]))
    lines = ["| ranking | " + " | ".join(metrics) + " |", "|---" * (1 + len(metrics)) + "|"]
    for name, of_one in summary.groupby("ranking", sort=False):
        by_metric = of_one.set_index("metric")
        cells = [as_cell(by_metric.loc[metric]) if metric in by_metric.index else "" for metric in metrics]
        lines.append("| " + " | ".join([str(name), *cells]) + " |")
    return "\n".join(lines)


def is_ahead(summary: pd.DataFrame) -> bool:
    """Whether the prospects are ahead of every rival, by intervals that exclude 0."""
    ahead = summary[(summary["role"] == RIVAL) & (summary["metric"] == AHEAD)]
    return bool((ahead["low"] > 0).all())


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backtest")
    parser.add_argument("folder", type=Path, help="gets results, archives and workspaces")
    parser.add_argument("--planets", type=int, default=5, help="number of planets (default 5)")
    parser.add_argument("--locations", type=int, default=2000, help="locations of a planet (default 2000)")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="KEY=VALUE", help="further settings; give them a FOLDER of their own"
    )
    parser.add_argument("--json", type=Path, help="write the scores there")
    parser.add_argument(
        "--check", action="store_true", help="exit with 1 unless the prospects are ahead of every rival"
    )
    parser.add_argument("--small", action="store_true", help="one small planet; its scores mean nothing")
    options = parser.parse_args(arguments)
    if options.small:
        vars(options).update(planets=1, locations=150)
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; returns the exit status."""
    options = parse(arguments)
    folder = options.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    changes = [f"simulate.locations={options.locations}", *(SMALL if options.small else []), *options.set]
    documents = [run_planet(folder, seed, changes) for seed in range(options.planets)]
    found = pd.DataFrame([row for seed, document in enumerate(documents) for row in rows(seed, document)])
    summary = mean_over_planets(found, ["ranking", "role", "metric"])
    print(table(summary))
    for seed, document in enumerate(documents):
        print(
            f"planet {seed}: {document['candidates']:,} candidates, {document['sought']:,} with hidden deposits."
            f" {document[BASIS]['heading']} {document['verdict']}"
        )
    if options.json:
        options.json.write_text(json.dumps({"scores": summary.to_dict("records"), "planets": documents}, indent=1))
    return int(options.check and not is_ahead(summary))


if __name__ == "__main__":
    sys.exit(main())
