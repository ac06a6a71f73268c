"""The state of a workspace: counts of every job, damaged ledger parts, and who uses it.

mineral-pipeline status WORKSPACE [--json]
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import chain

from rich.table import Table

from jobs.running.progress import CONSOLE
from jobs.running.provenance import DEPENDENCIES
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.workspace import Counts, Workspace, artefacts, layout, ledger, lock, read_runs


def show_status(url: str, as_json: bool) -> int:
    """Show counts per job; those of acquire come from the ledger itself, so that they are true while it runs.

    Raises:
        WorkspaceError: there is no workspace, or it has another format.
    """
    workspace = open_existing(url)
    catalogue = workspace.read_table(artefacts.CATALOGUE, ["scene_id", "shard"])
    states, damaged = ledger.read_states(workspace, catalogue)
    counts, owner = job_counts(workspace, states, len(catalogue)), lock.owner(workspace)
    if as_json:
        jobs = {job: asdict(count) for job, count in counts.items()}
        found = {"workspace": url, "jobs": jobs, "damaged": list(damaged.values()), "in_use_by": owner and str(owner)}
        CONSOLE.print_json(json.dumps(found))
        return 0
    CONSOLE.print(_table(url, counts))
    for fault in damaged.values():
        CONSOLE.print(f"{fault}: run acquire again")
    if owner:
        CONSOLE.print(f"in use by {owner}")
    return 0


def _table(title: str, counts: Mapping[str, Counts]) -> Table:
    table = Table("job", "unit", "planned", "done", "skipped", "failed", "reasons", title=title)
    for job, count in counts.items():
        reasons = ", ".join(f"{number:,} {reason}" for reason, number in count.reasons.items())
        numbers = (f"{n:,}" for n in (count.planned, count.done, count.skipped, count.failed))
        table.add_row(job, count.unit, *numbers, reasons)
    return table


def job_counts(workspace: Workspace, states: Mapping[int, Sequence[str]], scenes: int) -> dict[str, Counts]:
    """Counts of every job that has left something, in the order of the jobs.

    Args:
        workspace: the workspace.
        states: states of the scenes of finished shards, by shard.
        scenes: number of scenes in the catalogue.
    """
    newest = {record["job"]: Counts(**record["counts"]) for record in read_runs(workspace)}
    if states:
        skipped = newest["acquire"].skipped if "acquire" in newest else 0
        newest["acquire"] = ledger.count(chain.from_iterable(states.values()), scenes, skipped)
    return {job: newest[job] for job in DEPENDENCIES if job in newest}


def open_existing(url: str) -> Workspace:
    """The workspace at ``url``, which holds a catalogue.

    Raises:
        WorkspaceError: there is none, or it has another format.
    """
    workspace = Workspace(url)
    layout.check_version(workspace)
    if not workspace.exists(artefacts.CATALOGUE):
        raise WorkspaceError(f"{url}: no catalogue there: is it a workspace? `mineral-pipeline run` makes one")
    return workspace
