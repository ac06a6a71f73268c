"""Evaluation of predictions that are written down, on the synthetic test side."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from synthetic_samples import settings

from mineral_pipeline import modelling
from mineral_pipeline.errors import DataError
from mineral_pipeline.modelling.dataset import open_subset
from mineral_pipeline.modelling.spec import write_spec
from mineral_pipeline.learning import Task
from mineral_pipeline.workspace import Workspace, artefacts


def pretend(workspace: Workspace, task: Task, name: str, kind: str, validation: float) -> None:
    base = modelling.grid_specs(settings(workspace), workspace, task)[0]
    spec = replace(base, name=name, kind=kind)
    write_spec(workspace, spec)
    metric = "accuracy" if task == "presence" else "mae"
    about = {"task": task, "name": name, "kind": kind, "convolution": "big", "dense": "big", "seed": 0}
    rest = {"parameters": 9, "epochs": 2, "seconds": 1.0, "validation": {"loss": 0.5, metric: validation}}
    workspace.write_json(artefacts.model(task, name, "metrics.json"), about | rest)


@pytest.mark.parametrize("task", ["presence", "richness"])
def test_evaluation_separates_a_model_that_knows_from_permuted_labels(curated: Workspace, task: Task) -> None:
    side, rng = open_subset(curated, task, "test"), np.random.default_rng(0)
    noise = rng.uniform(0, 1, len(side))
    predictions = {"knows": 0.7 * side.label + 0.3 * noise, "guesses": noise}
    predictions |= {f"random-labels-p{number}": rng.uniform(0, 1, len(side)) for number in range(3)}
    good, bad = (0.9, 0.6) if task == "presence" else (0.1, 0.3)
    pretend(curated, task, "knows", "grid", good)
    pretend(curated, task, "guesses", "grid", bad)
    for number in range(3):
        pretend(curated, task, f"random-labels-p{number}", "random-labels", bad)
    result = modelling.evaluate(curated, task, predictions, 400, seed=0)

    assert result == json.loads(curated.read_bytes(artefacts.evaluation(task, "metrics.json")))
    assert (result["task"], result["best"], result["places"], result["samples"]) == (task, "knows", 24, 72)
    models = {one["name"]: one for one in result["models"]}
    for one in models.values():
        for metric, found in one["metrics"].items():
            assert found["low"] <= found["value"] <= found["high"], metric
    criterion = result["criterion"]
    knows, guesses, baseline = (
        one["metrics"][criterion]["value"] for one in (models["knows"], models["guesses"], result["baseline"])
    )
    assert abs(knows - baseline) > 3 * abs(guesses - baseline)
    assert result["baseline"]["models"] == 3
    assert models["knows"]["p_value"] == result["baseline"]["p_value"] == pytest.approx(1 / 401)
    assert models["guesses"]["p_value"] > 0.02
    assert "p_value" not in models["random-labels-p0"]
    assert result["baseline"]["permutation_p_value"] == 0.25, "no more can be said with three permutations"
    table = curated.read_table(artefacts.evaluation(task, "predictions.parquet"))
    assert list(table.columns) == ["name", "chip", "location_id", "label", "prediction"]
    np.testing.assert_array_equal(table.loc[table["name"] == "knows", "prediction"], predictions["knows"])


def test_the_best_is_chosen_without_the_test_side(curated: Workspace) -> None:
    label = open_subset(curated, "presence", "test").label
    pretend(curated, "presence", "validated", "grid", 0.8)
    pretend(curated, "presence", "lucky", "grid", 0.7)
    result = modelling.evaluate(curated, "presence", {"validated": 1 - label, "lucky": label}, 100, seed=0)
    assert result["best"] == "validated"
    assert "baseline" not in result, "there is none to compare with"
    with pytest.raises(DataError, match="run the job train first"):
        modelling.evaluate(curated, "presence", {}, 100, seed=0)
