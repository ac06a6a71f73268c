"""Acquire from an object store to an object store, through faults: the same chips, and no credential is written."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from distributed import Client
from servers import BUCKET, S3Server

from benchmarks.support import faults
from benchmarks.support.faults import FaultyServer, Rule
from jobs import acquire, catalogue, verify
from jobs.running import status
from jobs.running.command_line import main
from mineral_pipeline import settings as reader
from mineral_pipeline.archive import retry
from mineral_pipeline.workspace import Counts, Workspace, layout, ledger, zarr_store

MARKER = "hunter2MARKER"
URL = f"s3://{BUCKET}/acquire"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No long pauses between attempts."""
    monkeypatch.setattr(retry, "FIRST_PAUSE_S", 1e-3)


@pytest.fixture
def proxy(request: pytest.FixtureRequest, planet: Path) -> Iterator[FaultyServer]:
    """The simulated archive at `URL` of an S3 server behind a proxy; on Ceph when the workspace is."""
    server: S3Server = request.getfixturevalue("ceph_server" if is_ceph(request) else "moto_server")
    for file in planet.rglob("*.*"):
        server.client().upload_file(str(file), BUCKET, f"acquire/{file.relative_to(planet)}")
    with faults.serve(server.url) as proxy:
        yield proxy


def is_ceph(request: pytest.FixtureRequest) -> bool:
    """Whether a test's workspace is on Ceph, which checks keys."""
    return bool(request.node.callspec.params["workspace"] == "ceph")


def document(workspace: str, **archive: Any) -> dict[str, Any]:
    """Settings of an acquisition, as in a file."""
    config = {"chip_size": 48, "chips_per_shard": 2}
    archive = {"anonymous": False, "retries": 3, **archive}
    return {
        "workspace": workspace,
        "jobs": ["acquire"],
        "archive": archive,
        "acquire": config,
        "max_failed_fraction": 1,
    }


def acquired(client: Client, workspace: Workspace, **archive: Any) -> Counts:
    """Run catalogue and acquire."""
    settings = reader.parse(document(workspace.url, **archive))
    layout.write_version(workspace)
    catalogue.main(settings, client)
    return acquire.main(settings, client)


def test_the_same_chips_through_faults(
    workspace: Workspace, proxy: FaultyServer, client: Client, planet: Path, tmp_path: Path
) -> None:
    undisturbed = Workspace(str(tmp_path / "undisturbed"))
    acquired(client, undisturbed, url=str(planet))
    keys = {"access_key_id": "testkey", "secret_access_key": "testsecret"}
    remote = {"url": URL, "storage_options": {"endpoint": proxy.url, **keys}}
    proxy.reset(*(Rule(fault, "GET .*LT04", 0.15, times=3) for fault in ("503", "reset", "truncate", "short")))
    assert acquired(client, workspace, **remote).done == 6
    assert sum(proxy.statistics.by_fault.values()) > 0

    np.testing.assert_array_equal(zarr_store.open_array(workspace)[:], zarr_store.open_array(undisturbed)[:])
    varying = ["attempts", "seconds", "host", "worker"]
    found, expected = (ledger.read(one).drop(columns=varying) for one in (workspace, undisturbed))
    pd.testing.assert_frame_equal(found, expected)
    assert set(found["status"]) == {"ok"}

    requests = proxy.statistics.requests
    assert acquired(client, workspace, **remote).skipped == 6
    assert proxy.statistics.requests == requests, "finished scenes are not requested again"
    assert verify.main(workspace.url) == 0
    assert status.show_status(workspace.url, as_json=True) == 0


@pytest.mark.parametrize("workspace", ["s3", pytest.param("ceph", marks=pytest.mark.ceph)], indirect=True)
def test_no_credential_is_written_anywhere(
    request: pytest.FixtureRequest,
    workspace: Workspace,
    proxy: FaultyServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither the workspace nor any output holds one, after success and failure, with right and wrong settings."""
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("ARCHIVE_SECRET", MARKER)
    if not is_ceph(request):
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", f"env{MARKER}")
    right = {"access_key_id": "testkey", "secret_access_key": "testsecret"}
    secret = {"access_key_id": f"id{MARKER}", "secret_access_key": "${ARCHIVE_SECRET}", "session_token": f"t{MARKER}"}
    headers = {"client_options": {"default_headers": {"X-Key": MARKER}}}

    def run(job: str, *arguments: str, workspace: str = workspace.url, **options: Any) -> int:
        path = tmp_path / "settings.yaml"
        options = {"endpoint": proxy.url, **headers, **options}
        path.write_text(yaml.safe_dump(document(workspace, url=URL, storage_options=options)))
        return main([job, str(path), "--cluster", "threads", *arguments])

    known = right if is_ceph(request) else secret  # moto accepts every key
    assert not is_ceph(request) or run("catalogue", **secret) == 2
    codes = [run("catalogue", **known)]
    proxy.reset(*(Rule(fault, "GET .*TIF", 0.3, lasting=True) for fault in ("403", "503", "reset", "html")))
    codes.append(run("acquire", **known))
    assert len(set(ledger.read(workspace)["status"])) > 1
    assert codes == [0, 0]
    proxy.reset(Rule("403"))
    codes = [run("catalogue", workspace=f"{workspace.url}/other", **secret)]
    codes.append(run("acquire", region=MARKER, nosuch=5))
    codes.append(run("acquire", "--set", f"archive.storage_options={MARKER}"))
    assert codes == [2, 2, 2]
    assert run("report", **secret) == 0

    assert MARKER not in "".join(capfd.readouterr()) + caplog.text
    objects = workspace._fs.find(workspace.path(""))
    assert {name.removeprefix(workspace.path("")).split("/")[0] for name in objects} >= {"chips.zarr", "runs", "report"}
    for name in objects:
        content = workspace._fs.cat_file(name)
        if name.endswith(".parquet"):
            content += pd.read_parquet(io.BytesIO(content)).to_csv().encode()
        assert MARKER.encode() not in content, name
