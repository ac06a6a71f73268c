"""The train job: one task per model on GPU workers, resumed, with failures counted.

Networks are doubles here; `test_evaluate` trains real ones.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster, get_worker
from synthetic_samples import pretend_trained, settings, write_leakage, write_samples

import cluster
from jobs import train
from jobs.running import runner
from mineral_pipeline import modelling
from mineral_pipeline.errors import ClusterError, DataError, LeakageError, SettingsError
from mineral_pipeline.modelling import Measure, ModelSpec
from mineral_pipeline.modelling.baselines import BASELINES, register
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts

NETWORKS = ("grid", "random-labels")
MODELS = len(NETWORKS) + len(BASELINES)


@pytest.fixture
def config(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """One architecture and a baseline of each kind for presence, on 20 locations."""
    write_samples(workspace, "presence", locations=20, chips=1, size=8)
    write_leakage(workspace, "presence", 0.0)
    monkeypatch.setattr(train, "fit", double)
    quick = {"convolutions": ["small"], "dense_layers": ["small"], "n_label_permutations": 1}
    return settings(workspace, tasks=["presence"], train=quick)


def double(workspace: Workspace, spec: ModelSpec, measure: Measure) -> dict[str, Any]:
    """Trains all but networks."""
    get_worker()  # fails anywhere else
    if spec.kind not in NETWORKS:
        return modelling.fit(workspace, spec, measure)
    assert not modelling.is_done(workspace, spec), "trained twice"
    return pretend_trained(workspace, spec, collapsed=spec.kind == "random-labels")


def test_the_grid_and_its_baselines_are_trained_once(client: Client, config: Settings, workspace: Workspace) -> None:
    assert train.plan(config).counts.planned == MODELS
    counts = train.main(config, client)
    assert (counts.unit, counts.planned, counts.done, counts.skipped, counts.failed) == ("models", MODELS, MODELS, 0, 0)
    names = ["small-small-s0", "random-labels-p0", *BASELINES]
    metrics = [modelling.read_metrics(workspace, "presence", name) for name in names]
    assert [one["kind"] for one in metrics] == ["grid", "random-labels", *BASELINES]
    assert {one["name"] for one in metrics if not one.get("pixels", True)} == {"constant", "coordinates", "metadata"}
    assert (train.plan(config).counts.skipped, train.main(config, client).skipped) == (MODELS, MODELS)


def test_collapsed_networks_are_named(client: Client, config: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(config, client).failed == 0
    said = [line for line in capsys.readouterr().out.splitlines() if "collapsed" in line]
    assert said == ["train: presence/random-labels-p0 has collapsed to a constant"]


def test_a_model_that_fails_is_counted_and_the_others_go_on(
    client: Client, config: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(workspace: Workspace, spec: ModelSpec, measure: Measure) -> Any:
        if spec.kind in NETWORKS:
            raise DataError("it diverged")
        return double(workspace, spec, measure)

    monkeypatch.setattr(train, "fit", failing)
    counts = train.main(config, client)
    assert (counts.planned, counts.done, counts.failed) == (MODELS, len(BASELINES), 2)
    assert counts.reasons == {"DataError": 2}
    assert "train: presence/random-labels-p0 failed: DataError: it diverged" in capsys.readouterr().out
    assert train.plan(config).counts.skipped == len(BASELINES)


def test_a_workspace_whose_catalogue_has_no_visits_is_trained_and_told_so(
    client: Client, config: Settings, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.write_table(artefacts.CATALOGUE, workspace.read_table(artefacts.CATALOGUE).drop(columns="visits"))
    assert train.main(config, client).failed == 0
    said = " ".join(capsys.readouterr().out.split())
    assert said.count("catalogue.parquet was made before visits were counted: the baseline metadata is trained") == 1


def test_a_new_baseline_is_trained_by_the_next_run(
    client: Client, config: Settings, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runner.execute("train", config, client).done == MODELS
    assert runner.execute("train", config, client).skipped == MODELS
    register(replace(BASELINES["constant"], name="another"))
    try:
        counts = runner.execute("train", config, client)
        assert (counts.done, counts.skipped) == (1, MODELS)
        assert "train      is done again: models/presence/another is asked for now" in capsys.readouterr().out
        assert runner.execute("train", config, client).skipped == MODELS + 1
    finally:
        BASELINES.unregister("another")
    assert runner.execute("train", config, client).skipped == MODELS + 1


def test_a_leak_stops_training_before_it_starts(client: Client, config: Settings, workspace: Workspace) -> None:
    write_leakage(workspace, "presence", 0.3)
    with pytest.raises(LeakageError, match=r"30\.0 %"):
        train.main(config, client)
    assert not workspace.exists(artefacts.models("presence"))


def test_a_cluster_without_a_gpu_is_refused(config: Settings) -> None:
    with (
        LocalCluster(processes=False, n_workers=1, dashboard_address="127.0.0.1:0") as local,
        Client(local) as no_gpu,
        pytest.raises(ClusterError, match="offers GPU"),
    ):
        train.main(config, no_gpu)


def test_an_unknown_network_is_refused_before_anything_runs(
    client: Client, config: Settings, workspace: Workspace
) -> None:
    unknown = config.model_copy(update={"train": config.train.model_copy(update={"networks": ["huge"]})})
    with pytest.raises(SettingsError, match=r"train\.networks: unknown network 'huge'"):
        train.plan(unknown)
    with pytest.raises(SettingsError, match=r"train\.networks: unknown network 'huge'"):
        train.main(unknown, client)
    assert not workspace.exists(artefacts.models("presence"))


def test_the_plan_needs_no_samples(tmp_path: Path) -> None:
    plan = train.plan(settings(Workspace(str(tmp_path)), train={"seeds": [0, 1]}))
    assert (plan.counts.planned, plan.counts.skipped) == (2 * (18 + 3 + len(BASELINES)), 0)


@pytest.mark.parametrize(
    ("address", "nthreads", "gpu", "is_said"),
    [
        ("tcp://10.0.0.1:1", 1, 1, False),
        ("tcp://10.0.0.1:1", 2, 1, True),
        ("tcp://10.0.0.1:1", 2, 0, False),
        ("inproc://10.0.0.1/1/1", 1, 1, True),
    ],
)
def test_a_training_that_could_not_be_repeated_says_so(
    client: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    address: str, nthreads: int, gpu: int, is_said: bool,
) -> None:  # fmt: skip
    worker = {"nthreads": nthreads, "resources": {"GPU": gpu} if gpu else {}}
    monkeypatch.setattr(cluster, "workers", lambda client: {address: worker})
    train.say_whether_reproducible(client, "train")
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith("train: networks are not the same bit for bit") is is_said
