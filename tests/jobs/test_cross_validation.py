"""Folds through train, tune, evaluate and prospect: nothing predicts what it has learnt, each fold chooses for itself.

Networks are doubles here but for the slow test of the whole.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from distributed import Client
from small_demo import demo_settings
from synthetic_samples import pretend_trained, settings, write_leakage, write_samples
from test_verify import flip

from jobs import curate, evaluate, label, prospect, report, train, tune
from jobs.prospecting.ensembles import all_members
from jobs.running import summary
from jobs.running.dependencies import makers
from jobs.verification.check import Fault
from jobs.verification.remedies import what_to_take_away
from jobs.verify import find_faults
from mineral_pipeline import modelling, reporting
from mineral_pipeline.errors import LeakageError
from mineral_pipeline.learning import SubsetName
from mineral_pipeline.modelling import ModelSpec
from mineral_pipeline.modelling.fitting import Measure
from mineral_pipeline.reporting.fold_table import fold_table
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts

FOLDS = 3
ERRORS = {None: (0.1, 0.2), 0: (0.1, 0.2), 1: (0.2, 0.1), 2: (0.1, 0.2)}
"""Error on validation of the two networks of the grid, by fold: that of fold 1 chooses otherwise."""

NETWORKS = ("small-small-s0", "small-medium-s0")

SETS = 1 + FOLDS
MODELS = len(NETWORKS) + 1 + 2
"""Models of each set: the networks, one on random labels, few baselines."""

EVALUATED = MODELS + 3
"""With the networks of the ensemble."""


@pytest.fixture
def config(few_baselines: None, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Two architectures for richness on 30 locations, three folds and an ensemble of three."""
    for fold in (None, *range(FOLDS)):
        write_samples(workspace, "richness", locations=30, chips=2, size=8, fold=fold)
        write_leakage(workspace, artefacts.sample_set("richness", fold), 0.0)
    monkeypatch.setattr(train, "fit", fit_double)
    monkeypatch.setattr(evaluate, "predict_subset", predict_double)
    return with_folds(workspace, FOLDS)


def with_folds(workspace: Workspace, folds: int | None) -> Settings:
    quick = {"convolutions": ["small"], "dense_layers": ["small", "medium"], "n_label_permutations": 1}
    return settings(
        workspace, tasks=["richness"], jobs=["train", "evaluate", "prospect"], train=quick,
        label={"deposits": ["deposits.csv"]}, curate={"land": "land.geojson", "folds": folds},
        evaluate={"n_resamples": 100}, prospect={"ensemble_size": 3},
    )  # fmt: skip


COLLAPSING: set[str] = set()
"""Paths of the doubles that collapse."""


def fit_double(workspace: Workspace, spec: ModelSpec, measure: Measure) -> dict[str, Any]:
    if spec.network is None:
        return modelling.fit(workspace, spec, measure)
    assert not modelling.is_done(workspace, spec), "trained twice"
    error = ERRORS[spec.fold][NETWORKS.index(spec.name)] if spec.name in NETWORKS else 0.3
    validation = modelling.open_subset(workspace, spec.sample_set, "validation")
    table = validation.table[["chip_id"]].assign(prediction=validation.label)
    workspace.write_table(artefacts.model(spec.sample_set, spec.name, artefacts.MODEL_PREDICTIONS), table)
    facts = {"role": spec.role, "label": spec.name, "network": spec.network, "seed": spec.seed}
    facts |= {"convolution": None, "dense": None, "collapsed": spec.path in COLLAPSING}
    return pretend_trained(workspace, spec, validation={"mae": error, "loss": error}, **facts)


def predict_double(workspace: Workspace, sample_set: str, name: str, subset: SubsetName) -> np.ndarray:
    """What no two models share: the fold in the tenths, and more by the name."""
    spec = modelling.read_spec(workspace, sample_set, name)
    if spec.network is None:
        return modelling.predict_subset(workspace, sample_set, name, subset)
    number = 0 if spec.fold is None else spec.fold + 1
    by_name = {NETWORKS[0]: 0.01, NETWORKS[1]: 0.02, "member-s0": 0.03, "member-s1": 0.04, "member-s2": 0.08}
    return np.full(len(modelling.open_subset(workspace, sample_set, subset)), number / 10 + by_name.get(name, 0.05))


def read_tables(workspace: Workspace) -> dict[int, pd.DataFrame]:
    """The table of samples of every fold."""
    return {
        fold: workspace.read_table(artefacts.samples_table(artefacts.sample_set("richness", fold)))
        for fold in range(FOLDS)
    }


