"""The evaluate job after a real train and tune of one small network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from distributed import Client
from synthetic_samples import criterion, pretend_trained, settings, write_leakage, write_samples

from jobs import evaluate, train, tune
from jobs.evaluation import results
from jobs.running import provenance
from jobs.running.summary import summary
from mineral_pipeline import modelling, reporting
from mineral_pipeline.errors import DataError
from mineral_pipeline.evaluation import Resampling, Terms, measure
from mineral_pipeline.evaluation.comparison import _candidates, _judged
from mineral_pipeline.evaluation.significance import choose
from mineral_pipeline.learning import TASKS, SubsetName, Task
from mineral_pipeline.modelling import Measure, ModelSpec, grid_specs, select_model
from mineral_pipeline.modelling.baselines import BASELINES, Baseline, Examples, register
from mineral_pipeline.settings import Settings, parse
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
    quick |= {"hyperparameters": {"learning_rate": 0.01}}  # else two epochs leave the network a constant
    tune = {"candidates": 1, "epochs": 2, "learning_rate": [0.005, 0.01]}
    return settings(workspace, tasks=["presence"], train=quick, tune=tune, evaluate={"n_resamples": 100})


@pytest.mark.usefixtures("few_baselines")
def test_train_tune_evaluate(
    client: Client, config: Settings, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = {name: workspace.path(artefacts.samples_store("presence", name)) for name in ("test", "away")}
    workspace._fs.mv(stored["test"], stored["away"], recursive=True)  # train and tune must do without
    assert train.main(config, client).done == 2 + len(BASELINES)
    assert tune.main(config, client).done == 1
    workspace._fs.mv(stored["away"], stored["test"], recursive=True)

    models = 3 + len(BASELINES)
    plan = evaluate.plan(config)
    assert plan.counts.planned == models
    assert "MB beside the 800 MB of a worker with TensorFlow" in plan.details["memory of a task"]
    counts = evaluate.main(config, client)
    assert (counts.unit, counts.planned, counts.done, counts.failed) == ("models", models, models, 0)
    result = workspace.read_json(artefacts.evaluation_metrics("presence"))
    names = [*BASELINES, "random-labels-p0", "small-small-s0", "tuned"]
    assert [one["name"] for one in result["models"]] == sorted(names)
    assert {one["name"] for one in result["models"] if not one["pixels"]} == {"constant"}
    assert result["best"] in ("small-small-s0", "tuned")
    assert result["interval"] == {"unit": "blocks", "units": 3}, "two locations to a block"
    assert (result["significance"]["n_label_fields"], result["significance"]["models"]) == (100, 2)
    assert 1 / 101 <= result["significance"]["p_value"] <= 1
    assert len(workspace.read_table(artefacts.evaluation_predictions("presence"))) == models * 12
    _compares_with_the_bar(result)
    said = " ".join(capsys.readouterr().out.split())
    assert f"evaluate: presence: {' '.join(result['verdict'].split())}" in said
    _another_criterion_chooses_anew_and_trains_nothing(client, config, workspace)

    for network in ("random-labels-p0", "tuned"):
        workspace.remove(artefacts.model("presence", network))
    broken = artefacts.model("presence", "constant", artefacts.MODEL_BASELINE)  # of the size that it had
    workspace.write_bytes(broken, bytes(len(workspace.read_bytes(broken))))
    counts = evaluate.main(config, client)
    assert (counts.planned, counts.done, counts.failed) == (models - 1, models - 3, 2)
    assert counts.reasons == {"WorkspaceError": 2}
    shown = " ".join(capsys.readouterr().out.split())
    assert (
        "presence/random-labels-p0 failed: WorkspaceError: it is not trained as the settings say, or damaged: run train"
        in shown
    )
    assert "model.skops is damaged (its content is not what was written): run `mineral-pipeline repair" in shown


def _compares_with_the_bar(result: dict[str, Any]) -> None:
    pairs = {(one["model"], one["baseline"]) for one in result["bar"]["differences"]}
    baselines = (*BASELINES, "random-labels-p0")
    assert pairs == {(network, one) for network in ("small-small-s0", "tuned") for one in baselines}
    accuracy = {one["name"]: one["metrics"]["accuracy"]["value"] for one in result["models"]}
    assert accuracy[result["bar"]["best"]] == max(accuracy[one] for one in baselines)
    for one in result["bar"]["differences"]:
        difference = one["metrics"]["accuracy"]["value"]
        assert difference == pytest.approx(accuracy[one["model"]] - accuracy[one["baseline"]])
    for one in result["models"]:
        assert ("reliability" in one) == (one["name"] not in ("constant", "random-labels-p0")), one["name"]
    told = next(one for one in result["models"] if one["name"] == result["best"])["reliability"]
    assert told["calibrations"][0]["method"] == "temperature"
    assert sum(one["samples"] for one in told["after"]["bins"]) == result["samples"]
    assert "added" not in result, "twelve samples are too few"
    assert "regions" not in result, "the samples tell none"
    assert set(result["pairs"]) == {"local_auc_500", "local_auc_1000"}
    assert all(set(one["metrics"]) >= set(result["pairs"]) for one in result["models"])


def _another_criterion_chooses_anew_and_trains_nothing(client: Client, config: Settings, workspace: Workspace) -> None:
    table = workspace.read_table(artefacts.samples_table("presence"))
    workspace.write_table(artefacts.samples_table("presence"), table.assign(region="Asia"))
    other = parse(config.model_dump(mode="json") | {"train": config.train.model_dump() | AUC})
    assert train.main(other, client).skipped == 2 + len(BASELINES)
    assert tune.main(other, client).skipped == 1
    assert evaluate.main(other, client).failed == 0
    result = workspace.read_json(artefacts.evaluation_metrics("presence"))
    assert result["primary_metric"] == "auc"
    (asia,) = result["regions"]
    shown = {*BASELINES, "random-labels-p0", result["best"]}
    assert (asia["region"], asia["samples"], set(asia["metrics"])) == ("Asia", 12, shown)
    assert set(asia["metrics"]["constant"]) == {"auc", "local_auc_500", "local_auc_1000"}
    for job in ("train", "tune", "evaluate"):
        assert provenance.read_settings(other, job) != provenance.read_settings(config, job), job
    evaluate.main(config, client)


@pytest.mark.parametrize("task", TASKS)
def test_the_choice_on_label_fields_is_that_of_the_best_model(workspace: Workspace, task: Task) -> None:
    """On the true labels both rules choose the same of models that share metrics and losses."""
    write_samples(workspace, task, locations=60, chips=1, size=16)
    write_leakage(workspace, task, 0.0)
    samples, rng = results.open_held_out(workspace, task), np.random.default_rng(0)
    label, n = samples.validation["label"].to_numpy(), len(samples.validation)
    specs = grid_specs(settings(workspace, tasks=[task]), workspace, task)
    for spec in specs:
        right = rng.permutation(n) < 7  # all are right as often; only their losses differ
        sure = rng.uniform(0.1, 0.4)
        prediction = np.clip(np.where(right, label, 1 - label), 0.5 - sure, 0.5 + sure) if task == "presence" else label
        metrics = measure(task, label, prediction)
        table = samples.validation[["chip_id"]].assign(prediction=prediction).sample(frac=1, random_state=1)
        workspace.write_table(artefacts.model(task, spec.name, artefacts.MODEL_PREDICTIONS), table)
        pretend_trained(workspace, spec, validation={**metrics, "loss": metrics[spec.loss]})
    names = [spec.name for spec in specs]
    best = select_model(workspace, task, names, criterion(task)).name
    test = np.full(len(samples.test), 0.5)
    models = [results.describe(workspace, task, name, test, samples.validation) for name in names]
    metric = criterion(task).metric
    judged, found = _judged(task, samples, Terms(metric, (), Resampling(99, 0))), _candidates(models)
    assert found[choose(task, judged.field.label[None], judged, found)[0]].name == best


@dataclass(frozen=True)
class Rule:
    """Predicts the same for every chip of a location."""

    probability: dict[str, float]

    def predict(self, features: pd.DataFrame) -> np.ndarray:
        return features["location_id"].map(self.probability).fillna(0.5).to_numpy()


def fit_rule(train: Examples, validation: Examples) -> Rule:
    return Rule({str(key): 1.0 for key in train.features["location_id"][train.label > 0]})


@pytest.mark.usefixtures("few_baselines")
def test_a_baseline_from_outside_is_trained_and_evaluated_like_the_others(
    client: Client, config: Settings, workspace: Workspace
) -> None:
    register(Baseline("memory", "memory of locations", lambda samples: samples.table, fit_rule, types=[Rule]))
    try:
        models = 2 + len(BASELINES)
        assert train.plan(config).counts.planned == train.main(config, client).done == models
        assert evaluate.main(config, client).done == models
    finally:
        BASELINES.unregister("memory")
    result = workspace.read_json(artefacts.evaluation_metrics("presence"))
    baselines = {one["kind"]: one["label"] for one in result["models"] if one["role"] == "baseline"}
    assert baselines == {
        **{baseline.name: baseline.label for baseline in BASELINES.values()},
        "memory": "memory of locations",
        "random-labels": "random labels",
    }
    (memory,) = (one for one in result["models"] if one["kind"] == "memory")
    assert memory["metrics"]["auc"]["value"] == 0.5, "test locations are not those of training"
    assert (memory["parameters"], memory["convolution"], memory["dense"]) == (None, None, None)


@pytest.fixture
def rich(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """One architecture for richness, and an ensemble of three; networks are doubles."""
    write_samples(workspace, "richness", locations=30, chips=2, size=8)
    write_leakage(workspace, "richness", 0.0)
    monkeypatch.setattr(train, "fit", fit_double)
    monkeypatch.setattr(evaluate, "predict_subset", predict_double)
    quick = {"convolutions": ["small"], "dense_layers": ["small"], "n_label_permutations": 1}
    return settings(
        workspace, tasks=["richness"], jobs=["train", "evaluate", "prospect"], train=quick,
        evaluate={"n_resamples": 100}, prospect={"ensemble_size": 3},
    )  # fmt: skip


AUC = {"primary_metric": {"presence": "auc"}}

COLLAPSING: set[str] = set()
"""Names of the doubles that collapse."""


def fit_double(workspace: Workspace, spec: ModelSpec, measure: Measure) -> dict[str, Any]:
    if spec.network is None:
        return modelling.fit(workspace, spec, measure)
    facts = {"role": spec.role, "label": spec.name, "network": spec.network, "seed": spec.seed}
    facts |= {"convolution": None, "dense": None, "collapsed": spec.name in COLLAPSING}
    validation = modelling.open_subset(workspace, spec.sample_set, "validation")
    table = validation.table[["chip_id"]].assign(prediction=validation.label)
    workspace.write_table(artefacts.model(spec.sample_set, spec.name, artefacts.MODEL_PREDICTIONS), table)
    return pretend_trained(workspace, spec, validation={"mae": 0.1, "loss": 0.1}, **facts)


def predict_double(workspace: Workspace, sample_set: str, name: str, subset: SubsetName) -> np.ndarray:
    """The labels with an error that members do not share; half for everything that has collapsed."""
    found = modelling.open_subset(workspace, sample_set, subset)
    shift = {"member-s0": 0.1, "member-s1": -0.1, "member-s2": 0.03}.get(name, 0.2)
    return np.full(len(found), 0.5) if name in COLLAPSING else found.label.astype(float) + shift


@pytest.fixture
def collapsing() -> Iterator[set[str]]:
    """To be filled with the names of networks that collapse."""
    yield COLLAPSING
    COLLAPSING.clear()


@pytest.mark.usefixtures("few_baselines")
def test_the_ensemble_and_its_members_are_evaluated(client: Client, rich: Settings, workspace: Workspace) -> None:
    train.main(rich, client)
    models = 2 + len(BASELINES) + 3
    assert evaluate.plan(rich).counts.planned == models
    counts = evaluate.main(rich, client)
    assert (counts.planned, counts.done, counts.failed) == (models, models, 0)
    result = workspace.read_json(artefacts.evaluation_metrics("richness"))
    models = {one["name"]: one for one in result["models"]}
    members = ["member-s0", "member-s1", "member-s2"]
    assert [models[name]["kind"] for name in members] == ["ensemble-member"] * 3
    assert [models[name]["metrics"]["mae"]["value"] for name in members] == pytest.approx([0.1, 0.1, 0.03])
    ensemble = models["ensemble"]
    assert (ensemble["kind"], ensemble["role"], ensemble["members"]) == ("ensemble", "network", members)
    assert ensemble["metrics"]["mae"]["value"] == pytest.approx(0.01)
    assert ensemble["metrics"]["rmse"]["low"] <= ensemble["metrics"]["rmse"]["high"]
    assert result["best"] == "small-small-s0", "selected on the validation subset, among single models"
    table = workspace.read_table(artefacts.evaluation_predictions("richness"))
    by_name = {name: part["prediction"].to_numpy() for name, part in table.groupby("name")}
    np.testing.assert_allclose(by_name["ensemble"], sum(by_name[name] for name in members) / 3)
    assert evaluate.main(rich, client).done == 2 + len(BASELINES) + 3


@pytest.mark.usefixtures("few_baselines")
def test_without_the_job_prospect_no_ensemble_is_trained(client: Client, rich: Settings, workspace: Workspace) -> None:
    alone = rich.model_copy(update={"jobs": ["train", "evaluate"]})
    train.main(alone, client)
    assert evaluate.main(alone, client).done == 2 + len(BASELINES)
    names = [one["name"] for one in workspace.read_json(artefacts.evaluation_metrics("richness"))["models"]]
    assert not [name for name in names if name.startswith(("member", "ensemble"))]
    assert not workspace.exists(artefacts.model("richness", "member-s0"))
    read = provenance.read_settings
    assert read(alone, "evaluate") != read(rich, "evaluate"), "it runs again with prospect"
    assert read(alone, "train") == read(rich, "train")


@pytest.mark.usefixtures("few_baselines")
def test_collapsed_members_are_named_and_not_in_the_mean(
    client: Client, rich: Settings, workspace: Workspace, collapsing: set[str]
) -> None:
    collapsing.add("member-s2")
    train.main(rich, client)
    evaluate.main(rich, client)
    models = {one["name"]: one for one in workspace.read_json(artefacts.evaluation_metrics("richness"))["models"]}
    assert models["member-s2"]["collapsed"]
    assert models["ensemble"]["members"] == ["member-s0", "member-s1"]
    assert models["ensemble"]["metrics"]["mae"]["value"] == pytest.approx(0, abs=1e-7)


@pytest.mark.usefixtures("few_baselines")
def test_where_every_network_collapses_the_constant_is_the_result(
    client: Client, rich: Settings, workspace: Workspace, collapsing: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    collapsing.update(["small-small-s0", "random-labels-p0"])
    train.main(rich, client)
    counts = evaluate.main(rich, client)
    assert counts.done == counts.planned == 2 + len(BASELINES)
    assert "evaluate: richness: Every network has collapsed to a constant: " in " ".join(
        capsys.readouterr().out.split()
    )
    result = workspace.read_json(artefacts.evaluation_metrics("richness"))
    assert result["best"] == "constant"
    assert {one["name"] for one in result["models"] if one["collapsed"]} == {"small-small-s0", "random-labels-p0"}
    _says_so(workspace)
    _is_on_the_page(workspace)


def _says_so(workspace: Workspace) -> None:
    rows = dict(zip(*(column.cells for column in summary(workspace).columns), strict=True))
    assert rows["test, richness"].startswith("every network has collapsed to a constant; constant: mae 0.")


def _is_on_the_page(workspace: Workspace) -> None:
    data = replace(reporting.read(workspace), summaries={})
    page = reporting.build_page(data, reporting.PageOptions("t", "w", 5))
    (section,) = (section for section in page.sections if section.id == "richness")
    assert "Every network has collapsed to a constant: the result is the baseline constant" in section.text[0]
    tables = [item for item in section.items if isinstance(item, reporting.Table)]
    assert ("small-small-s0", "") in tables[0].rows
    assert "collapsed" in tables[0].header[0]
    (figure,) = (figure for figure in page.key_figures if figure.label.startswith("richness"))
    assert figure.detail.startswith("a constant: every network collapsed; ")


def test_there_must_be_a_model(client: Client, config: Settings) -> None:
    assert evaluate.plan(config).counts.planned == 0
    with pytest.raises(DataError, match="run the job train first"):
        evaluate.main(config, client)
