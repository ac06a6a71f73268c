"""The state of a workspace: every job that has begun and how far it is, damaged ledger parts, and who uses it.

mineral-pipeline status WORKSPACE [--json]
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import chain

from rich.table import Table

from jobs.running.dependencies import DEPENDENCIES
from jobs.running.progress import CONSOLE
from mineral_pipeline.errors import WorkspaceError, one_line
from mineral_pipeline.workspace import Counts, Workspace, artefacts, ignored_runs, layout, ledger, lock, read_runs


@dataclass(frozen=True)
class JobStatus:
    """How far a job is."""

    state: str
    """State of its newest run, as `RunState` defines it."""
    started: str
    """When that run began, ISO 8601."""
    error: str
    """What ended it; empty when nothing did."""
    counts: Counts
    """Counts of that run; those of acquire are the ledger's."""


def show_status(url: str, as_json: bool) -> int:
    """Show the state and the counts of every job that has begun; they are true while it runs.

    Raises:
        WorkspaceError: there is no workspace, or it has another format.
    """
    workspace = open_existing(url)
    found, damaged = job_statuses(workspace)
    owner = lock.owner(workspace)
    if as_json:
        jobs = {job: {**asdict(status.counts), **_facts(status)} for job, status in found.items()}
        content = {"workspace": url, "jobs": jobs, "damaged": list(damaged.values()), "in_use_by": owner and str(owner)}
        CONSOLE.print_json(json.dumps(content))
        return 0
    show_ignored_runs(workspace)
    CONSOLE.print(_table(url, found))
    for job, status in found.items():
        reasons = [f"{number:,} {one_line(reason)}" for reason, number in status.counts.reasons.items()]
        for told in filter(None, (", ".join(reasons), status.error and f"{status.state}: {one_line(status.error)}")):
            CONSOLE.print(f"{job:<10} {told}")
    for fault in damaged.values():
        CONSOLE.print(f"{fault}: run acquire again")
    if owner:
        died = ", which has died: the next run waits until its lease has expired" if owner.has_died_here else ""
        CONSOLE.print(f"in use by {owner}{died}")
    return 0


def job_statuses(workspace: Workspace) -> tuple[dict[str, JobStatus], dict[int, str]]:
    """Status of every job that has begun, in the order of the jobs; and what is wrong with ledger parts, by shard."""
    newest = {
        run["job"]: JobStatus(str(run["state"]), run["started"], run.get("error", ""), Counts(**run["counts"]))
        for run in read_runs(workspace)
    }
    damaged: dict[int, str] = {}
    if workspace.exists(artefacts.CATALOGUE):
        catalogue = workspace.read_table(artefacts.CATALOGUE, ["scene_id", "shard"])
        states, damaged = ledger.read_states(workspace, catalogue)
        if states:
            acquire = newest.get("acquire", JobStatus("", "", "", Counts("scenes")))
            counts = ledger.count(chain.from_iterable(states.values()), len(catalogue), acquire.counts.skipped)
            newest["acquire"] = replace(acquire, counts=counts)
    return {job: newest[job] for job in DEPENDENCIES if job in newest}, damaged


def show_ignored_runs(workspace: Workspace) -> None:
    """Tell of what lies among the run records and counts for nothing."""
    for ignored in ignored_runs(workspace):
        CONSOLE.print(f"{workspace.uri(f'{artefacts.RUNS}/{ignored.name}')} {ignored.reason}: it is ignored")


def open_existing(url: str) -> Workspace:
    """The workspace at ``url``.

    Raises:
        WorkspaceError: there is none, or it has another format.
    """
    workspace = Workspace(url)
    layout.check_version(workspace)
    if layout.read_version(workspace) is None and lock.owner(workspace) is None:  # a run that waits for its cluster
        raise WorkspaceError(f"{url}: nothing there: is it a workspace? `mineral-pipeline run` makes one")
    return workspace


def _facts(status: JobStatus) -> dict[str, str]:
    return {"state": status.state, "started": status.started, "error": status.error}


def _table(title: str, statuses: Mapping[str, JobStatus]) -> Table:
    table = Table("job", "state", "unit", "planned", "done", "skipped", "failed", title=title)
    for job, status in statuses.items():
        counts = status.counts
        numbers = (f"{n:,}" for n in (counts.planned, counts.done, counts.skipped, counts.failed))
        table.add_row(job, status.state, counts.unit, *numbers)
    return table
