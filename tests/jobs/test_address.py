"""The whole pipeline through cluster/address.yaml: a real scheduler, two worker processes, one of them killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_demo import DEMO, demo_overrides

from jobs.__main__ import main
from mineral_pipeline.workspace import Workspace, artefacts, ledger, zarr_store

DASK = [sys.executable, "-m", "dask"]


@pytest.fixture
def scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A scheduler of its own process; its address is where address.yaml looks for it."""
    file = tmp_path / "scheduler.json"
    options = ["--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0"]
    process = subprocess.Popen([*DASK, "scheduler", *options, "--scheduler-file", str(file)], stderr=subprocess.DEVNULL)
    while not file.exists():
        assert process.poll() is None, "the scheduler ended"
        time.sleep(0.1)
    address = str(pd.read_json(file, typ="series")["address"])
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", address)
    yield address
    process.terminate()
    process.wait(20)


@pytest.fixture
def workers(scheduler: str, tmp_path: Path) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Two workers without a nanny: one with a GPU slot, one without."""
    started = {}
    for name, options in (("gpu", ["--resources", "GPU=1"]), ("plain", [])):
        fixed = ["--no-nanny", "--nthreads", "1", "--name", name, "--local-directory", str(tmp_path / name)]
        command = [*DASK, "worker", scheduler, *fixed, *options]
        started[name] = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    yield started
    for process in started.values():
        process.kill()
        process.wait()


def kill_during_acquire(process: subprocess.Popen[bytes], workspace: Workspace, killed: list[int]) -> None:
    """Kill -9 as soon as a few shards are done; keeps how many there were."""
    while process.poll() is None:
        done = len(ledger.finished_shards(workspace))
        if done >= 2:
            process.send_signal(signal.SIGKILL)
            killed.append(done)
            return
        time.sleep(0.005)


@pytest.mark.slow
def test_a_killed_worker_changes_nothing(
    planet: Path, workers: dict[str, subprocess.Popen[bytes]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    undisturbed, workspace = Workspace(str(planet / "workspace")), Workspace(str(tmp_path / "workspace"))
    shards = len(ledger.finished_shards(undisturbed))
    killed: list[int] = []
    killer = threading.Thread(target=kill_during_acquire, args=(workers["plain"], workspace, killed))
    sets = [text for change in demo_overrides(planet) for text in ("--set", change)]
    killer.start()
    status = main(["run", str(DEMO), "--workspace", workspace.url, "--cluster", "address", *sets])
    killer.join()

    output = capsys.readouterr().out
    assert status == 0, output
    assert killed, "the worker was never killed"
    assert killed[0] < shards
    assert workers["gpu"].poll() is None
    columns = [name for name in ledger.COLUMNS if name not in ("attempts", "seconds", "host", "worker", "geometry")]
    after, before = ledger.read(workspace), ledger.read(undisturbed)
    pd.testing.assert_frame_equal(pd.DataFrame(after[columns]), pd.DataFrame(before[columns]))
    assert after.geometry.geom_equals(before.geometry).all()
    pixels = [zarr_store.open_dataset(one).image.values for one in (workspace, undisturbed)]
    np.testing.assert_array_equal(*pixels)
    for name in (
        artefacts.PROSPECTS,
        artefacts.REPORT,
        artefacts.evaluation_metrics("presence"),
        artefacts.evaluation_metrics("richness"),
    ):
        assert workspace.exists(name), name
    assert "report" in output
