"""The workspace of a pipeline: names of all artefacts, atomic reads and writes, the ledger, the lock, run records."""

from mineral_pipeline.workspace.counts import Counts
from mineral_pipeline.workspace.runs import RunState, ignored_runs, last_run, newest_run, read_runs, write_run
from mineral_pipeline.workspace.workspace import Workspace

__all__ = [
    "Counts",
    "RunState",
    "Workspace",
    "ignored_runs",
    "last_run",
    "newest_run",
    "read_runs",
    "write_run",
]
