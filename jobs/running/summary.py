"""What a run found, in a dozen lines: labels, splits, the best model against its baseline, the first prospects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from mineral_pipeline.workspace import Workspace, artefacts

TASKS = ("presence", "richness")
HEADLINE = {"presence": "accuracy", "richness": "mae"}
PROSPECTS_SHOWN = 3


def summary(workspace: Workspace) -> Table:
    """The table at the end of a run; a row appears when its artefact exists."""
    table = Table(title="what came out", show_header=False, title_justify="left")
    for name, value in _rows(workspace):
        table.add_row(name, value)
    return table


def _rows(workspace: Workspace) -> Iterator[tuple[str, str]]:
    if workspace.exists(artefacts.LABELS):
        labels = workspace.read_table(artefacts.LABELS, ["location_id", "has_deposit", "n_deposits"])
        positive = int(labels["has_deposit"].sum())
        yield (
            "labels",
            f"{len(labels):,} chips of {labels['location_id'].nunique():,} places; {positive:,} chips hold a deposit",
        )
    for task in TASKS:
        if workspace.exists(artefacts.samples(task)):
            samples = workspace.read_table(artefacts.samples(task), ["subset"])
            sides = samples["subset"].value_counts()
            yield (
                f"split, {task}",
                ", ".join(f"{int(sides.get(side, 0)):,} {side}" for side in ("train", "validation", "test")),
            )
    for task in TASKS:
        if workspace.exists(artefacts.evaluation(task, "metrics.json")):
            yield f"test, {task}", _result(task, workspace.read_json(artefacts.evaluation(task, "metrics.json")))
    if workspace.exists(artefacts.PROSPECTS):
        prospects = workspace.read_table(artefacts.PROSPECTS).head(PROSPECTS_SHOWN)
        for place in prospects.itertuples():
            richness = f"richness {place.richness:.2f} ± {place.uncertainty:.2f}"
            distance = f"{place.distance_km:,.0f} km from a known deposit"
            yield f"prospect {place.rank}", f"place {place.location_id}: {richness}, {distance}"
    if workspace.exists(artefacts.REPORT):
        yield "report", workspace.uri(artefacts.REPORT)


def _result(task: str, evaluation: Mapping[str, Any]) -> str:
    metric = HEADLINE[task]
    by_name = {model["name"]: model for model in evaluation["models"]}
    best = by_name[evaluation["best"]]
    random = [model["metrics"][metric]["value"] for model in evaluation["models"] if model["kind"] == "random-labels"]
    value = best["metrics"][metric]
    baseline = f"; random labels {sum(random) / len(random):.3f}" if random else ""
    return f"{best['name']}: {metric} {value['value']:.3f} ({value['low']:.3f} to {value['high']:.3f}){baseline}"
