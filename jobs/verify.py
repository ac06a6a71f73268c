"""Look at every artefact of a workspace, whether it is as it was written.

    mineral-pipeline verify WORKSPACE

Reads the whole workspace: tables, documents and models with the digests that stand in them, every chip with its digest
in the ledger, every sample with that in the table of its set, and all of it against the newest run records. What has
become stale, because settings or inputs have changed, is not damaged; the next run makes it again. Writes nothing.
`jobs.repair` makes again what is damaged.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from jobs.running.progress import CONSOLE, Progress
from jobs.running.status import show_ignored_runs
from jobs.verification import chips, files, samples
from jobs.verification.check import Check, Fault
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.workspace import Workspace, layout, lock


def main(url: str) -> int:
    """Show every fault of the workspace at ``url``; returns 1 when there is one.

    Raises:
        WorkspaceError: there is no workspace, or it has another format.
    """
    workspace = Workspace(url)
    if files.version_fault(workspace) is None and layout.read_version(workspace) is None:
        raise WorkspaceError(f"{url}: nothing there: is it a workspace? `mineral-pipeline run` makes one")
    if owner := lock.owner(workspace):
        CONSOLE.print(f"verify: in use by {owner}: what is being written may look damaged")
    for stray in lock.stray_files(workspace):
        CONSOLE.print(f"{workspace.uri(stray)} is no lease: it is ignored")
    show_ignored_runs(workspace)
    return 1 if show_faults(workspace) else 0


def show_faults(workspace: Workspace) -> list[Fault]:
    """Look at everything, show how far that is and what is wrong, and return what is."""
    checks = plan_checks(workspace)
    with Progress("verify", "pieces", len(checks) + 1) as progress:
        found = []
        for faults in _run(workspace, checks):
            progress.advance(done=not faults, failed=bool(faults))
            found += faults
            for fault in faults:
                CONSOLE.print(f"verify: {fault}")
    numbers: Counter[str] = Counter()
    for check in checks:
        numbers[check.kind] += check.number
    looked = ", ".join(f"{number:,} {kind}" for kind, number in numbers.items())
    CONSOLE.print(f"verify: {looked}: {len(found):,} faults")
    return found


def find_faults(workspace: Workspace) -> Iterator[Fault]:
    """Yield every way in which the artefacts of a workspace differ from what was written.

    Raises:
        WorkspaceError: the workspace cannot be listed.
    """
    for faults in _run(workspace, plan_checks(workspace)):
        yield from faults


def plan_checks(workspace: Workspace) -> list[Check]:
    """All that there is to look at."""
    return [check for part in (files, chips, samples) for check in part.plan_checks(workspace)]


def _run(workspace: Workspace, checks: list[Check]) -> Iterator[list[Fault]]:
    """Yield what every check has found, in their order; at last what is not as it was left, where no check told why.

    The checks run in threads, each of which holds one shard or batch in memory.
    """
    named: set[str] = set()
    pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="verify")
    try:
        for faults in pool.map(lambda check: check.faults(workspace), checks):
            named |= {fault.artefact for fault in faults}
            yield faults
    finally:
        pool.shutdown(cancel_futures=True)
    changed = files.find_changed(workspace)
    yield [fault for fault in changed if not any(f"{name}/".startswith(f"{fault.artefact}/") for name in named)]
