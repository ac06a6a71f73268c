"""One of two nodes does not see the archive: from the start, since it joined, or no longer. Nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from distributed import Client
from small_demo import DEMO, demo_overrides

from jobs.__main__ import main
from mineral_pipeline.workspace import Workspace, ledger

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.geteuid() != 0
        or subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode != 0,
        reason="only root may give a process a view of the disks of its own",
    ),
]
DASK = [sys.executable, "-m", "dask"]
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Function that starts a worker of the scheduler that address.yaml names, by way of another command if given."""
    file, started = tmp_path / "scheduler.json", []
    options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    started.append(subprocess.Popen([*DASK, "scheduler", *options], stderr=subprocess.DEVNULL))
    while not file.exists():
        assert started[0].poll() is None, "the scheduler ended"
        time.sleep(0.05)
    address = str(pd.read_json(file, typ="series")["address"])
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", address)

    def start(name: str, *behind: str) -> subprocess.Popen[bytes]:
        worker = [*DASK, "worker", address, "--no-nanny", "--no-dashboard", "--nthreads", "1", "--name", name]
        worker += ["--local-directory", str(tmp_path / name)]
        started.append(subprocess.Popen([*behind, *worker], stderr=subprocess.DEVNULL))
        return started[-1]

    yield start
    for process in reversed(started):
        process.kill()
        process.wait()


def without(archive: Path) -> list[str]:
    """Command before another one, which then sees an empty folder in place of the archive."""
    return ["unshare", "-m", "sh", "-c", f'mount -t tmpfs none "{archive}" && exec "$@"', "sh"]


def wait_for_workers(number: int) -> None:
    with Client(os.environ["DASK_SCHEDULER_ADDRESS"]) as client:
        client.wait_for_workers(number, timeout=120)


def after_two_shards(workspace: Workspace, good: subprocess.Popen[bytes], act: Callable[[], object]) -> None:
    """Act while the good node stands still, so that the bad one cannot be spared."""

    def wait_and_act() -> None:
        wait_for_shards(workspace, 2)
        good.send_signal(signal.SIGSTOP)
        try:
            act()
        finally:
            good.send_signal(signal.SIGCONT)

    threading.Thread(target=wait_and_act, daemon=True).start()


def wait_for_shards(workspace: Workspace, number: int) -> None:
    while len(ledger.finished_shards(workspace)) < number:
        time.sleep(0.005)


def run(planet: Path, workspace: Workspace) -> int:
    sets = [text for change in demo_overrides(planet) for text in ("--set", change)]
    sets += ["--set", "jobs=[catalogue, acquire]"]
    return main(["run", str(DEMO), "--workspace", workspace.url, "--cluster", "address", *sets])


def states_by_worker(workspace: Workspace) -> dict[tuple[str, str], int]:
    return ledger.read(workspace).groupby(["worker", "status"]).size().to_dict()


def test_a_bad_node_at_the_start_stops_the_run_before_anything_is_written(
    planet: Path, workspace: Workspace, start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = start("bad", *without(planet / "archive"))
    start("good")
    wait_for_workers(2)

    assert run(planet, workspace) == 2
    output = capsys.readouterr()
    assert "1 of 2 workers are unfit, such as bad on " in output.err
    assert (
        "has no LT04 or an empty one, unlike the client's: is it mounted?): put that right or stop them" in output.err
    )
    assert "preflight" in output.out
    assert workspace.list("") == ["lock"]
    bad.terminate()
    bad.wait()
    assert run(planet, workspace) == 0
    assert states_by_worker(workspace) == {("good", "ok"): 50}


def test_a_bad_node_that_joins_is_set_aside_before_its_first_task(
    planet: Path, workspace: Workspace, start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    good = start("good")
    wait_for_workers(1)

    def join() -> None:
        start("bad", *without(planet / "archive"))
        wait_for_workers(2)

    after_two_shards(workspace, good, join)
    assert run(planet, workspace) == 0
    assert capsys.readouterr().out.count("worker bad on ") == 1
    assert states_by_worker(workspace) == {("good", "ok"): 50}


def test_a_node_that_loses_the_archive_is_set_aside_and_its_shards_are_acquired_again(
    planet: Path, workspace: Workspace, start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = start("bad", "unshare", "-m")
    good = start("good")
    wait_for_workers(2)

    def lose() -> None:
        hide = ["mount", "-t", "tmpfs", "none", str(planet / "archive")]
        subprocess.run(["nsenter", "-m", "-t", str(bad.pid), *hide], check=True)
        wait_for_shards(workspace, len(ledger.finished_shards(workspace)) + 2)

    after_two_shards(workspace, good, lose)
    assert run(planet, workspace) == 0
    assert {status for _, status in states_by_worker(workspace)} == {"ok"}
    assert len(ledger.read(workspace)) == 50
    assert capsys.readouterr().out.count("worker bad on ") == 1
