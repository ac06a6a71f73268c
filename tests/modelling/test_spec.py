"""What decides a model, the lists of models, and which is the best."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from synthetic_samples import criterion, pretend_trained, settings

from mineral_pipeline import modelling
from mineral_pipeline.errors import DataError, SettingsError, WorkspaceError
from mineral_pipeline.learning import Task
from mineral_pipeline.modelling.baselines import BASELINES
from mineral_pipeline.modelling.model_files import write_metrics
from mineral_pipeline.modelling.spec import ModelSpec
from mineral_pipeline.workspace import Workspace, artefacts


@pytest.fixture
def sampled(workspace: Workspace) -> Workspace:
    """Digests of samples without any: enough to name models."""
    for task in ("presence", "richness"):
        workspace.write_json(artefacts.samples_summary(task), {"digest": task})
    return workspace


def pretend(workspace: Workspace, spec: ModelSpec, **validation: float) -> None:
    pretend_trained(workspace, spec, validation=validation)


def select(workspace: Workspace, sample_set: str, names: list[str]) -> str | None:
    best = modelling.select_model(
        workspace, sample_set, names, criterion("richness" if "richness" in sample_set else "presence")
    )
    return best and best.name


def test_the_grid_is_every_pair_and_seed(sampled: Workspace) -> None:
    specs = modelling.grid_specs(settings(sampled, train={"seeds": [0, 7]}), sampled, "presence")
    assert len({spec.name for spec in specs}) == 18
    assert {(spec.network, spec.seed) for spec in specs if spec.name == "small-big-s7"} == {("small-big", 7)}
    assert specs[0].name == "big-big-s0", "the longest first"
    assert {spec.loss for spec in specs} == {"cross_entropy"}


def test_further_networks_come_after_the_grid_and_once(sampled: Workspace) -> None:
    one = {"convolutions": ["small"], "dense_layers": ["small"], "seeds": [0, 7]}
    config = settings(sampled, train=one | {"networks": ["big-small", "small-small"]})
    names = [spec.name for spec in modelling.grid_specs(config, sampled, "presence")]
    assert names == ["small-small-s0", "small-small-s7", "big-small-s0", "big-small-s7"]
    models = [*names, *modelling.baseline_specs(config, sampled, "presence")]
    assert modelling.model_names(config) == [*names, *(spec.name for spec in models[4:])]
    assert len(models) == 4 + 3 + len(BASELINES)


def test_an_unknown_network_is_refused_by_the_name_of_its_setting(sampled: Workspace) -> None:
    config = settings(sampled, train={"networks": ["big-small", "huge"]})
    for refused in (
        lambda: modelling.check_networks(config),
        lambda: modelling.model_names(config),
        lambda: modelling.grid_specs(config, sampled, "presence"),
    ):
        with pytest.raises(SettingsError, match=r"train\.networks: unknown network 'huge': choose among small-small, "):
            refused()


def test_baselines_are_permuted_labels_and_all_that_are_registered(sampled: Workspace) -> None:
    config = settings(sampled, train={"n_label_permutations": 2, "richness_loss": "mse"}, seed=5)
    specs = {spec.name: spec for spec in modelling.baseline_specs(config, sampled, "richness")}
    assert list(specs) == ["random-labels-p0", "random-labels-p1", *BASELINES]
    known = {"brightness", "constant", "coordinates", "metadata", "random-convolutions", "statistics"}
    assert known <= set(BASELINES)
    assert {name for name in known if not BASELINES[name].pixels} == {"constant", "coordinates", "metadata"}
    assert [spec.permutation for spec in specs.values()] == [0, 1, *[None] * len(BASELINES)]
    assert specs["random-labels-p1"].network == "medium-medium"
    assert {spec.loss for spec in specs.values()} == {"mse"}


def test_a_spec_survives_its_file_and_samples_belong_to_it(sampled: Workspace) -> None:
    spec = modelling.grid_specs(settings(sampled), sampled, "presence")[3]
    pretend(sampled, spec)
    assert modelling.read_spec(sampled, "presence", spec.name) == spec
    assert modelling.is_done(sampled, spec)
    assert modelling.is_current(sampled, "presence", spec.name)
    assert not modelling.is_done(sampled, replace(spec, seed=1))
    sampled.write_json(artefacts.samples_summary("presence"), {"digest": "others"})
    (again,) = (
        other for other in modelling.grid_specs(settings(sampled), sampled, "presence") if other.name == spec.name
    )
    assert not modelling.is_done(sampled, again)
    assert not modelling.is_current(sampled, "presence", spec.name)


def test_models_have_no_samples_without_a_digest(sampled: Workspace) -> None:
    sampled.write_json(artefacts.samples_summary("presence"), {"task": "presence"})
    with pytest.raises(WorkspaceError, match=r"summary\.json holds no digest of the samples: run curate again"):
        modelling.grid_specs(settings(sampled), sampled, "presence")


def test_another_normalisation_is_another_model(sampled: Workspace) -> None:
    spec, *_ = modelling.grid_specs(settings(sampled), sampled, "presence")
    pretend(sampled, spec)
    other, *_ = modelling.grid_specs(settings(sampled, train={"normalisation": "group"}), sampled, "presence")
    assert (modelling.is_done(sampled, spec), modelling.is_done(sampled, other)) == (True, False)


def test_models_need_samples(workspace: Workspace) -> None:
    with pytest.raises(WorkspaceError, match="run the job that makes it"):
        modelling.grid_specs(settings(workspace), workspace, "presence")


@pytest.mark.parametrize(
    ("task", "metric", "values", "expected"),
    [
        ("presence", "accuracy", (0.7, 0.9, 0.9), "third"),  # a tie: the lower loss
        ("richness", "mae", (0.1, 0.2, 0.3), "first"),
    ],
)
def test_the_best_is_by_validation_and_neither_baseline_nor_stale(
    sampled: Workspace, task: Task, metric: str, values: tuple[float, ...], expected: str
) -> None:
    base = modelling.grid_specs(settings(sampled), sampled, task)[0]
    for name, value, loss in zip(("first", "second", "third"), values, (0.1, 0.6, 0.5), strict=True):
        pretend(sampled, replace(base, name=name), loss=loss, **{metric: value})
    perfect = 1.0 if task == "presence" else 0.0
    pretend(sampled, replace(base, name="cheat", kind="random-labels"), loss=0, **{metric: perfect})
    pretend(sampled, replace(base, name="stale", samples="others"), loss=0, **{metric: perfect})
    names = ["absent", "first", "second", "third", "cheat", "stale"]
    assert select(sampled, task, names) == expected
    with pytest.raises(DataError, match="run the job train first"):
        modelling.select_model(sampled, task, ["absent", "cheat", "stale"], criterion(task))


def test_what_has_collapsed_comes_last_however_good(sampled: Workspace) -> None:
    config = settings(sampled)
    grid = modelling.grid_specs(config, sampled, "richness")[:3]
    for spec, mae in zip(grid, (0.3, 0.1, 0.2), strict=True):
        pretend(sampled, spec, mae=mae, loss=mae)
    names = [spec.name for spec in grid]
    assert select(sampled, "richness", names) == names[1]
    for number, expected in ((1, names[2]), (2, names[0]), (0, None)):
        pretend_trained(sampled, grid[number], collapsed=True, validation={"mae": 0.1, "loss": 0.1})
        assert select(sampled, "richness", names) == expected
    assert modelling.ensemble_specs(config, sampled, criterion("richness")) == []


def test_members_are_the_best_richness_model_under_other_seeds(sampled: Workspace) -> None:
    config = settings(sampled, prospect={"ensemble_size": 3}, train={"epochs": 40}, tune={"epochs": 4})
    grid = modelling.grid_specs(config, sampled, "richness")
    pretend(sampled, grid[4], mae=0.1, loss=0.1)
    better = grid[5].hyperparameters.model_copy(update={"dropout": 0.11})
    pretend(sampled, replace(grid[4], name="tuned", kind="tuned", epochs=4, hyperparameters=better), mae=0.05, loss=0.1)
    members = modelling.ensemble_specs(config, sampled, criterion("richness"))
    assert [(member.name, member.seed, member.kind) for member in members] == [
        ("member-s0", 0, "ensemble-member"), ("member-s1", 1, "ensemble-member"), ("member-s2", 2, "ensemble-member"),
    ]  # fmt: skip
    assert {(member.network, member.hyperparameters.dropout, member.epochs) for member in members} == {
        (grid[4].network, 0.11, 40)
    }


def test_an_ensemble_is_its_trained_networks_that_have_not_collapsed(sampled: Workspace) -> None:
    config = settings(sampled, prospect={"ensemble_size": 4})
    pretend(sampled, modelling.grid_specs(config, sampled, "richness")[0], mae=0.1, loss=0.1)
    members = modelling.ensemble_specs(config, sampled, criterion("richness"))
    for member in members[:3]:
        pretend(sampled, member, mae=0.1, loss=0.1)
    assert modelling.ensemble_members(config, sampled, criterion("richness")) == ["member-s0", "member-s1", "member-s2"]
    for number, left in ((1, ["member-s0", "member-s2"]), (2, [])):  # one alone is no ensemble
        pretend_trained(sampled, members[number], collapsed=True, validation={"mae": 0.1, "loss": 0.1})
        assert modelling.ensemble_members(config, sampled, criterion("richness")) == left


def test_a_fold_has_models_of_its_own(sampled: Workspace) -> None:
    sampled.write_json(artefacts.samples_summary("presence/fold-1"), {"digest": "of the fold"})
    config = settings(sampled)
    split, fold = (modelling.grid_specs(config, sampled, "presence", fold)[0] for fold in (None, 1))
    assert fold == replace(split, fold=1, samples="of the fold")
    assert (split.path, fold.path) == ("presence/big-big-s0", "presence/fold-1/big-big-s0")
    pretend(sampled, split, accuracy=0.9, loss=0.1)
    assert (modelling.is_done(sampled, split), modelling.is_done(sampled, fold)) == (True, False)
    pretend(sampled, fold, accuracy=0.6, loss=0.1)
    assert modelling.read_spec(sampled, "presence/fold-1", "big-big-s0") == fold
    other = modelling.grid_specs(config, sampled, "presence", 1)[1]
    pretend(sampled, other, accuracy=0.7, loss=0.1)
    names = [split.name, other.name]
    assert select(sampled, "presence", names) == split.name
    assert select(sampled, "presence/fold-1", names) == other.name, "by what it reaches on the fold's own validation"
    shutil.copytree(sampled.path("models/presence/big-big-s0"), sampled.path("models/presence/fold-1/tuned"))
    with pytest.raises(WorkspaceError, match=r"fold-1/tuned/metrics\.json is damaged \(it is of presence/big-big-s0\)"):
        modelling.read_metrics(sampled, "presence/fold-1", "tuned")


def test_a_model_that_was_made_before_there_were_folds_is_done(sampled: Workspace) -> None:
    spec = modelling.grid_specs(settings(sampled), sampled, "presence")[0]
    pretend(sampled, spec, accuracy=0.9, loss=0.1)
    name = artefacts.model("presence", spec.name, artefacts.MODEL_SPEC)
    lines = sampled.read_bytes(name).decode().splitlines(keepends=True)
    sampled.write_bytes(name, "".join(line for line in lines if not line.startswith("fold:")).encode())
    metrics = modelling.read_metrics(sampled, "presence", spec.name)
    del metrics["fold"]
    write_metrics(sampled, artefacts.model("presence", spec.name), metrics)
    assert len(lines) == len(sampled.read_bytes(name).splitlines()) + 1
    assert modelling.is_done(sampled, spec)


@pytest.mark.parametrize(
    ("artefact", "model"),
    [
        ("models/presence/tuned", ("presence", "tuned")),
        ("models/presence/tuned/model.keras", ("presence", "tuned")),
        ("models/richness/fold-12/member-s0/metrics.json", ("richness/fold-12", "member-s0")),
        ("models/richness/fold-12/member-s0", ("richness/fold-12", "member-s0")),
        ("models/richness/fold-net-s0/metrics.json", ("richness", "fold-net-s0")),
        ("models/richness/fold-1-s0", ("richness", "fold-1-s0")),
        ("models/richness/fold-12", None),
        ("models/richness", None),
        ("samples/richness/fold-1/samples.parquet", None),
    ],
)
def test_the_model_of_a_file_is_told_by_its_name(artefact: str, model: tuple[str, str] | None) -> None:
    assert artefacts.find_model(artefact) == model
    if model:
        assert f"{artefact}/".startswith(f"{artefacts.model(*model)}/")
