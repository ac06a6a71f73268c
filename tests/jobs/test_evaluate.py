"""The evaluate job after a real train and tune of one small network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from distributed import Client
from synthetic_samples import settings, write_leakage, write_samples

from jobs import evaluate, train, tune
from mineral_pipeline.errors import DataError
from mineral_pipeline.modelling.baselines import BASELINES, Baseline, Target, register
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts

# Keras 3.15 makes arrays of TensorFlow variables in a way that numpy 2 announces to retire.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def config(workspace: Workspace) -> Settings:
    """One architecture and one candidate for presence, on 30 locations."""
    write_samples(workspace, "presence", locations=30, chips=2, size=32)
    write_leakage(workspace, "presence", 0.0)
    quick = {"convolutions": ["small"], "dense_layers": ["small"], "epochs": 2, "n_label_permutations": 1}
    return settings(
        workspace, tasks=["presence"], train=quick, tune={"candidates": 1, "epochs": 1}, evaluate={"n_resamples": 100}
    )


def test_train_tune_evaluate(client: Client, config: Settings, workspace: Workspace) -> None:
    stored = {name: workspace.path(artefacts.samples_store("presence", name)) for name in ("test", "away")}
    workspace._fs.mv(stored["test"], stored["away"], recursive=True)  # train and tune must do without
    assert train.main(config, client).done == 4
    assert tune.main(config, client).done == 1
    workspace._fs.mv(stored["away"], stored["test"], recursive=True)

    assert evaluate.plan(config).counts.planned == 5
    counts = evaluate.main(config, client)
    assert (counts.unit, counts.planned, counts.done, counts.failed) == ("models", 5, 5, 0)
    result = workspace.read_json(artefacts.evaluation_metrics("presence"))
    names = ["brightness", "constant", "random-labels-p0", "small-small-s0", "tuned"]
    assert [one["name"] for one in result["models"]] == names
    assert result["best"] in ("small-small-s0", "tuned")
    assert len(workspace.read_table(artefacts.evaluation_predictions("presence"))) == 5 * 12

    for network in ("random-labels-p0", "tuned"):
        workspace.remove(artefacts.model("presence", network))
    workspace.write_bytes(artefacts.model("presence", "constant", artefacts.MODEL_BASELINE), b"{}")  # a broken model
    counts = evaluate.main(config, client)
    assert (counts.done, counts.failed, counts.reasons) == (2, 1, {"WorkspaceError": 1})


@dataclass(frozen=True)
class Rule:
    """Predicts the same for every chip of a location."""

    probability: dict[str, float]

    def predict(self, features: pd.DataFrame) -> np.ndarray:
        return features["location_id"].map(self.probability).fillna(0.5).to_numpy()


def fit_rule(features: pd.DataFrame, target: Target) -> Rule:
    return Rule({str(key): 1.0 for key in features["location_id"][target.label > 0]})


def test_a_baseline_from_outside_is_trained_and_evaluated_like_the_others(
    client: Client, config: Settings, workspace: Workspace
) -> None:
    register(Baseline("memory", "memory of locations", lambda samples: samples.table, fit_rule))
    try:
        assert train.plan(config).counts.planned == train.main(config, client).done == 5
        assert evaluate.main(config, client).done == 5
    finally:
        BASELINES.unregister("memory")
    result = workspace.read_json(artefacts.evaluation_metrics("presence"))
    baselines = {one["kind"]: one["label"] for one in result["models"] if one["role"] == "baseline"}
    assert baselines == {
        "brightness": "brightness only",
        "constant": "constant",
        "memory": "memory of locations",
        "random-labels": "random labels",
    }
    (memory,) = (one for one in result["models"] if one["kind"] == "memory")
    assert memory["metrics"]["auc"]["value"] == 0.5, "test locations are not those of training"
    assert (memory["parameters"], memory["convolution"], memory["dense"]) == (None, None, None)


def test_there_must_be_a_model(client: Client, config: Settings) -> None:
    assert evaluate.plan(config).counts.planned == 0
    with pytest.raises(DataError, match="run the job train first"):
        evaluate.main(config, client)
