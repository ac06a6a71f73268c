"""What does each means of learning from few images add to a network? On planets whose truth is known.

    python -m benchmarks.attempts FOLDER [--planets N] [--seeds N] [--locations N] [--attempts NAME ...] [--json FILE]
        [--check] [--small]

One network is trained with every means on the same samples and from the same seeds, and its score on the test subset,
the AUC of presence or the concordance of richness within 500 km, is compared with that of the network without the
means: the mean difference over planets of the means over seeds, with the 95 % interval of Student's t over all pairs of
planet and seed, which share planets and are thus not independent. The mean of what the networks of presence without a
means predict from all seeds is compared by planet. What the chosen means are compared with is trained too. FOLDER keeps
workspaces and models, so that runs add up. `--check` fails when the interval of a means lies below 0.
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
from mineral_pipeline.learning import Task, local_metric
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
    "normalisation: group": {"normalisation": "group"},
    "normalisation: layer": {"normalisation": "layer"},
    "cosine, warm_up: 2, weight_decay: 0.01": {
        "hyperparameters": {"schedule": "cosine", "warm_up": 2, "weight_decay": 0.01}
    },
    "balance: weight": {},
    "final_size: 16": {"hyperparameters": {"final_size": 16}},
    "final_size: 32": {"hyperparameters": {"final_size": 32}},
    "pretraining": {"pretraining": {"epochs": 50}},
    "pretraining, test_ground": {"pretraining": {"epochs": 50, "test_ground": True}},
    "pretrained on another planet": {"pretrained": "another"},
    "ranking": {"hyperparameters": {"ranking": 1.0}},
    "base of richness": {},
    "relative richness": {"hyperparameters": {"detrending_km": 500.0}},
}
"""Changes of the section ``train`` by the name of the means."""

CURATION: Mapping[str, str] = {"balance: weight": "curate.balance=weight"}
"""Changes of the settings by which the samples of an attempt are others, by its name."""

OF_RICHNESS = ("base of richness", "relative richness")
"""Attempts whose networks learn richness; all others learn presence."""

LOCAL_KM = 500.0
"""Distance of pairs of the concordance."""

METRICS: Mapping[Task, str] = {"presence": "auc", "richness": local_metric("richness", LOCAL_KM)}
"""What the networks of a task are compared by; more is better."""

SEEDS_AVERAGED = "base, seeds averaged"


def task_of(attempt: str) -> Task:
    """What the networks of an attempt learn."""
    return "richness" if attempt in OF_RICHNESS else "presence"


def base_of(attempt: str) -> str:
    """The attempt with which another is compared."""
    return OF_RICHNESS[0] if attempt in OF_RICHNESS else "base"


def prepare(folder: Path, planet: int, locations: int, tasks: Sequence[Task], curation: str | None) -> Settings:
    """The settings of a planet whose samples of the tasks are curated, in a workspace of its own."""
    workspace = folder / f"planet-{planet}"
    archive, others = workspace / "archive", [curation] if curation else []
    if curation:
        workspace = folder / f"planet-{planet}-{_slug(curation)}"
    changes = [
        *CHANGES, f"tasks=[{', '.join(tasks)}]", *SPLITS["blocks"], f"simulate.locations={locations}",
        *of_planet(archive, planet), *others, *(["curate.min_locations={}"] if locations < 600 else []),
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
    found = modelling.grid_specs(config, Workspace(settings.workspace), task_of(attempt))
    return [replace(spec, name=f"{_slug(attempt)}-s{spec.seed}") for spec in found]


def _slug(name: str) -> str:
    return "".join(one if one.isalnum() else "-" for one in name)


def rows(folder: Path, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One for each planet, attempt and seed: ``value`` of ``metric`` on the test subset, epochs, CPU ``seconds``."""
    attempts = list(dict.fromkeys([*map(base_of, options.attempts), *options.attempts]))
    tasks = [task for task in METRICS if task in map(task_of, attempts)]
    prepared = {
        (planet, curation): prepare(folder, planet, options.locations, tasks, curation)
        for curation in dict.fromkeys(map(CURATION.get, attempts))
        for planet in range(options.planets)
    }
    for attempt, planet in product(attempts, range(options.planets)):
        settings = prepared[planet, CURATION.get(attempt)]
        task, workspace = task_of(attempt), Workspace(settings.workspace)
        elsewhere = Workspace(prepared[(planet - 1) % options.planets, None].workspace)
        another = elsewhere.path(artefacts.model("presence", "base-s0", "model.keras"))
        facts = {"planet": planet, "attempt": attempt, "metric": METRICS[task]}
        predictions = []
        for spec in specs(settings, attempt, options.seeds, another, options.epochs):
            started = time.process_time()
            for one in [*modelling.pretraining_specs([spec]), spec]:
                found = modelling.fit(workspace, one, measure)
            predictions.append(modelling.predict_subset(workspace, task, spec.name, "test"))
            value, seconds = score_on_test(workspace, task, predictions[-1]), time.process_time() - started
            print(f"planet {planet}, {attempt}, seed {spec.seed}: {value:.3f}, {seconds:.0f} s", flush=True)
            yield facts | {"seed": spec.seed, "value": value, "epochs": found["epochs"], "seconds": seconds}
        if attempt == "base" and len(predictions) > 1:
            value = score_on_test(workspace, task, np.mean(predictions, axis=0))
            yield facts | {"attempt": SEEDS_AVERAGED, "value": value}


def score_on_test(workspace: Workspace, task: Task, prediction: np.ndarray) -> float:
    """What predictions (sample,) of the test subset score."""
    test = open_subset(workspace, task, "test")
    given = test.label, prediction, test.weight, test.table[["lon", "lat"]].to_numpy()
    return measure(task, *given, local_km=[LOCAL_KM])[METRICS[task]]


def summarise(found: pd.DataFrame) -> pd.DataFrame:
    """By attempt: metric, its mean, the difference from the base with ``low`` and ``high``, pairs and CPU seconds."""
    summary = []
    for attempt, of_attempt in found.groupby("attempt", sort=False):
        base = found[found["attempt"] == base_of(str(attempt))].set_index(["planet", "seed"])["value"]
        if attempt == SEEDS_AVERAGED:
            difference = of_attempt.set_index("planet")["value"] - base.groupby("planet").mean()
        else:
            difference = (of_attempt.set_index(["planet", "seed"])["value"] - base).dropna()
        count = len(difference)
        half = half_width(difference.std(), count)
        value, mean, seconds = of_attempt["value"].mean(), difference.mean(), of_attempt["seconds"].median()
        metric = of_attempt["metric"].iloc[0]
        summary.append((attempt, metric, value, mean, mean - half, mean + half, count, seconds))
    columns = ["attempt", "metric", "value", "difference", "low", "high", "pairs", "seconds"]
    return pd.DataFrame(summary, columns=columns)


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
