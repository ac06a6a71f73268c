"""A run survives: a full or read-only disk, damaged parts, lost clusters, signals; what it then says is one line."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from chips import chip_table, outcome
from distributed import Client
from run_records import RECORD
from small_demo import DEMO, demo_overrides, demo_settings

import cluster
from jobs import acquire, verify
from jobs.__main__ import main
from mineral_pipeline.errors import ClusterError, WorkspaceError
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts, ledger, lock, read_runs, workspace, write_run, zarr_store
from mineral_pipeline.workspace.zarr_store import ImageLayout

needs_mount = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("mount") is None, reason="only root may mount a small or read-only file system"
)


def mount(*arguments: str) -> None:
    try:
        result = subprocess.run(["mount", *arguments], capture_output=True, text=True, timeout=30)
    except subprocess.TimeoutExpired:
        pytest.skip("mount does not end here")
    if result.returncode:
        pytest.skip(f"mount does not work here: {result.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that holds less than an acquisition."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder))
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def settings(planet: Path) -> Settings:
    """Of the planet whose scenes were acquired without a disturbance."""
    return demo_settings(planet)


def begun(settings: Settings, folder: Path) -> Settings:
    """A new workspace with the same catalogue."""
    folder.mkdir(exist_ok=True)
    for name in (artefacts.WORKSPACE_FILE, artefacts.CATALOGUE):
        shutil.copy(Path(settings.workspace) / name, folder)
    return settings.model_copy(update={"workspace": str(folder)})


SLOWLY = "archive.requests_per_s=20"
"""Lets an acquisition of 50 scenes take five seconds and more: whoever disturbs it comes before its end."""


def command(planet: Path, job: str, workspace: str, cluster_file: str = "threads", *changes: str) -> list[str]:
    sets = [text for change in (*demo_overrides(planet), *changes) for text in ("--set", change)]
    return [job, str(DEMO), "--workspace", workspace, "--cluster", cluster_file, *sets]


def run_process(arguments: list[str]) -> tuple[int, str, str]:
    """Run a command as its user does: exit status, output and errors. One that hangs shows where each thread is."""
    run = [sys.executable, "-X", "faulthandler", "-m", "jobs", *arguments]
    process = subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        output, errors = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        pytest.fail("".join(process.communicate()))
    return process.returncode, output, errors


def assert_same(url: str, undisturbed: str) -> None:
    """The same pixels, and the same ledger but for attempts, seconds and where."""
    found, wanted = Workspace(url), Workspace(undisturbed)
    np.testing.assert_array_equal(*(zarr_store.open_dataset(target).image.values for target in (found, wanted)))
    varying = ["attempts", "seconds", "host", "worker"]
    tables = [pd.DataFrame(ledger.read(target)).drop(columns=varying) for target in (found, wanted)]
    pd.testing.assert_frame_equal(*tables)
    assert list(verify.find_faults(found)) == []


def only_line(capsys: pytest.CaptureFixture[str]) -> str:
    lines = [line for line in capsys.readouterr().err.splitlines() if line]
    assert len(lines) == 1, lines
    assert lines[0].startswith("mineral-pipeline: ")
    return lines[0]


@needs_mount
def test_a_full_disk_is_one_line_and_once_it_has_space_the_same_command_goes_on(
    settings: Settings, planet: Path, small_disk: Path
) -> None:
    begun(settings, small_disk)
    run = command(planet, "acquire", str(small_disk))

    status, _, errors = run_process(run)
    assert status == 2
    (line,) = errors.splitlines()
    assert "cannot be written: No space left on device: free some space and run the same command" in line
    assert list(verify.find_faults(Workspace(str(small_disk)))) == []
    mount("-o", "remount,size=8m", str(small_disk))
    status, output, errors = run_process(run)
    assert (status, errors) == (0, "")
    assert "50 scenes:" in output
    assert_same(str(small_disk), settings.workspace)


WRITES: dict[str, Callable[[Workspace], object]] = {
    "table": lambda target: target.write_table("labels.parquet/part-00000.parquet", pd.DataFrame({"a": [1]})),
    "run": lambda target: write_run(target, RECORD),
    "store": lambda target: zarr_store.create_chips(target, chip_table(["a"]), ImageLayout(("B7",), 8, 1)),
    "shard": lambda target: zarr_store.write_shard(target, 0, np.ones((3, 1, 64, 64), "uint8")),
    "part": lambda target: ledger.write_part(target, 0, [outcome(0, "a")]),
    "removal": lambda target: target.remove(artefacts.CATALOGUE),
    "lock": lambda target: lock._take(target, lock.Owner(1.0), print),
}


@needs_mount
@pytest.mark.parametrize("kind", WRITES)
def test_every_write_to_a_read_only_workspace_says_what_and_what_to_do(
    settings: Settings, small_disk: Path, kind: str
) -> None:
    shutil.copytree(settings.workspace, small_disk, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.parquet"))
    shutil.copy(Path(settings.workspace) / artefacts.CATALOGUE, small_disk)
    mount("-o", "remount,ro", str(small_disk))

    message = rf"{small_disk}/\S+ cannot be \w+: Read-only file system: get the permission, or give another --workspace"
    with pytest.raises(WorkspaceError, match=message):
        WRITES[kind](Workspace(str(small_disk)))


@needs_mount
def test_a_read_only_workspace_can_be_looked_at_and_is_not_begun(
    settings: Settings, planet: Path, small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun(settings, small_disk)
    mount("-o", "remount,ro", str(small_disk))

    assert main(command(planet, "acquire", str(small_disk))) == 2
    assert "lock/00000001.json cannot be written: Read-only file system" in only_line(capsys)
    assert main(["status", str(small_disk)]) == 0


def test_a_store_whose_creation_was_interrupted_is_made_anew(
    settings: Settings, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = begun(settings, tmp_path / "workspace")

    def full(path: str, content: bytes) -> None:
        if path.endswith(f"{artefacts.CHIPS}/zarr.json"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(path, content)

    replace = workspace.replace_file
    with monkeypatch.context() as patch:
        patch.setattr(workspace, "replace_file", full)
        with pytest.raises(WorkspaceError, match=r"chips\.zarr/zarr\.json cannot be written: No space"):
            acquire.main(half, client)
    shutil.rmtree(tmp_path / "workspace" / artefacts.CHIPS / "band")
    assert not zarr_store.is_complete(Workspace(half.workspace))

    assert acquire.main(half, client).done == 50
    assert_same(half.workspace, settings.workspace)


@pytest.fixture
def copy(settings: Settings, tmp_path: Path) -> Settings:
    """A finished acquisition, to be damaged."""
    shutil.copytree(settings.workspace, tmp_path / "copy")
    return settings.model_copy(update={"workspace": str(tmp_path / "copy")})


def test_a_damaged_store_of_finished_shards_is_not_made_anew_in_silence(copy: Settings, client: Client) -> None:
    (Path(copy.workspace) / artefacts.CHIPS / "zarr.json").write_bytes(b"")

    with pytest.raises(
        WorkspaceError, match=r"chips\.zarr is damaged or gone though .* finished shards: run `mineral-pipeline repair"
    ):
        acquire.main(copy, client)


def truncated(part: Path) -> None:
    part.write_bytes(part.read_bytes()[:-100])


def empty(part: Path) -> None:
    part.write_bytes(b"")


def of_another_shard(part: Path) -> None:
    shutil.copy(part.with_name("part-00005.parquet"), part)


def of_another_catalogue(part: Path) -> None:
    table = pd.read_parquet(part)
    other = table.assign(scene_id=table["scene_id"].str.replace("LT04", "LT05"))
    Workspace(str(part.parent)).write_table(part.name, other)


@pytest.mark.parametrize("damage", [truncated, empty, of_another_shard, of_another_catalogue])
def test_a_damaged_part_is_named_and_its_shard_is_done_again(
    copy: Settings,
    settings: Settings,
    client: Client,
    damage: Callable[[Path], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(Path(copy.workspace) / artefacts.LEDGER / "part-00003.parquet")

    assert acquire.plan(copy).counts.skipped == 47
    assert main(["status", copy.workspace]) == 0
    assert "part-00003.parquet" in capsys.readouterr().out
    assert main(["verify", copy.workspace]) == 1
    assert "part-00003.parquet" in capsys.readouterr().out
    counts = acquire.main(copy, client)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "part-00003.parquet" in line and "shard 3 is done again" in line] == lines[:1]
    assert (counts.done, counts.skipped) == (3, 47)
    assert_same(copy.workspace, settings.workspace)


def test_a_shard_whose_pixels_are_gone_is_done_again(
    copy: Settings, settings: Settings, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    Workspace(copy.workspace).remove(f"{artefacts.CHIPS}/image/c/3/0/0/0")

    counts = acquire.main(copy, client)
    assert "acquire: shard 3 is done again: its pixels are gone from " in capsys.readouterr().out
    assert (counts.done, counts.skipped) == (3, 47)
    assert_same(copy.workspace, settings.workspace)


def test_progress_counts_the_failures_of_earlier_runs(
    copy: Settings, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace, part = Workspace(copy.workspace), artefacts.ledger_part(3)
    workspace.write_table(part, workspace.read_table(part).assign(status=["ok", "missing", "rejected"]))

    acquire.main(copy, client)
    assert "50 scenes: 0 done, 50 skipped, 1 failed" in capsys.readouterr().out


@pytest.fixture
def scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A scheduler of its own process, at the address that cluster/address.yaml reads, with one worker."""
    file, quiet = tmp_path / "scheduler.json", {"stderr": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    dask_command, fixed = [sys.executable, "-m", "dask"], ["--host", "127.0.0.1", "--scheduler-file", str(file)]
    process = subprocess.Popen([*dask_command, "scheduler", "--port", "0", "--no-dashboard", *fixed], **quiet)
    worker = subprocess.Popen(
        [*dask_command, "worker", "--no-nanny", "--nthreads", "1", "--no-dashboard", *fixed], **quiet, cwd=tmp_path
    )
    while not file.exists():
        time.sleep(0.05)
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", str(pd.read_json(file, typ="series")["address"]))
    yield process
    for started in (worker, process):
        started.kill()
        started.wait()


def wait_for_parts(url: str, number: int = 2) -> None:
    while len(ledger.finished_shards(Workspace(url))) < number:
        time.sleep(0.005)


@pytest.mark.slow
def test_a_killed_scheduler_is_one_line_and_the_rest_is_done_later(
    settings: Settings,
    planet: Path,
    client: Client,
    tmp_path: Path,
    scheduler: subprocess.Popen[bytes],
    capsys: pytest.CaptureFixture[str],
) -> None:
    begin = begun(settings, tmp_path / "workspace")

    def kill() -> None:
        wait_for_parts(begin.workspace)
        scheduler.kill()

    threading.Thread(target=kill, daemon=True).start()
    assert main(command(planet, "acquire", begin.workspace, "address", SLOWLY)) == 2
    assert "is gone: what is done is kept: run the same command again to go on" in only_line(capsys)
    assert lock.owner(Workspace(begin.workspace)) is None

    counts = acquire.main(begin, client)
    assert counts.done + counts.skipped == 50
    assert 6 <= counts.skipped < 50
    assert_same(begin.workspace, settings.workspace)


@pytest.mark.parametrize(
    ("number", "cluster_file"),
    [pytest.param(signal.SIGINT, "local", marks=pytest.mark.slow), (signal.SIGTERM, "threads")],
)
def test_a_signal_ends_a_run_in_one_line_and_gives_the_lease_back(
    settings: Settings, planet: Path, tmp_path: Path, number: signal.Signals, cluster_file: str
) -> None:
    begin = begun(settings, tmp_path / "workspace")
    run = [sys.executable, "-m", "jobs", *command(planet, "acquire", begin.workspace, cluster_file, SLOWLY)]
    process = subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    wait_for_parts(begin.workspace)
    os.killpg(process.pid, number)  # as a terminal or a batch system does
    output, errors = process.communicate(timeout=30)

    assert (process.returncode, errors) == (130, "mineral-pipeline: stopped; run the same command again to go on\n")
    assert "acquire    stopped: 50 scenes: " in output
    assert lock.owner(Workspace(begin.workspace)) is None
    (record,) = read_runs(Workspace(begin.workspace))
    assert (record["state"], record["error"], record["counts"]["planned"]) == ("stopped", "", 50)


def test_a_run_that_loses_its_lease_stops_with_the_reason(
    settings: Settings,
    planet: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    begin = begun(settings, tmp_path / "workspace")
    monkeypatch.setattr(lock, "LEASE_S", 0.3)

    def take_over() -> None:
        wait_for_parts(begin.workspace)
        Workspace(begin.workspace).create_bytes("lock/00000002.json", lock._content(lock.Owner(30.0)))

    threading.Thread(target=take_over, daemon=True).start()
    assert main(command(planet, "acquire", begin.workspace, "threads", SLOWLY)) == 2
    line = only_line(capsys)
    assert "this run has lost its lease" in line or "the run of this task no longer holds" in line
    (record,) = read_runs(Workspace(begin.workspace))
    assert record["state"] == "failed"
    by_whom = "WorkspaceError: this run has lost its lease", "LeaseLostError: the run of this task no longer holds"
    assert record["error"].startswith(by_whom), "the client has seen it first, or a task"


def test_a_cluster_without_workers_is_not_waited_for_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "POLL_S", 0.05)
    monkeypatch.setattr(cluster, "PATIENCE_S", 0.3)
    said: list[ClusterError] = []
    lost = threading.Event()

    def stop(error: ClusterError) -> None:
        said.append(error)
        lost.set()

    with cluster.connect("threads", stop) as client:
        time.sleep(0.5)
        assert not said
        client.cluster.scale(0)
        assert lost.wait(10)
    assert "has had no worker for" in str(said[0])
