"""What can be attained on a simulated planet, beside the models of a sample set whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from synthetic_samples import settings, write_samples

from jobs.evaluation.attainable import PATCHES, attainable, read_truth
from jobs.evaluation.results import open_held_out
from mineral_pipeline.learning import METRICS
from mineral_pipeline.settings import Settings
from mineral_pipeline.simulation import TRUTH
from mineral_pipeline.workspace import Workspace


@pytest.fixture
def config(workspace: Workspace, tmp_path: Path) -> Settings:
    """Settings whose simulated archive holds a truth: one patch more where there is a deposit, with some noise."""
    table = write_samples(workspace, "presence", locations=100, chips=1, size=8)
    label = table.groupby("location_id")["label"].first()
    rng = np.random.default_rng(0)
    patches = np.round(2 * label + rng.normal(0, 1, len(label)), 1)
    truth = {name: patches.to_numpy() for name in PATCHES}
    truth |= {"location_id": label.index, "on_land": True, "presence": (0.2 + 0.6 * label).to_numpy()}
    Workspace(str(tmp_path / "archive")).write_table(TRUTH, pd.DataFrame(truth))
    made = settings(workspace, tasks=["presence"])
    archive = made.archive.model_copy(update={"url": str(tmp_path / "archive")})
    return made.model_copy(update={"jobs": ["simulate", "train", "evaluate"], "archive": archive})


def model(name: str, value: float) -> dict[str, object]:
    return {"name": name, "metrics": {metric: {"value": value} for metric in METRICS["presence"]}}


def document(*models: dict[str, object], primary: str = "auc") -> dict[str, object]:
    return {"models": models, "best": "network", "primary_metric": primary}


def test_boosting_sees_the_patches_and_gains_are_shares_of_what_it_reaches(
    config: Settings, workspace: Workspace
) -> None:
    samples = open_held_out(workspace, "presence")
    models = model("network", 0.6), model("constant", 0.5)
    found = attainable(config, "presence", samples, document(*models))["attainable"]
    truth = read_truth(config)
    assert truth is not None
    expected = roc_auc_score(samples.test["label"], truth.loc[samples.test["location_id"], "n_patches"])
    assert found["scores"]["bayes"]["auc"] == 1
    assert abs(found["scores"]["attainable"]["auc"] - expected) < 0.15
    assert found["scores"]["attainable"]["auc"] > 0.7
    assert found["gains"]["network"]["auc"] == pytest.approx(0.1 / (found["scores"]["attainable"]["auc"] - 0.5))
    assert found["gains"]["constant"]["auc"] == 0
    assert (found["metric"], found["part"]) == ("auc", f"{found['gains']['network']['auc']:.0%}")
    # attainable scores are not of pairs of places: another metric is told
    other = attainable(config, "presence", samples, document(*models, primary="local_auc_500"))["attainable"]
    assert other["metric"] == "accuracy"


def test_there_is_no_gain_where_nothing_can_be_attained_and_no_truth_elsewhere(
    config: Settings, workspace: Workspace
) -> None:
    samples = open_held_out(workspace, "presence")
    known = attainable(config, "presence", samples, document(model("network", 0.6), model("constant", 1.0)))
    assert known["attainable"]["part"] == ""
    assert "auc" not in known["attainable"]["gains"]["network"]
    real = config.model_copy(update={"jobs": ["train", "evaluate"]})
    assert attainable(real, "presence", samples, document(model("network", 0.6))) == {}
