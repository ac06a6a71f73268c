"""The whole pipeline with its workspace and its archive on an object store, as users run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import fsspec
import pytest
from servers import BUCKET, S3Server, forget_clients

from mineral_pipeline.workspace import Workspace, artefacts

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
ROOT = Path(__file__).parents[2]
SMALL = (
    "simulate.locations=48",
    "tasks=[richness]",
    "simulate.dates=1",
    "simulate.islands=8",
    "acquire.chips_per_shard=8",
    "curate.min_locations={}",
    "train.convolutions=[small]",
    "train.dense_layers=[small]",
    "train.epochs=1",
    "train.hyperparameters.learning_rate=0.05",  # else so few steps leave every network a constant
    "tune.candidates=2",
    "tune.learning_rate=[0.03, 0.05]",
    "tune.epochs=1",
    "prospect.ensemble_size=2",
)
ARTEFACTS = (
    artefacts.CATALOGUE,
    f"{artefacts.CHIPS}/zarr.json",
    artefacts.ledger_part(5),
    artefacts.DEPOSITS,
    artefacts.LABELS,
    artefacts.samples_table("richness"),
    f"{artefacts.samples_store('richness', 'train')}/zarr.json",
    artefacts.model("richness", "tuned", artefacts.MODEL_NETWORK),
    artefacts.model("richness", "tuned", artefacts.MODEL_METRICS),
    artefacts.evaluation_metrics("richness"),
    artefacts.PROSPECTS,
    artefacts.PROSPECTS_GEOJSON,
    artefacts.PROSPECTS_RASTER,
    artefacts.REPORT,
)


@pytest.fixture(params=["s3", "gs"])
def environment(request: pytest.FixtureRequest) -> dict[str, str]:
    """What a user exports, and the scheme of the workspace."""
    server: S3Server = request.getfixturevalue("moto_server")
    found = {**server.environment, "SCHEME": "s3"}
    if request.param == "gs":
        emulator = request.getfixturevalue("google_server")
        found |= {"SCHEME": "gs", "STORAGE_EMULATOR_HOST": emulator, "FSSPEC_GS": '{"token": "anon"}'}
    return found


def run(environment: dict[str, str], *arguments: str) -> str:
    """The output of a command."""
    command = [sys.executable, "-m", "jobs", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_job(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    archive, url = f"s3://{BUCKET}/planet-{environment['SCHEME']}", f"{environment['SCHEME']}://{BUCKET}/demo"
    overrides = (
        *SMALL,
        f"archive.url={archive}",
        "archive.anonymous=false",
        f"archive.storage_options={{endpoint: '{environment['AWS_ENDPOINT_URL']}'}}",
        f"label.deposits=[{archive}/deposits.csv]",
        f"curate.land={archive}/land.geojson",
    )
    settings = [part for override in overrides for part in ("--set", override)]
    command = ["run", "jobs/settings/demo.yaml", "--workspace", url, *settings]
    assert f"{url}/{artefacts.REPORT}" in run(environment, *command)
    again = run(environment, *command)
    for job in ("acquire", "label", "curate", "train", "tune", "evaluate", "prospect"):
        (line,) = [line for line in again.splitlines() if line.startswith(f"{job} ")]
        assert " 0 done, " in line, line
    status = json.loads(run(environment, "status", url, "--json"))["jobs"]
    assert status["acquire"]["planned"] == status["acquire"]["done"] + status["acquire"]["skipped"] > 40
    assert " 0 faults" in run(environment, "verify", url)

    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(fsspec.config.conf, "gs", {"token": "anon"})
    forget_clients()
    assert [name for name in ARTEFACTS if not Workspace(url).exists(name)] == []
    forget_clients()
