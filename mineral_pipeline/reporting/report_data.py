"""The content of a workspace that the report shows. Artefacts that no job has made yet are None or absent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from mineral_pipeline.learning import ENSEMBLE, TASKS, TUNED, Task, in_order, is_better, subject_of
from mineral_pipeline.workspace import RunState, Workspace, artefacts, ledger, read_runs
from mineral_pipeline.workspace.learnt import find_tasks

Model = Mapping[str, Any]
"""A model of ``evaluation/<task>/metrics.json``: name, label, role (``network`` or ``baseline``), kind, convolution,
dense, and metrics, each with value, low and high."""


@dataclass(frozen=True)
class Evaluation:
    """Results of ``evaluate`` for one task."""

    metrics: Mapping[str, Any]
    """``evaluation/<task>/metrics.json``."""
    predictions: pd.DataFrame
    """``evaluation/<task>/predictions.parquet``: name, chip_id, location_id, label, prediction on the test subset."""

    @property
    def metric(self) -> str:
        """Primary metric of the task."""
        return str(self.metrics["primary_metric"])

    @property
    def verdict(self) -> str:
        """Whether the networks beat the baselines, in words; empty in evaluations of earlier versions, as the next."""
        return str(self.metrics.get("verdict", ""))

    @property
    def bar(self) -> Mapping[str, Any]:
        """The best baseline, and the paired differences between networks and baselines."""
        return dict(self.metrics.get("bar") or {})

    def difference(self, model: str, baseline: str) -> Mapping[str, float | None] | None:
        """Difference of the primary metric between a network and a baseline; None when it was not computed."""
        for one in self.bar.get("differences", ()):
            if (one["model"], one["baseline"]) == (model, baseline):
                found: Mapping[str, float | None] = one["metrics"][self.metric]
                return found
        return None

    @property
    def added(self) -> list[Mapping[str, Any]]:
        """What predictions add to coordinates, by model."""
        return list(self.metrics.get("added") or ())

    @property
    def pairs(self) -> Mapping[str, Mapping[str, int]]:
        """Number of pairs that each local metric compares."""
        return dict(self.metrics.get("pairs") or {})

    @property
    def regions(self) -> list[Mapping[str, Any]]:
        """Scores in each region."""
        return list(self.metrics.get("regions") or ())

    @property
    def models(self) -> list[Model]:
        """Every model."""
        return list(self.metrics["models"])

    @property
    def best(self) -> Model:
        """The model selected on the validation subset."""
        return next(model for model in self.models if model["name"] == self.metrics["best"])

    @property
    def is_constant(self) -> bool:
        """Whether every network has collapsed to a constant, so that a baseline is the result."""
        return bool(self.best["role"] == "baseline")

    @property
    def collapsed(self) -> list[Model]:
        """The networks that have collapsed to a constant."""
        return [model for model in self.models if model.get("collapsed")]

    @property
    def ensemble(self) -> Model | None:
        """The mean of the networks that make the prospects, which ``members`` names."""
        return next((model for model in self.models if model["kind"] == ENSEMBLE), None)

    @property
    def networks(self) -> list[Model]:
        """The models that are compared with the baselines."""
        return [model for model in self.models if model["role"] == "network"]

    @property
    def unit(self) -> str:
        """What the groups of the test subset are, over which intervals are, such as ``blocks``."""
        return str(self.metrics.get("interval", {}).get("unit", "locations"))

    @property
    def units(self) -> int:
        """Number of the groups of the test subset."""
        return int(self.metrics.get("interval", {}).get("units", 0))

    @property
    def over(self) -> str:
        """Such as " over 37 blocks", to follow the word interval; empty when there are none."""
        return f" over {self.units:,} {self.unit}" if self.units > 1 else ""

    @property
    def random_labels(self) -> list[Model]:
        """Models trained on permuted labels."""
        kind = self.metrics.get("baseline", {}).get("kind")
        return [model for model in self.models if model["kind"] == kind]

    @property
    def other_baselines(self) -> dict[str, list[Model]]:
        """Models of every other kind of baseline by label, in the order of the document."""
        found: dict[str, list[Model]] = {}
        random = [model["name"] for model in self.random_labels]
        for model in self.models:
            if model["role"] == "baseline" and model["name"] not in random:
                found.setdefault(model["label"], []).append(model)
        return found

    @property
    def baselines(self) -> dict[str, list[Model]]:
        """Models of every kind of baseline by label, random labels first."""
        random = self.random_labels
        return ({random[0]["label"]: random} if random else {}) | self.other_baselines

    @property
    def is_higher_better(self) -> bool:
        """Whether a higher value of the primary metric is better."""
        return bool(is_better(self.metric, np.ones(()), np.zeros(())))

    @property
    def ranked_baselines(self) -> dict[str, list[Model]]:
        """Models of every kind of baseline by label, the best by the primary metric first, undefined ones last."""
        sign = -1 if self.is_higher_better else 1

        def rank(models: list[Model]) -> float:
            values = [model["metrics"][self.metric]["value"] for model in models]
            return float("inf") if None in values else sign * sum(values) / len(values)

        return dict(sorted(self.baselines.items(), key=lambda item: rank(item[1])))


@dataclass(frozen=True)
class ReportData:
    """Tables and documents of a workspace."""

    catalogue: int | None
    """Number of scenes of the catalogue."""
    ledger: gpd.GeoDataFrame | None
    """The ledger of acquire."""
    deposits: pd.DataFrame | None
    """Known deposits: lon, lat."""
    labels: pd.DataFrame | None
    """Targets of every chip."""
    samples: Mapping[str, gpd.GeoDataFrame]
    """Table of samples by task."""
    summaries: Mapping[str, Mapping[str, Any]]
    """Summary of the samples by task."""
    evaluations: Mapping[str, Evaluation]
    """Evaluation by task."""
    prospects: gpd.GeoDataFrame | None
    """Ranked locations; None too of an earlier version, which knew no numbers of deposits."""
    runs: Mapping[str, Mapping[str, Any]]
    """Record of the newest run of every job that was done, in the order in which they ran."""
    out_of_fold: Mapping[str, Evaluation] = field(default_factory=dict)
    """Evaluation over all folds by task."""
    backtests: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What back-tests have found, by name."""
    leakage: Mapping[str, gpd.GeoDataFrame] = field(default_factory=dict)
    """By task, the locations on which leakage was measured: subset, location_id, shared, meets_test and outline."""
    tasks: Sequence[Task] = TASKS
    """The tasks that have a section each."""
    basis: Mapping[str, Any] = field(default_factory=dict)
    """Who has made the prospects, and how far they can be believed; empty where there are none."""
    searches: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """Candidates of the search over hyperparameters by task, the grid's own point first."""


