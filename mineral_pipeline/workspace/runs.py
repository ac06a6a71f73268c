"""Run records: one JSON document for every run of a job, ``runs/<time>-<job>.json``.

A record is written when a job begins, again while it runs, and when it ends. That of a killed run says for ever that it
is running; the lease of its run tells that it is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from mineral_pipeline.workspace import artefacts, lock
from mineral_pipeline.workspace.workspace import Workspace


class RunState(StrEnum):
    """How the run of a job ended, or that it has not."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # an error ended it, or more items failed than the settings allow
    STOPPED = "stopped"  # by SIGINT or SIGTERM
    KILLED = "killed"  # it says that it is running, but its run has lost the workspace


def write_run(workspace: Workspace, record: Mapping[str, Any]) -> None:
    """Write the record of one run in place of an earlier one of it.

    It holds at least ``job`` and ``started`` (ISO 8601), which tell runs apart: only one uses a workspace at a time.
    """
    time = re.sub(r"[^0-9TZ]", "", str(record["started"]))
    workspace.write_json(f"{artefacts.RUNS}/{time}-{record['job']}.json", record)


def read_runs(workspace: Workspace) -> Sequence[dict[str, Any]]:
    """Records of all runs, oldest first, each with its ``state`` as `RunState` defines it."""
    names = [name for name in workspace.list(artefacts.RUNS) if name.endswith(".json")]
    owner = lock.owner(workspace)
    return [_read(workspace, name, owner) for name in names]


def newest_run(workspace: Workspace, job: str) -> dict[str, Any] | None:
    """Record of the newest run of ``job``, however it ended; None when it has never begun."""
    return next(_newest_first(workspace, job), None)


def last_run(workspace: Workspace, job: str) -> dict[str, Any] | None:
    """Record of the newest run of ``job`` that was done; None when none ever was."""
    return next((run for run in _newest_first(workspace, job) if run["state"] == RunState.DONE), None)


def _newest_first(workspace: Workspace, job: str) -> Iterator[dict[str, Any]]:
    owner = lock.owner(workspace)
    for name in reversed(workspace.list(artefacts.RUNS)):
        if name.endswith(f"-{job}.json"):
            yield _read(workspace, name, owner)


def _read(workspace: Workspace, name: str, owner: lock.Owner | None) -> dict[str, Any]:
    """A record; those of earlier versions were written when a job was done, and tell no state."""
    record: dict[str, Any] = {"state": RunState.DONE, **workspace.read_json(f"{artefacts.RUNS}/{name}")}
    if record["state"] == RunState.RUNNING and not _is_running(record, owner):
        record["state"] = RunState.KILLED
    return record


def _is_running(record: Mapping[str, Any], owner: lock.Owner | None) -> bool:
    """Whether the run of a record still holds the workspace; one that died on another host seems to, for a while."""
    return owner is not None and owner.token == record["run"] and not owner.has_died_here
