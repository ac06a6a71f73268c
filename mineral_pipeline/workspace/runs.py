"""Run records: one JSON document for every run of a job, ``runs/<time>-<job>.json``.

A record is written when a job begins, again while it runs, and when it ends. That of a killed run says for ever that it
is running; the lease of its run tells that it is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mineral_pipeline.errors import WorkspaceError, one_line
from mineral_pipeline.workspace import artefacts, lock
from mineral_pipeline.workspace.counts import Counts
from mineral_pipeline.workspace.workspace import THREADS, Workspace


class RunState(StrEnum):
    """How the run of a job ended, or that it has not."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # an error ended it, or more items failed than the settings allow
    STOPPED = "stopped"  # by SIGINT or SIGTERM
    KILLED = "killed"  # it says that it is running, but its run has lost the workspace


RECORD = re.compile(r"[0-9TZ]+-[a-z]+\.json")
"""Name of a record."""


@dataclass(frozen=True)
class IgnoredRun:
    """What lies in the folder of the records and counts for nothing."""

    name: str
    """Name of its file in the folder."""
    reason: str
    """Why, in one line that goes on after the name."""
    is_damaged: bool = False
    """Whether it is the record of a run, and damaged; else another program or version has put it there."""


FIELDS: dict[str, type] = {
    "job": str, "run": str, "started": str, "state": str, "counts": dict, "settings": dict, "inputs": dict,
    "packages": dict,
}  # fmt: skip
"""What every record holds; that of a run that is done also ``outputs``."""


def write_run(workspace: Workspace, record: Mapping[str, Any]) -> None:
    """Write the record of one run in place of an earlier one of it.

    It holds at least `FIELDS`; ``job`` and ``started`` (ISO 8601) tell runs apart: only one uses a workspace at a time.
    """
    workspace.write_json(f"{artefacts.RUNS}/{_file_name(record)}", record)


def read_runs(workspace: Workspace) -> Sequence[dict[str, Any]]:
    """Records of all runs, oldest first, each with its ``state`` as `RunState` defines it; see `ignored_runs`."""
    return [record for record in _read_all(workspace) if not isinstance(record, IgnoredRun)]


def ignored_runs(workspace: Workspace) -> list[IgnoredRun]:
    """What lies in the folder of the records and counts for nothing, by name."""
    return [ignored for ignored in _read_all(workspace) if isinstance(ignored, IgnoredRun)]


def newest_run(workspace: Workspace, job: str) -> dict[str, Any] | None:
    """Record of the newest run of ``job``, however it ended; None when it has never begun."""
    return next(_newest_first(workspace, job), None)


def last_run(workspace: Workspace, job: str) -> dict[str, Any] | None:
    """Record of the newest run of ``job`` that was done; None when none ever was."""
    return next((run for run in _newest_first(workspace, job) if run["state"] == RunState.DONE), None)


def _read_all(workspace: Workspace) -> list[dict[str, Any] | IgnoredRun]:
    """All records by name, several at a time: a workspace gets some ten with every run."""
    owner = lock.owner(workspace)
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda name: _read(workspace, name, owner), workspace.list(artefacts.RUNS)))


def _newest_first(workspace: Workspace, job: str) -> Iterator[dict[str, Any]]:
    owner = lock.owner(workspace)
    for name in reversed(workspace.list(artefacts.RUNS)):
        if name.endswith(f"-{job}.json") and not isinstance(record := _read(workspace, name, owner), IgnoredRun):
            yield record


def _file_name(record: Mapping[str, Any]) -> str:
    return f"{re.sub(r'[^0-9TZ]', '', str(record['started']))}-{record['job']}.json"


def _read(workspace: Workspace, name: str, owner: lock.Owner | None) -> dict[str, Any] | IgnoredRun:
    """A record, or why it counts for nothing: what is damaged, or put there by another program, ends no run."""
    if not RECORD.fullmatch(name):
        return IgnoredRun(name, "is no run record")
    try:
        record = workspace.read_json(f"{artefacts.RUNS}/{name}")
    except WorkspaceError as error:
        if isinstance(error.__cause__, (ValueError, IsADirectoryError)):
            return IgnoredRun(name, one_line(error.__cause__), is_damaged=True)
        raise
    if field := _foreign_field(record):
        return IgnoredRun(name, f"is no run record of this version ({field})")
    if _file_name(record) != name:
        return IgnoredRun(name, "is damaged (it is the record of another run)", is_damaged=True)
    if record["state"] == RunState.RUNNING and not _is_running(record, owner):
        record["state"] = RunState.KILLED
    return record


def _foreign_field(record: Mapping[str, Any]) -> str | None:
    """A field that is absent or of another kind than in `FIELDS`; None when all are as this version writes them."""
    required = FIELDS | ({"outputs": dict} if record.get("state") == RunState.DONE else {})
    for field, kind in required.items():
        if not isinstance(record.get(field), kind):
            return field
    try:
        RunState(record["state"])
        counts = Counts(**record["counts"])
        numbers = (counts.planned, counts.done, counts.skipped, counts.failed, *counts.reasons.values())
    except (TypeError, ValueError, AttributeError):
        return "state or counts"
    return None if isinstance(counts.unit, str) and all(isinstance(number, int) for number in numbers) else "counts"


def _is_running(record: Mapping[str, Any], owner: lock.Owner | None) -> bool:
    """Whether the run of a record still holds the workspace; one that died on another host seems to, for a while."""
    return owner is not None and owner.token == record["run"] and not owner.has_died_here
