"""Status tells of every job that has begun, from the first moment on, and how those ended that did not finish."""

from __future__ import annotations

import json
from typing import Any

import pytest
from run_records import RECORD

from jobs.__main__ import main
from mineral_pipeline.workspace import Workspace, artefacts, layout, lock, write_run
from mineral_pipeline.workspace.lock import Owner


@pytest.fixture
def workspace(workspace: Workspace) -> Workspace:
    layout.write_version(workspace)
    return workspace


def record(workspace: Workspace, job: str, minute: int, state: str, **facts: Any) -> None:
    counts = {"unit": "models", "planned": 24, "done": 13, "skipped": 0, "failed": 0, "reasons": {}}
    started = f"2026-11-22T10:{minute:02d}:00.000000Z"
    write_run(workspace, {**RECORD, "job": job, "started": started, "state": state, "counts": counts, **facts})


def jobs(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["status", workspace.url, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)["jobs"]
    return found


def test_before_the_first_job(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert jobs(workspace, capsys) == {}
    waiting = Workspace(f"{workspace.url}-of-a-run-that-waits-for-its-cluster")
    waiting.write_bytes("lock/00000001.json", lock._content(Owner(30.0)))
    assert jobs(waiting, capsys) == {}


def test_brackets_and_lines_in_an_error_are_text_in_one_line(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    record(workspace, "train", 1, "failed", error="/data/[old]/w cannot be read [/]\n\x1b[31mhelp")
    assert main(["status", workspace.url]) == 0
    assert "failed: /data/[old]/w cannot be read [/] [31mhelp\n" in capsys.readouterr().out


def test_a_running_job_has_a_row_also_without_a_catalogue(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    owner = Owner(30.0)
    workspace.write_bytes("lock/00000001.json", lock._content(owner))
    record(workspace, "train", 1, "running", run=owner.token)
    record(workspace, "simulate", 0, "done")

    assert not workspace.exists(artefacts.CATALOGUE)
    found = jobs(workspace, capsys)
    assert list(found) == ["simulate", "train"], "in their order"
    assert {name: found["train"][name] for name in ("state", "planned", "done")} == {
        "state": "running",
        "planned": 24,
        "done": 13,
    }
    assert main(["status", workspace.url]) == 0
    assert "running" in capsys.readouterr().out


def test_ends_that_are_none_are_told_with_their_reason(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    record(workspace, "label", 0, "done")
    record(workspace, "label", 1, "failed", error="DataError: none of 3 scenes is ok")
    record(workspace, "curate", 2, "running")
    record(workspace, "train", 3, "stopped")

    states = {job: facts["state"] for job, facts in jobs(workspace, capsys).items()}
    assert states == {"label": "failed", "curate": "killed", "train": "stopped"}
    assert main(["status", workspace.url]) == 0
    assert "label      failed: DataError: none of 3 scenes is ok" in capsys.readouterr().out
