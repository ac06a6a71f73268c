"""Any metric may choose the best model, also of models that were trained before it was asked for."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from synthetic_samples import criterion, pretend_trained, settings, write_samples

from mineral_pipeline import modelling
from mineral_pipeline.errors import DataError, WorkspaceError
from mineral_pipeline.evaluation import measure
from mineral_pipeline.learning import TASKS, Task, local_metric
from mineral_pipeline.modelling import Criterion, ModelSpec
from mineral_pipeline.workspace import Workspace, artefacts

LOCAL_KM = (150,)


def leave(workspace: Workspace, spec: ModelSpec, prediction: np.ndarray, keep: tuple[str, ...]) -> dict[str, float]:
    """A model that has left its predictions, and some of its metrics; returns all of them."""
    subset = modelling.open_subset(workspace, spec.task, "validation")
    table = subset.table[["chip_id"]].assign(prediction=prediction).sample(frac=1, random_state=0)
    workspace.write_table(artefacts.model(spec.task, spec.name, artefacts.MODEL_PREDICTIONS), table)
    lonlat = subset.table[["lon", "lat"]].to_numpy()
    metrics = measure(spec.task, subset.label, prediction, subset.weight, lonlat, local_km=LOCAL_KM)
    pretend_trained(workspace, spec, validation={"loss": 1.0} | {name: metrics[name] for name in keep})
    return metrics


@pytest.mark.parametrize("task", TASKS)
def test_the_best_by_every_metric_is_that_of_its_predictions(workspace: Workspace, task: Task) -> None:
    """Models hold accuracy or MAE only, as those of before did; the rest is computed from what they left."""
    write_samples(workspace, task, locations=60, chips=2, size=16)
    rng, label = np.random.default_rng(0), modelling.open_subset(workspace, task, "validation").label
    specs = modelling.grid_specs(settings(workspace), workspace, task)[:5]
    kept = ("accuracy",) if task == "presence" else ("mae",)
    drawn = [np.clip(0.9 * label + rng.uniform(0.1, 1) * rng.uniform(-1, 1, len(label)), 0, 1) for _ in specs]
    drawn[0] = 0.1 * label  # in perfect order, at the wrong level
    found = {spec.name: leave(workspace, spec, one, kept) for spec, one in zip(specs, drawn, strict=True)}
    lower = ("brier", "calibration", "cross_entropy", "mae", "mse", "rmse")
    chosen = set()
    for metric in next(iter(found.values())):
        expected = (min if metric in lower else max)(found, key=lambda name: found[name][metric])
        by_metric = Criterion(metric, partial(measure, local_km=LOCAL_KM))
        values = [one[metric] for one in found.values()]
        best = modelling.select_model(workspace, task, list(found), by_metric)
        assert best is not None
        assert found[best.name][metric] == found[expected][metric], metric
        chosen |= {best.name} if values.count(found[expected][metric]) == 1 else set()
    assert local_metric(task, 150) in found[specs[0].name]
    assert len(chosen) > 1, "metrics should differ in what they choose"


def test_a_metric_that_is_not_defined_says_so(workspace: Workspace) -> None:
    write_samples(workspace, "presence", locations=20, chips=1, size=16)
    spec, other = modelling.grid_specs(settings(workspace), workspace, "presence")[:2]
    leave(workspace, spec, np.linspace(0, 1, 4), ())
    by_local = Criterion("local_auc_1", partial(measure, local_km=(1,)))
    with pytest.raises(DataError, match=r"train\.primary_metric\.presence: local_auc_1 is not defined on the valid"):
        modelling.select_model(workspace, "presence", [spec.name], by_local)
    pretend_trained(workspace, spec, validation={"loss": 1.0, "auc": None})
    with pytest.raises(DataError, match="auc is not defined"):
        modelling.select_model(workspace, "presence", [spec.name], criterion("presence", "auc"))
    pretend_trained(workspace, replace(other, name=other.name), validation={"loss": 1.0})
    with pytest.raises(WorkspaceError, match=r"tells of no predictions\.parquet"):
        modelling.select_model(workspace, "presence", [other.name], criterion("presence"))
