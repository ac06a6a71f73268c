"""The record of a job tells how far it is while it runs, and how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from run_records import RECORD

from jobs.running import recording as module
from jobs.running.progress import Progress
from jobs.running.recording import recording
from mineral_pipeline.errors import DataError, WorkspaceError
from mineral_pipeline.workspace import Workspace, lock, read_runs, write_run

FACTS = {**RECORD, "job": "train", "run": "a"}


def only_run(workspace: Workspace) -> dict[str, Any]:
    (run,) = read_runs(workspace)
    return run


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_record_follows_its_job(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REFRESH_S", 0.01)
    with lock.acquire(workspace, print, print, 30.0) as lease, recording(workspace, FACTS | {"run": lease.run}) as run:
        assert only_run(workspace)["state"] == "running"
        assert only_run(workspace)["counts"]["planned"] == 0
        with Progress("train", "models", planned=24) as progress:
            wait_until(lambda: only_run(workspace)["counts"]["planned"] == 24)
            progress.advance(done=13)
            progress.record("big", DataError("no"))
            wait_until(lambda: only_run(workspace)["counts"]["done"] == 13)
            found = only_run(workspace)
            assert (found["state"], found["counts"]["failed"]) == ("running", 1)
            assert found["counts"]["reasons"] == {"DataError": 1}
        run |= {"state": "done", "outputs": {"a": "b"}}
    found = only_run(workspace)
    assert (found["state"], found["error"], found["outputs"]) == ("done", "", {"a": "b"})
    assert found["seconds"] > 0


def test_a_record_is_written_only_when_something_has_changed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []

    def write(*arguments: Any) -> None:
        written.append(arguments)
        write_run(*arguments)

    monkeypatch.setattr(module, "REFRESH_S", 0.001)
    monkeypatch.setattr(module, "write_run", write)
    with recording(workspace, FACTS), Progress("train", "models", planned=24):
        wait_until(lambda: len(written) == 2)
        time.sleep(0.05)
    assert len(written) == 3, "at the beginning, when the plan is known, at the end"


@pytest.mark.parametrize(
    ("error", "state", "says"),
    [
        (DataError("nothing\nmore"), "failed", "DataError: nothing"),
        (ZeroDivisionError(), "failed", "ZeroDivisionError: "),
        (KeyboardInterrupt(), "stopped", ""),
        (KeyboardInterrupt(WorkspaceError("the lease is lost")), "failed", "WorkspaceError: the lease is lost"),
    ],
)
def test_a_record_tells_how_its_job_ended(workspace: Workspace, error: BaseException, state: str, says: str) -> None:
    def job() -> None:
        with recording(workspace, FACTS), Progress("train", "models", planned=24) as progress:
            progress.advance(done=13)
            raise error

    with pytest.raises(type(error)):
        job()
    found = only_run(workspace)
    assert (found["state"], found["error"]) == (state, says)
    assert (found["counts"]["planned"], found["counts"]["done"]) == (24, 13)


@pytest.mark.parametrize("error", [DataError("no"), None])
def test_a_signal_while_the_last_record_is_written_does_not_lose_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, error: DataError | None
) -> None:
    signals = [KeyboardInterrupt()]

    def write(to: Workspace, record: dict[str, Any]) -> None:
        if record["state"] != "running" and signals:
            raise signals.pop()
        write_run(to, record)

    def job() -> None:
        with recording(workspace, FACTS) as record:
            if error:
                raise error
            record |= {"state": "done", "outputs": {}}

    monkeypatch.setattr(module, "write_run", write)
    with pytest.raises(KeyboardInterrupt):
        job()
    assert only_run(workspace)["state"] == ("failed" if error else "done")
