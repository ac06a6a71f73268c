"""Scores in each region are those of its samples alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mineral_pipeline.evaluation import measure
from mineral_pipeline.evaluation.pairing import Pairing, find_near
from mineral_pipeline.evaluation.regions import score_regions
from mineral_pipeline.learning import TASKS, Task, local_metric


@pytest.mark.parametrize("task", TASKS)
def test_a_region_is_scored_as_if_it_were_alone(task: Task) -> None:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 60).astype(float) if task == "presence" else rng.random(60)
    region = np.array(["Asia", "", "Europe"])[np.arange(60) % 3]
    region[-1] = "Island"  # a single sample
    samples = pd.DataFrame({"region": region, "label": label})
    lonlat, prediction, name = rng.uniform(0, 8, (60, 2)), rng.random(60), local_metric(task, 500)
    near = find_near(lonlat, np.zeros(60, int), 500, label)
    metric = "brier" if task == "presence" else "mae"
    found = score_regions(task, samples, {"one": prediction}, Pairing(np.zeros(60, int), {name: near}), metric)
    assert [one["region"] for one in found] == ["Asia", "Europe", "Island", "elsewhere"]
    for one in found[:2]:
        rows = region == one["region"]
        alone = measure(task, label[rows], prediction[rows], None, lonlat[rows], local_km=(500,))
        expected = [metric, "auc", name] if task == "presence" else [metric, name]
        assert one["metrics"] == {"one": {key: pytest.approx(alone[key]) for key in expected}}
        assert (one["samples"], one["positives"]) == (rows.sum(), (label[rows] > 0).sum())
    island = found[2]["metrics"]["one"]
    assert island[name] is None
    assert island[metric] == pytest.approx((prediction[-1] - label[-1]) ** 2 if task == "presence"
                                           else abs(prediction[-1] - label[-1]))  # fmt: skip
