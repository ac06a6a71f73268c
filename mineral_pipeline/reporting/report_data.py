"""What a workspace holds for the report to show. Whatever no job has made yet is None or absent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import pandas as pd

from mineral_pipeline.workspace import Workspace, artefacts

TASKS = ("presence", "richness")


@dataclass(frozen=True)
class Evaluation:
    """What ``evaluate`` found for one task."""

    metrics: Mapping[str, Any]
    """``evaluation/<task>/metrics.json``."""
    predictions: pd.DataFrame
    """``evaluation/<task>/predictions.parquet``: name, chip, bucket, label, prediction of the test side."""

    @property
    def models(self) -> list[dict[str, Any]]:
        """Every model: name, kind, convolution, dense, and metrics with value, low and high."""
        return list(self.metrics["models"])

    @property
    def best(self) -> dict[str, Any]:
        """The model that the validation side chose."""
        return next(model for model in self.models if model["name"] == self.metrics["best"])

    @property
    def random_labels(self) -> list[dict[str, Any]]:
        """The models trained on permuted labels."""
        return [model for model in self.models if model["kind"] == "random-labels"]


@dataclass(frozen=True)
class ReportData:
    """Tables and documents of a workspace."""

    catalogue: int | None
    """Scenes of the catalogue."""
    ledger: gpd.GeoDataFrame | None
    """What became of every scene."""
    deposits: pd.DataFrame | None
    """Known deposits: lon, lat."""
    labels: pd.DataFrame | None
    """Targets of every chip."""
    samples: Mapping[str, gpd.GeoDataFrame]
    """Table of samples by task."""
    summaries: Mapping[str, Mapping[str, Any]]
    """``samples/<task>/summary.json`` by task."""
    evaluations: Mapping[str, Evaluation]
    """By task."""
    prospects: gpd.GeoDataFrame | None
    """Ranked places."""
    runs: Mapping[str, Mapping[str, Any]]
    """Record of the newest run of every job, in the order in which they ran."""
    leaks: Mapping[str, gpd.GeoDataFrame] = field(default_factory=dict)
    """``samples/<task>/leak.parquet`` by task: side, bucket, shared, meets_test and outline of every place."""


def read(workspace: Workspace) -> ReportData:
    """Read what is there."""

    def table(name: str, columns: list[str] | None = None) -> Any:
        return workspace.read_table(name, columns) if workspace.exists(name) else None

    catalogue = table(artefacts.CATALOGUE, ["product_id"])
    curated = [task for task in TASKS if workspace.exists(f"samples/{task}/summary.json")]
    evaluated = [task for task in TASKS if workspace.exists(artefacts.evaluation(task, "metrics.json"))]
    return ReportData(
        catalogue=None if catalogue is None else len(catalogue),
        ledger=table(artefacts.LEDGER),
        deposits=table(artefacts.DEPOSITS, ["lon", "lat"]),
        labels=table(artefacts.LABELS),
        samples={task: workspace.read_table(artefacts.samples(task)) for task in curated},
        summaries={task: workspace.read_json(f"samples/{task}/summary.json") for task in curated},
        evaluations={task: _evaluation(workspace, task) for task in evaluated},
        prospects=table(artefacts.PROSPECTS),
        runs={run["job"]: run for run in workspace.runs() if run["job"] != "report"},
        leaks={task: workspace.read_table(name) for task in curated if workspace.exists(name := _leak_name(task))},
    )


def _leak_name(task: str) -> str:
    """Name of the table of places on which the leak of a task was measured."""
    return f"samples/{task}/leakage.parquet"


def _evaluation(workspace: Workspace, task: str) -> Evaluation:
    metrics = workspace.read_json(artefacts.evaluation(task, "metrics.json"))
    return Evaluation(metrics, workspace.read_table(artefacts.evaluation(task, "predictions.parquet")))


def max_figures(workspace: Workspace) -> int:
    """At most so many figures can be drawn of what is there; fewer when no chip holds a deposit."""
    figures = {artefacts.LEDGER: 2, artefacts.LABELS: 3, artefacts.PROSPECTS: 1, f"samples/{TASKS[0]}/summary.json": 1}
    figures |= {artefacts.evaluation(task, "metrics.json"): 2 for task in TASKS}
    figures |= {_leak_name(task): 1 for task in TASKS}
    return sum(number for name, number in figures.items() if workspace.exists(name))
