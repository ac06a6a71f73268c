"""What does each means of learning from few images add to a network? On planets whose truth is known.

    python -m benchmarks.attempts FOLDER [--planets N] [--seeds N] [--locations N] [--attempts NAME ...] [--json FILE]
        [--check] [--small]

One network is trained with every means on the same samples and from the same seeds, and its AUC on the test subset is
compared with that of the network without the means: the mean difference over planets of the means over seeds, with the
95 % interval of Student's t over all pairs of planet and seed, which share planets and are thus not independent. The
mean of what the networks without a means predict from all seeds is compared by planet. FOLDER keeps workspaces and
models, so that runs add up. `--check` fails when the interval of a means lies below 0.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.planet import CHANGES, SETTINGS, SPLITS, of_planet
from benchmarks.support.intervals import half_width
from benchmarks.support.whole_runs import run_job
from mineral_pipeline import modelling
from mineral_pipeline.evaluation import measure
from mineral_pipeline.modelling import ModelSpec, open_subset
from mineral_pipeline.settings import Settings, load
from mineral_pipeline.workspace import Workspace, artefacts

BASE: Mapping[str, Any] = {
    "epochs": 30,
    "patience": 10,
    "hyperparameters": {"augmentation": True, "global_pooling": "average"},
}
"""Section ``train`` without a means."""

ATTEMPTS: Mapping[str, Mapping[str, Any]] = {
    "base": {},
    "weight_averaging: 0.98": {"hyperparameters": {"weight_averaging": 0.98}},
    "statistics": {"hyperparameters": {"statistics": True}},
    "pretraining": {"pretraining": {"epochs": 50}},
    "pretraining, test_ground": {"pretraining": {"epochs": 50, "test_ground": True}},
    "pretrained on another planet": {"pretrained": "another"},
}
"""Changes of the section ``train`` by the name of the means."""

SEEDS_AVERAGED = "base, seeds averaged"


def prepare(folder: Path, planet: int, locations: int) -> Settings:
    """The settings of a planet whose samples are curated, in a workspace of its own."""
    workspace = folder / f"planet-{planet}"
    changes = [
        *CHANGES, *SPLITS["blocks"], f"simulate.locations={locations}", *of_planet(workspace / "archive", planet),
        *(["curate.min_locations={}"] if locations < 600 else []),
        "jobs=[simulate,catalogue,acquire,label,curate]",
    ]  # fmt: skip
    run_job("run", SETTINGS, workspace, changes)
    return load(str(SETTINGS), changes, str(workspace))


def specs(settings: Settings, attempt: str, seeds: int, another: str, epochs: int | None) -> list[ModelSpec]:
    """The networks of an attempt, one for each seed."""
    change = dict(ATTEMPTS[attempt])
    hyperparameters = {**BASE["hyperparameters"], **change.pop("hyperparameters", {})}
    train = {**BASE, "convolutions": ["medium"], "dense_layers": ["medium"], "seeds": list(range(seeds)), **change}
    train |= {"hyperparameters": hyperparameters} | ({"pretrained": another} if "pretrained" in change else {})
    if epochs:
        train |= {"epochs": epochs} | ({"pretraining": {"epochs": epochs}} if "pretraining" in change else {})
    config = Settings.model_validate({**settings.model_dump(), "train": train})
    workspace, slug = Workspace(settings.workspace), "".join(one if one.isalnum() else "-" for one in attempt)
    return [replace(spec, name=f"{slug}-s{spec.seed}") for spec in modelling.grid_specs(config, workspace, "presence")]


def rows(folder: Path, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One for each planet, attempt and seed: ``auc`` on the test subset, ``epochs``, CPU ``seconds``."""
    planets = [prepare(folder, planet, options.locations) for planet in range(options.planets)]
    for attempt, (planet, settings) in product(options.attempts, enumerate(planets)):
        workspace = Workspace(settings.workspace)
        test = open_subset(workspace, "presence", "test")
        another = Workspace(planets[planet - 1].workspace).path(artefacts.model("presence", "base-s0", "model.keras"))
        positions, predictions = test.table[["lon", "lat"]].to_numpy(), []
        for spec in specs(settings, attempt, options.seeds, another, options.epochs):
            started = time.process_time()
            for one in [*modelling.pretraining_specs([spec]), spec]:
                found = modelling.fit(workspace, one, measure)
            predictions.append(modelling.predict_subset(workspace, "presence", spec.name, "test"))
            auc = measure("presence", test.label, predictions[-1], test.weight, positions)["auc"]
            seconds = time.process_time() - started
            print(f"planet {planet}, {attempt}, seed {spec.seed}: {auc:.3f}, {seconds:.0f} s", flush=True)
            yield {
                "planet": planet, "attempt": attempt, "seed": spec.seed, "auc": auc, "epochs": found["epochs"],
                "seconds": seconds,
            }  # fmt: skip
        if attempt == "base" and len(predictions) > 1:
            auc = measure("presence", test.label, np.mean(predictions, axis=0), test.weight, positions)["auc"]
            yield {"planet": planet, "attempt": SEEDS_AVERAGED, "auc": auc}


def summarise(found: pd.DataFrame) -> pd.DataFrame:
    """By attempt: mean AUC, its difference from the base with ``low`` and ``high``, pairs and CPU seconds."""
    base = found[found["attempt"] == "base"].set_index(["planet", "seed"])["auc"]
    summary = []
    for attempt, of_attempt in found.groupby("attempt", sort=False):
        if attempt == SEEDS_AVERAGED:
            difference = of_attempt.set_index("planet")["auc"] - base.groupby("planet").mean()
        else:
            difference = (of_attempt.set_index(["planet", "seed"])["auc"] - base).dropna()
        count = len(difference)
        half = half_width(difference.std(), count)
        auc, mean, seconds = of_attempt["auc"].mean(), difference.mean(), of_attempt["seconds"].median()
        summary.append((attempt, auc, mean, mean - half, mean + half, count, seconds))
    return pd.DataFrame(summary, columns=["attempt", "auc", "difference", "low", "high", "pairs", "seconds"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attempts")
    parser.add_argument("folder", type=Path, help="gets archives, workspaces and models")
    parser.add_argument("--planets", type=int, default=2, help="planets, at least 2 (default 2)")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of each network (default 3)")
    parser.add_argument("--locations", type=int, default=600, help="locations of a planet (default 600)")
    parser.add_argument("--attempts", nargs="*", choices=list(ATTEMPTS), default=list(ATTEMPTS))
    parser.add_argument("--json", type=Path, help="write the rows there")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a means does harm")
    parser.add_argument("--small", action="store_true", help="two small planets, one seed, three epochs")
    options = parser.parse_args(arguments)
    options.epochs = None
    if options.small:
        vars(options).update(planets=2, seeds=1, locations=90, epochs=3)
    folder = options.folder.absolute()
    found = pd.DataFrame(rows(folder, options))
    summary = summarise(found)
    print(summary.round(3).to_string(index=False))
    if options.json:
        options.json.write_text(json.dumps(found.to_dict("records"), indent=1))
    return int(options.check and bool((summary["high"] < 0).any()))


if __name__ == "__main__":
    sys.exit(main())