def test_every_location_is_predicted_by_models_of_the_fold_that_held_it_out(
    client: Client, config: Settings, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train.plan(config).counts.planned == MODELS * SETS
    assert (
        train.plan(config)
        .details["models"]
        .startswith(f"{MODELS} for each of richness, and again for each of 3 folds, at most")
    )
    counts = train.main(config, client)
    assert (counts.planned, counts.done, counts.failed) == (MODELS * SETS, MODELS * SETS, 0)
    assert evaluate.plan(config).counts.planned == EVALUATED * SETS
    counts = evaluate.main(config, client)
    assert (counts.planned, counts.done, counts.failed) == (EVALUATED * SETS, EVALUATED * SETS, 0)

    name, tables = artefacts.out_of_fold("richness"), read_tables(workspace)
    found = workspace.read_table(artefacts.evaluation_predictions(name))
    tested = pd.concat([table[table["subset"] == "test"] for table in tables.values()])
    for model, rows in found.groupby("name"):
        assert sorted(rows["chip_id"]) == sorted(tested["chip_id"]), model
    for row in found.itertuples():
        table = tables[row.fold]
        learnt = table[table["subset"].isin(["train", "validation"])]
        assert row.location_id not in set(learnt["location_id"])
        assert row.location_id in set(table["location_id"][table["subset"] == "test"])
    for fold, table in tables.items():
        part = found[found["fold"] == fold].groupby("name")["prediction"].unique()
        median = table.loc[table["subset"] == "train", "label"].median()
        assert part["constant"].item() == pytest.approx(median), "that of the fold's own training"
        chosen = NETWORKS[np.argmin(ERRORS[fold])]
        assert (
            part["selected"].item()
            == part[chosen].item()
            == pytest.approx((fold + 1) / 10 + (0.02 if fold == 1 else 0.01))
        )
        assert part["ensemble"].item() == pytest.approx((fold + 1) / 10 + 0.05), "the mean over seeds within the fold"

    document = workspace.read_json(artefacts.evaluation_metrics(name))
    assert document["best"] == "selected"
    assert document["folds"] == {
        "number": 3, "selected": [NETWORKS[0], NETWORKS[1], NETWORKS[0]], "incomplete": [],
        "held_out": {"locations": 18, "usable": 18, "sampled": 18},
    }  # fmt: skip
    assert document["interval"]["units"] == tested["group"].nunique(), "a block is one group wherever it is"
    assert "fold" not in workspace.read_table(artefacts.evaluation_predictions("richness")), (
        "that of the split is as ever"
    )
    ensembles = [all_members(config, workspace, "richness", [fold])[0].network for fold in (0, 1)]
    assert ensembles == ["small-small", "small-medium"], "the network that each fold has selected"
    _is_told(workspace)


def _is_told(workspace: Workspace) -> None:
    cells = [list(column.cells) for column in summary.summary(workspace).columns]
    assert dict(zip(*cells, strict=True))["out of fold, richness"].startswith("selected: mae 0.")
    data = reporting.read(workspace)
    table = fold_table(data.evaluations["richness"], data.out_of_fold["richness"])
    assert "18 of 18 usable locations" in table.caption
    assert table.caption.endswith("Selected in the folds: small-small-s0, small-medium-s0, small-small-s0.")
    by_name = {row[0]: row[1:] for row in table.rows}
    single, out_of_fold = (
        next(m for m in found["richness"].models if m["name"] == "small-small-s0")["metrics"]["mae"]["value"]
        for found in (data.evaluations, data.out_of_fold)
    )
    assert by_name["small-small-s0"][0][0] == f"{single:.3f}"
    assert by_name["small-small-s0"][1][0] == f"{out_of_fold:.3f}"
    assert by_name["selected in each fold"][0] == by_name["small-small-s0"][0], "the best of the split"


def test_other_folds_train_what_is_new_and_no_fold_that_is_gone_is_evaluated(
    client: Client, config: Settings, workspace: Workspace
) -> None:
    train.main(config, client)
    assert train.plan(config).counts.skipped == MODELS * SETS
    fewer = with_folds(workspace, 2)
    counts = train.main(fewer, client)
    assert counts.planned == counts.skipped == MODELS * (SETS - 1)
    assert evaluate.main(fewer, client).planned == EVALUATED * (SETS - 1)
    folds = workspace.read_table(artefacts.evaluation_predictions(artefacts.out_of_fold("richness")))["fold"]
    assert set(folds) == {0, 1}
    write_samples(workspace, "richness", locations=30, chips=2, size=8, fold=1, seed=7)
    write_leakage(workspace, "richness/fold-1", 0.0)
    counts = train.main(config, client)
    assert (counts.done, counts.skipped) == (MODELS, MODELS * (SETS - 1)), "only the fold whose samples are others"
    evaluate.main(with_folds(workspace, None), client)
    assert not workspace.exists(artefacts.evaluation(artefacts.out_of_fold("richness")))
    assert workspace.exists(artefacts.evaluation_metrics("richness"))


def test_a_leak_in_one_fold_stops_training_before_it_starts(
    client: Client, config: Settings, workspace: Workspace
) -> None:
    write_leakage(workspace, "richness/fold-2", 0.3)
    with pytest.raises(LeakageError, match=r"richness/fold-2: 30\.0 %"):
        train.main(config, client)
    assert not workspace.exists(artefacts.models("richness"))


def test_a_fold_whose_networks_have_collapsed_has_the_constant(
    client: Client, config: Settings, workspace: Workspace, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(f"{__name__}.COLLAPSING", {f"richness/fold-1/{name}" for name in NETWORKS})
    train.main(config, client)
    evaluate.main(config, client)
    said = " ".join(capsys.readouterr().out.split())
    assert "evaluate: every network for richness/fold-1 has collapsed to a constant: constant is the result" in said
    document = workspace.read_json(artefacts.evaluation_metrics(artefacts.out_of_fold("richness")))
    assert document["folds"]["selected"] == [NETWORKS[0], "constant", NETWORKS[0]]
    assert document["folds"]["incomplete"] == ["ensemble", "member-s0", "member-s1", "member-s2"]
    assert not any(one["collapsed"] for one in document["models"]), "they have not in every fold"
    found = workspace.read_table(artefacts.evaluation_predictions(artefacts.out_of_fold("richness")))
    part = found[found["fold"] == 1].groupby("name")["prediction"].unique()
    assert part["selected"].item() == part["constant"].item()


def test_the_largest_networks_of_all_sets_come_first(config: Settings, workspace: Workspace) -> None:
    specs = train.model_specs(config, workspace)
    assert [spec.path for spec in specs[:5]] == [
        "richness/small-medium-s0", *(f"richness/fold-{fold}/small-medium-s0" for fold in range(3)),
        "richness/small-small-s0",
    ]  # fmt: skip
    assert len({spec.path for spec in specs}) == MODELS * SETS


@pytest.mark.parametrize(
    ("model", "jobs"), [("tuned", ("tune",)), ("member-s1", ("evaluate", "prospect")), ("brightness", ("train",))]
)
def test_what_is_damaged_of_a_fold_is_taken_away_and_made_again(model: str, jobs: tuple[str, ...]) -> None:
    name = artefacts.model("presence/fold-0", model, artefacts.MODEL_METRICS)
    assert makers(name) == jobs
    assert what_to_take_away(Fault(name, "is damaged")) == f"models/presence/fold-0/{model}"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")
def test_the_whole_with_folds(planet: Path, tmp_path: Path, client: Client) -> None:
    changes = ["curate.folds=3", "curate.block_size_km=600", "tasks=[richness]"]
    workspace = Workspace(str(shutil.copytree(planet / "workspace", tmp_path / "workspace")))
    config = demo_settings(planet, changes).model_copy(update={"workspace": workspace.url})
    for job in (label, curate, train, tune, evaluate, prospect, report):
        assert job.main(config, client).failed == 0, job
    assert "MB beside the 800 MB" in prospect.plan(config).details["memory of a task"]
    _is_of_another_fold(workspace)
    assert list(find_faults(workspace)) == []
    for name in ("brightness", "small-small-s0", "tuned", "member-s0"):
        damaged = artefacts.model("richness/fold-1", name, artefacts.MODEL_PREDICTIONS)
        flip(Path(workspace.path(damaged)))
        assert [fault.artefact for fault in find_faults(workspace)] == [damaged]
        flip(Path(workspace.path(damaged)))


def _is_of_another_fold(workspace: Workspace) -> None:
    """Prospects are ranked by networks that have seen neither them nor ground that they share with others."""
    fold_of: Mapping[str, int] = workspace.read_table(artefacts.FOLDS).set_index("location_id")["fold"].to_dict()
    prospects = workspace.read_table(artefacts.PROSPECTS)
    assert len(prospects) > 0
    for fold in range(FOLDS):
        table = workspace.read_table(artefacts.samples_table(f"richness/fold-{fold}"))
        learnt = table[table["subset"].isin(["train", "validation"])]
        here = prospects[prospects["location_id"].map(fold_of) == fold]
        assert not here["location_id"].isin(learnt["location_id"]).any()
        assert not any(learnt.intersects(shape.buffer(-0.01)).any() for shape in here.geometry)
