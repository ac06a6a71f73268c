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
from mineral_pipeline.evaluation import ModelPredictions, measure
from mineral_pipeline.evaluation.comparison import _candidates, _judged
from mineral_pipeline.evaluation.significance import choose
from mineral_pipeline.learning import TASKS, Task
from mineral_pipeline.modelling import grid_specs, select_model
from mineral_pipeline.modelling.baselines import BASELINES, Baseline, Target, register
from mineral_pipeline.modelling.spec import write_spec
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts

# Keras 3.15 makes arrays of TensorFlow variables in a way that numpy 2 announces to retire.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def config(workspace: Workspace) -> Settings:
    """One architecture and one candidate for presence, on 30 locations."""
    write_samples(workspace, "presence", locations=30, chips=2, size=32)
    write_leakage(workspace, "presence", 0.0)
    summary = workspace.read_json(artefacts.samples_summary("presence"))
    workspace.write_json(artefacts.samples_summary("presence"), {**summary, "split": "blocks"})
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
    assert result["interval"] == {"unit": "blocks", "units": 3}, "two locations to a block"
    assert (result["significance"]["n_label_fields"], result["significance"]["models"]) == (100, 2)
    assert 1 / 101 <= result["significance"]["p_value"] <= 1
    assert len(workspace.read_table(artefacts.evaluation_predictions("presence"))) == 5 * 12

    for network in ("random-labels-p0", "tuned"):
        workspace.remove(artefacts.model("presence", network))
    workspace.write_bytes(artefacts.model("presence", "constant", artefacts.MODEL_BASELINE), b"{}")  # a broken model
    counts = evaluate.main(config, client)
    assert (counts.done, counts.failed, counts.reasons) == (2, 1, {"WorkspaceError": 1})


@pytest.mark.parametrize("task", TASKS)
def test_the_choice_on_label_fields_is_that_of_the_best_model(workspace: Workspace, task: Task) -> None:
    """On the true labels both rules choose the same of models that share metrics and losses."""
    write_samples(workspace, task, locations=60, chips=1, size=16)
    write_leakage(workspace, task, 0.0)
    samples, rng = evaluate.open_held_out(workspace, task), np.random.default_rng(0)
    label, n = samples.validation["label"].to_numpy(), len(samples.validation)
    specs = grid_specs(settings(workspace, tasks=[task]), workspace, task)
    for spec in specs:
        right = rng.permutation(n) < 7  # all are right as often; only their losses differ
        sure = rng.uniform(0.1, 0.4)
        prediction = np.clip(np.where(right, label, 1 - label), 0.5 - sure, 0.5 + sure) if task == "presence" else label
        write_spec(workspace, spec)
        metrics = measure(task, label, prediction)
        facts = {"name": spec.name, "kind": spec.kind, "validation": {**metrics, "loss": metrics[spec.loss]}}
        workspace.write_json(artefacts.model(task, spec.name, artefacts.MODEL_METRICS), facts)
        table = samples.validation[["chip_id"]].assign(prediction=prediction).sample(frac=1, random_state=1)
        workspace.write_table(artefacts.model(task, spec.name, artefacts.MODEL_PREDICTIONS), table)
    names = [spec.name for spec in specs]
    best = select_model(workspace, task, names).name
    test = np.full(len(samples.test), 0.5)
    read = [evaluate.validation_prediction(workspace, task, name, samples.validation) for name in names]
    models = [ModelPredictions({"name": n}, test, one, specs[0].loss) for n, one in zip(names, read, strict=True)]
    judged, found = _judged(task, samples), _candidates(models)
    assert found[choose(task, judged.field.label[None], judged, found)[0]].name == best


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
