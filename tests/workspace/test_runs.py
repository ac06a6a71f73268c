"""Run records: the newest, the newest that was done, and runs that never told their end."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace

import pytest
from run_records import RECORD

from mineral_pipeline.workspace import (
    RunState,
    Workspace,
    documents,
    ignored_runs,
    last_run,
    lock,
    newest_run,
    read_runs,
    write_run,
)
from mineral_pipeline.workspace.lock import Owner


def begin(workspace: Workspace, state: str, minute: int, run: str = "") -> None:
    started = f"2026-11-22T10:{minute:02d}:00.000000Z"
    write_run(workspace, {**RECORD, "started": started, "state": state, "run": run, "minute": minute})


def lease(workspace: Workspace, owner: Owner) -> None:
    workspace.write_bytes("lock/00000001.json", lock._content(owner))


def test_the_newest_run_and_the_newest_that_was_done(workspace: Workspace) -> None:
    assert newest_run(workspace, "label") is last_run(workspace, "label") is None
    begin(workspace, RunState.DONE, 1)
    for minute, state in enumerate((RunState.DONE, RunState.FAILED, RunState.STOPPED), start=2):
        begin(workspace, state, minute)

    newest, last = newest_run(workspace, "label"), last_run(workspace, "label")
    assert newest is not None
    assert last is not None
    assert (newest["minute"], newest["state"], last["minute"]) == (4, "stopped", 2)
    assert [run["state"] for run in read_runs(workspace)] == ["done", "done", "failed", "stopped"]


def test_a_record_is_replaced_by_a_newer_one_of_the_same_run(workspace: Workspace) -> None:
    for state in (RunState.RUNNING, RunState.DONE):
        begin(workspace, state, 1)
    assert [run["state"] for run in read_runs(workspace)] == ["done"]


@pytest.mark.parametrize(
    ("holder", "state"),
    [
        (None, "killed"),
        (Owner(30.0), "running"),
        (Owner(30.0, released=True), "killed"),
        (Owner(30.0, host="elsewhere", pid=1, born="7"), "running"),
        (Owner(30.0, born=""), "running"),  # no one can see whether it lives
    ],
)
def test_a_run_without_an_end_runs_while_it_holds_the_lease(
    workspace: Workspace, holder: Owner | None, state: str
) -> None:
    if holder:
        lease(workspace, holder)
    begin(workspace, RunState.RUNNING, 1, run=holder.token if holder else "")
    assert [run["state"] for run in read_runs(workspace)] == [state]
    if holder:
        lease(workspace, replace(holder, token="another", released=False))
        assert [run["state"] for run in read_runs(workspace)] == ["killed"]


def test_a_killed_run_is_known_before_its_lease_has_expired(workspace: Workspace) -> None:
    code = "from mineral_pipeline.workspace.lock import Owner; print(Owner(30.0).pid, Owner(30.0).born)"
    pid, born = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    ended = Owner(30.0, pid=int(pid), born=born)
    lease(workspace, ended)
    begin(workspace, RunState.RUNNING, 1, run=ended.token)
    assert [run["state"] for run in read_runs(workspace)] == ["killed"]


NAME = "20261122T100100000000Z-label.json"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no JSON document"),
        (b'{"job": ', "no JSON document"),
        (b"[1]", "no JSON object"),
        (b"{}", "no digest"),
        (documents.encode({**RECORD, "counts": {"unit": "chips", "colour": 1}}), "state or counts"),
        (documents.encode({**RECORD, "counts": {"unit": "chips", "reasons": [1]}}), "state or counts"),
        (documents.encode({**RECORD, "counts": {"unit": "chips", "planned": "9"}}), r"\(counts\)"),
        (documents.encode({**RECORD, "counts": {"unit": "chips", "reasons": {"a": None}}}), r"\(counts\)"),
        (documents.encode({**RECORD, "counts": {"unit": 7}}), r"\(counts\)"),
        (documents.encode({key: RECORD[key] for key in RECORD if key != "settings"}), r"\(settings\)"),
        (documents.encode({key: RECORD[key] for key in RECORD if key != "outputs"}), r"\(outputs\)"),
        (documents.encode({**RECORD, "state": "asleep"}), "state or counts"),
        (documents.encode(RECORD), "record of another run"),
        (documents.encode(RECORD).replace(b"chips", b"ships"), "not the digest"),
    ],
)
def test_a_damaged_or_foreign_record_counts_for_nothing_and_is_told(
    workspace: Workspace, content: bytes, says: str
) -> None:
    begin(workspace, RunState.DONE, 0)
    workspace.write_bytes(f"runs/{NAME}", content)
    workspace.write_bytes("runs/notes.txt", b"mine")

    assert [run["minute"] for run in read_runs(workspace)] == [0]
    for found in (newest_run(workspace, "label"), last_run(workspace, "label")):
        assert found is not None
        assert found["minute"] == 0
    damaged, foreign = ignored_runs(workspace)
    assert (damaged.name, foreign.name, foreign.is_damaged) == (NAME, "notes.txt", False)
    assert re.search(says, damaged.reason)
    assert damaged.is_damaged is ("of this version" not in damaged.reason)