def read(workspace: Workspace) -> ReportData:
    """Read the artefacts that exist."""

    def table(name: str, columns: list[str] | None = None) -> Any:
        return workspace.read_table(name, columns) if workspace.exists(name) else None

    catalogue = table(artefacts.CATALOGUE, ["scene_id"])
    prospects = table(artefacts.PROSPECTS)
    tasks = shown_tasks(workspace)
    curated = [task for task in tasks if workspace.exists(artefacts.samples_summary(task))]
    return ReportData(
        catalogue=None if catalogue is None else len(catalogue),
        ledger=ledger.read(workspace) if workspace.exists(artefacts.LEDGER) else None,
        deposits=table(artefacts.DEPOSITS, ["lon", "lat"]),
        labels=table(artefacts.LABELS),
        samples={task: workspace.read_table(artefacts.samples_table(task)) for task in curated},
        summaries={task: workspace.read_json(artefacts.samples_summary(task)) for task in curated},
        evaluations=_read_evaluations(workspace, {task: task for task in tasks}),
        out_of_fold=_read_evaluations(workspace, {task: artefacts.out_of_fold(task) for task in tasks}),
        prospects=None if prospects is None or "expected_number" not in prospects else prospects,
        runs={
            run["job"]: run for run in read_runs(workspace) if run["job"] != "report" and run["state"] == RunState.DONE
        },
        backtests=_read_backtests(workspace),
        leakage={
            task: workspace.read_table(artefacts.samples_leakage(task))
            for task in curated
            if workspace.exists(artefacts.samples_leakage(task))
        },
        tasks=tasks,
        basis=workspace.read_json(artefacts.PROSPECTS_BASIS) if workspace.exists(artefacts.PROSPECTS_BASIS) else {},
        searches={task: workspace.read_table(_search(task)) for task in tasks if workspace.exists(_search(task))},
    )


def shown_tasks(workspace: Workspace) -> list[Task]:
    """The tasks of a workspace, in order; those about every deposit too, unless all that is there is about less."""
    found = [task for folder in (artefacts.SAMPLES, artefacts.EVALUATIONS) for task in find_tasks(workspace, folder)]
    return in_order([*found, *([] if found and all(map(subject_of, found)) else TASKS)])


def _search(task: Task) -> str:
    return artefacts.model(task, TUNED, artefacts.MODEL_SEARCH)


def _read_backtests(workspace: Workspace) -> dict[str, Mapping[str, Any]]:
    """The back-tests that have come to their end, by name."""
    files = {name: artefacts.backtest(name, artefacts.BACKTEST) for name in workspace.list(artefacts.BACKTESTS)}
    return {name: workspace.read_json(file) for name, file in files.items() if workspace.exists(file)}


def _read_evaluations(workspace: Workspace, names: Mapping[Task, str]) -> dict[str, Evaluation]:
    """The evaluations that exist, of the ``names`` by task."""
    return {
        task: Evaluation(
            workspace.read_json(artefacts.evaluation_metrics(name)),
            workspace.read_table(artefacts.evaluation_predictions(name)),
        )
        for task, name in names.items()
        if workspace.exists(artefacts.evaluation_metrics(name))
    }


def max_figures(workspace: Workspace) -> int:
    """Largest number of figures that can be drawn of a workspace; fewer are when no chip holds a deposit."""
    tasks = shown_tasks(workspace)
    figures = {artefacts.LEDGER: 2, artefacts.LABELS: 3, artefacts.PROSPECTS: 2, artefacts.samples_summary(tasks[0]): 1}
    figures |= {artefacts.evaluation_metrics(task): 3 for task in tasks}
    figures |= {artefacts.samples_leakage(task): 1 for task in tasks}
    figures |= {_search(task): 1 for task in tasks}
    figures |= {artefacts.backtest(name, artefacts.BACKTEST): 1 for name in workspace.list(artefacts.BACKTESTS)}
    return sum(number for name, number in figures.items() if workspace.exists(name))
