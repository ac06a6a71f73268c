"""Relative paths mean those of the client's directory, wherever the workers were started."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest
from distributed import Client, LocalCluster

from jobs import acquire, catalogue, simulate
from jobs.acquisition.shard import make_shards
from jobs.running import runner
from mineral_pipeline import settings as reader
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts, identities, last_run, ledger, runs

DEMO = Path(__file__).parents[2] / "jobs" / "settings" / "demo.yaml"


def read_settings(*changes: str) -> Settings:
    """The demonstration as a user runs it: every path of its file is relative."""
    small = ("simulate.locations=12", "simulate.dates=1", "simulate.islands=3", "simulate.scene_size=48")
    return reader.load(str(DEMO), [*small, "acquire.chips_per_shard=4", *changes])


def acquire_scenes(settings: Settings, client: Client) -> list[str]:
    """States of the scenes of a new archive."""
    simulate.main(settings, client)
    catalogue.main(settings, client)
    acquire.main(settings, client)
    return list(ledger.read(Workspace(settings.workspace))["status"])


def test_settings_that_were_read_elsewhere(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = read_settings()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    assert set(acquire_scenes(settings, client)) == {"ok"}
    assert os.listdir() == []


@pytest.mark.slow
def test_workers_that_were_started_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as workers,
        Client(workers) as client,
    ):
        client.run(os.chdir, str(tmp_path / "elsewhere"))
        assert set(acquire_scenes(read_settings(), client)) == {"ok"}
    assert os.listdir(tmp_path / "elsewhere") == []


def test_a_workspace_of_an_earlier_version_goes_on(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = read_settings("jobs=[simulate, catalogue, acquire]")
    workspace = Workspace(settings.workspace)
    acquire_scenes(settings, client)
    runner.execute("catalogue", settings, client)
    record = last_run(workspace, "catalogue")
    assert record is not None
    record["settings"]["archive"]["url"] = "demo-workspace/archive"
    record["started"] = "2999-01-01T00:00:00.000000Z"
    runs.write_run(workspace, record)
    scenes = workspace.read_table(artefacts.CATALOGUE)
    scenes["base_url"] = scenes["base_url"].str.replace(f"{tmp_path}/", "")

    assert runner.execute("catalogue", settings, client).skipped == len(scenes)
    shards = make_shards(pd.DataFrame(scenes), identities.plan_chips(scenes), ["B7"])
    assert all(scene.base_url.startswith(settings.archive.url) for shard in shards for scene in shard.scenes)
