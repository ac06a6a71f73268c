"""The lease: one run at a time, whatever happens to the others; it expires, and nobody compares clocks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import s3fs
from moto.server import ThreadedMotoServer

from mineral_pipeline.errors import LeaseLostError, WorkspaceError
from mineral_pipeline.workspace import Workspace, lock
from mineral_pipeline.workspace.lock import Owner, acquire

HOLD = """
import sys, time
from mineral_pipeline.workspace.lock import acquire
from mineral_pipeline.workspace import Workspace
lost = []
with acquire(Workspace(sys.argv[1]), lost.append, print, float(sys.argv[2])):
    print("held", flush=True)
    while not lost:
        time.sleep(0.02)
print(lost[0], flush=True)
"""
LENGTH_S = 0.9


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """An S3 server in this process."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["disk", "s3"])
def target(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    if request.param == "disk":
        yield Workspace(str(tmp_path / "workspace"))
        return
    monkeypatch.setenv("AWS_ENDPOINT_URL", request.getfixturevalue("endpoint"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    bucket = tmp_path.name.replace("_", "-").lower()
    s3fs.S3FileSystem().mkdir(bucket)
    yield Workspace(f"s3://{bucket}/workspace")
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def other(workspace: Workspace) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lease of ``workspace``."""
    command = [sys.executable, "-c", HOLD, workspace.url, str(LENGTH_S)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def suspend(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGSTOP)
    while "(stopped)" not in Path(f"/proc/{process.pid}/status").read_text():
        time.sleep(0.001)


def fail(error: WorkspaceError) -> None:
    raise AssertionError(error)


def silent(line: str) -> None:
    raise AssertionError(line)


def test_a_second_run_is_refused_at_once_by_name_until_the_first_ends(target: Workspace) -> None:
    started = time.monotonic()
    with acquire(target, fail, silent, 30.0):
        message = rf"in use by process {os.getpid()} on .* \(since 20.*\): wait for its end, stop it, or give another"
        with pytest.raises(WorkspaceError, match=message), acquire(target, fail, silent, 30.0):
            pass
        holder = lock.owner(target)
        assert holder is not None
        assert holder.pid == os.getpid()
    assert lock.owner(target) is None
    with acquire(target, fail, silent, 30.0):
        pass
    assert time.monotonic() - started < 30, "nobody waited for it to expire"


def test_of_many_that_start_at_once_one_holds(target: Workspace) -> None:
    held, refused, start, end = [], [], threading.Barrier(6), threading.Barrier(6)

    def run() -> None:
        start.wait()
        try:
            with acquire(target, fail, print, LENGTH_S):
                held.append(1)
                end.wait(20)
        except WorkspaceError:
            refused.append(1)
            end.wait(20)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(held), len(refused)) == (1, 5)


def test_a_renewed_lease_of_another_host_is_refused_once_it_was_seen_to_live(
    target: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    with acquire(target, fail, silent, LENGTH_S):
        monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
        with pytest.raises(WorkspaceError, match="in use by"), acquire(target, fail, said.append, LENGTH_S):
            pass
    assert len(said) == 1


def test_a_lease_of_another_host_expires_by_our_clock_whatever_its_own_says(target: Workspace) -> None:
    tomorrow = Owner(LENGTH_S, host="elsewhere", since="2999-01-01T00:00:00+00:00")
    target.create_bytes("lock/00000007.json", lock._content(tomorrow))
    said: list[str] = []

    started = time.monotonic()
    with acquire(target, fail, said.append, LENGTH_S):
        assert time.monotonic() - started >= LENGTH_S
        assert target.list("lock") == ["00000008.json"]
    assert said == [f"waiting up to 1 s for the lease of {tomorrow}, which may have died"]


def test_the_lease_of_a_killed_run_is_waited_out_and_one_of_two_waiters_takes_it(
    workspace: Workspace, other: subprocess.Popen[str]
) -> None:
    other.send_signal(signal.SIGKILL)
    other.wait()
    said: list[str] = []
    outcomes: list[str] = []

    def run() -> None:
        try:
            with acquire(workspace, fail, said.append, LENGTH_S):
                outcomes.append("held")
                time.sleep(2 * LENGTH_S)
        except WorkspaceError as error:
            outcomes.append("refused" if "in use by" in str(error) else str(error))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["held", "refused"]
    assert said == [f"waiting up to 1 s for the lease of {said[0].split(' of ', 1)[1]}"] * 2
    assert f"process {other.pid} on" in said[0]


def test_a_run_that_was_suspended_learns_that_it_lost_its_lease(
    workspace: Workspace, other: subprocess.Popen[str]
) -> None:
    suspend(other)
    with acquire(workspace, fail, lambda line: None, LENGTH_S):
        other.send_signal(signal.SIGCONT)
        output, _ = other.communicate(timeout=10)

    assert "this run has lost its lease" in output
    assert f"taken over by process {os.getpid()}" in output


def test_a_run_that_was_suspended_and_not_missed_goes_on(workspace: Workspace, other: subprocess.Popen[str]) -> None:
    suspend(other)
    time.sleep(2 * LENGTH_S)
    other.send_signal(signal.SIGCONT)
    time.sleep(LENGTH_S)

    assert other.poll() is None
    with pytest.raises(WorkspaceError, match="in use by"), acquire(workspace, fail, silent, LENGTH_S):
        pass


def test_a_lease_that_cannot_be_renewed_is_lost_before_it_expires(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[WorkspaceError] = []
    length_s = 4 * LENGTH_S

    def full(*args: object) -> None:
        raise WorkspaceError("No space left on device")

    started = time.monotonic()
    with acquire(workspace, lost.append, silent, length_s):
        monkeypatch.setattr(Workspace, "write_bytes", full)
        while not lost:
            time.sleep(0.01)
        assert time.monotonic() - started < length_s

    assert "lost its lease" in str(lost[0])
    assert "No space left on device" in str(lost[0])
    assert lock.owner(workspace) is None


@pytest.mark.parametrize(("full", "is_lost"), [((), False), ((10,), False), ((10, 20), True), ((20,), False)])
def test_a_failed_renewal_is_forgiven_for_three_fifths_of_the_lease(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, full: Sequence[int], is_lost: bool
) -> None:
    mine, lost, seconds = Owner(30.0), list[WorkspaceError](), iter([0, 10, 20, 25])
    monkeypatch.setattr(lock, "time", SimpleNamespace(monotonic=lambda: now[0]))
    now, waited = [next(seconds)], list[float]()

    class Turns(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waited.append(timeout or 0)
            now[0] = next(seconds, 99)
            return now[0] == 99

    def write(*_: object) -> None:
        if now[0] in full:
            raise WorkspaceError("No space left on device")

    monkeypatch.setattr(lock, "_newest", lambda _: (1, mine))
    monkeypatch.setattr(lock, "_write", write)
    lock._renew(workspace, 1, mine, lost.append, Turns())
    assert bool(lost) == is_lost
    assert set(waited) == {10.0}


def test_a_lease_whose_writing_was_interrupted_expires(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "LEASE_S", 0.3)
    workspace.write_bytes("lock/00000003.json", b"")

    with acquire(workspace, fail, lambda line: None, LENGTH_S):
        assert workspace.list("lock") == ["00000004.json"]


def test_what_is_no_lease_is_ignored_and_said_to_be(workspace: Workspace) -> None:
    workspace.write_bytes("lock/notes.txt", b"keep out")
    workspace.write_bytes("lock/99.json", b"{}")
    said: list[str] = []
    with acquire(workspace, print, said.append, LENGTH_S):
        assert lock.owner(workspace) is not None
    assert lock.owner(workspace) is None
    assert said == [f"{workspace.uri(f'lock/{name}')} is no lease: it is ignored" for name in ("99.json", "notes.txt")]


def test_the_lease_of_a_later_version_is_respected(workspace: Workspace) -> None:
    content = {**asdict(Owner(LENGTH_S)), "job": "acquire"}
    workspace.write_json("lock/00000001.json", content)
    with (
        pytest.raises(WorkspaceError, match=rf"is in use by process {os.getpid()} on"),
        acquire(workspace, print, print, LENGTH_S),
    ):
        pass


@pytest.mark.parametrize(
    "content",
    [
        "[]", "7", '{"length_s": "x"}', "{}", "\0" * 100, '{"length_s": null}', "[" * 20_000, '{"length_s": 1e308}',
        '{"length_s": NaN}', '{"length_s": 0.1, "pid": null}', '{"length_s": 0.1, "host": "a\\n\\u001b[31m"}',
        '{"length_s": 0.1, "host": []}', '{"length_s": 1' + "0" * 400 + "}",
    ],
)  # fmt: skip
def test_a_damaged_lease_expires(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    monkeypatch.setattr(lock, "LEASE_S", 0.2)
    workspace.write_bytes("lock/00000001.json", content.encode())
    said: list[str] = []
    with acquire(workspace, print, said.append, LENGTH_S):
        pass
    assert "an unknown host" in said[0]


def test_one_who_slept_since_it_looked_does_not_take_a_number_that_has_come_and_gone(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.write_bytes("lock/00000001.json", lock._content(Owner(LENGTH_S, released=True)))
    original, sleeping = Workspace.create_bytes, [True]

    def create(target: Workspace, name: str, content: bytes) -> bool:
        if sleeping:  # meanwhile number 2 is taken and released, then number 3 is taken, which removes those below
            sleeping.clear()
            target.remove("lock/00000001.json")
            target.write_bytes("lock/00000003.json", lock._content(Owner(30.0)))
        return original(target, name, content)

    monkeypatch.setattr(Workspace, "create_bytes", create)
    with pytest.raises(WorkspaceError, match="in use by"), acquire(workspace, fail, silent, LENGTH_S):
        pass
    assert workspace.list("lock") == ["00000003.json"]


def test_an_owner_is_known_to_live_or_to_have_died_on_its_own_machine_only() -> None:
    alive = Owner(LENGTH_S)
    assert (alive.is_running_here, alive.has_died_here) == (True, False)
    elsewhere, reused, unknown = replace(alive, host="elsewhere"), replace(alive, born="1"), replace(alive, born="")
    assert (elsewhere.is_running_here, elsewhere.has_died_here) == (False, False)
    assert (reused.is_running_here, reused.has_died_here) == (False, True), "another process has its number"
    assert (unknown.is_running_here, unknown.has_died_here) == (False, False)
    later = replace(alive, born=f"{int(alive.born) + 1}")
    assert (later.is_running_here, later.has_died_here) == (False, True)


def test_a_lease_that_is_not_released_keeps_no_process_alive_and_expires(workspace: Workspace) -> None:
    code = (
        "import sys; from mineral_pipeline.workspace import Workspace, lock\n"
        "context = lock.acquire(Workspace(sys.argv[1]), print, print, 0.6)\n"
        "context.__enter__(); sys.stdout.write('held'); sys.modules['kept'] = context"
    )
    command = [sys.executable, "-c", code, workspace.url]
    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout == "held"
    said: list[str] = []
    with acquire(workspace, fail, said.append, LENGTH_S):
        assert "which may have died" in said[0]


def test_work_ends_when_its_run_no_longer_holds_the_lease(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    lock.check()  # outside of a run
    with lock.acquire(workspace, stop=pytest.fail, say=pytest.fail, length_s=30) as lease:
        assert lock.current() == lease
        lock.check()
    assert lock.current() is None
    with lock.holding(lease), pytest.raises(LeaseLostError, match="has ended"):
        lock.check()
    with lock.acquire(workspace, stop=pytest.fail, say=pytest.fail, length_s=30) as other:
        assert other.run != lease.run
        with lock.holding(lease), pytest.raises(LeaseLostError, match=f"in use by process {os.getpid()}"):
            lock.check()
