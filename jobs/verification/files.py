"""The artefacts that are single files, and the models: each by itself, and against the record of the run that left it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from jobs.running.dependencies import MAKERS, makers
from jobs.verification.check import Check, Fault
from mineral_pipeline import modelling
from mineral_pipeline.errors import WorkspaceError, one_line
from mineral_pipeline.workspace import RunState, Workspace, artefacts, ignored_runs, layout, read_runs, runs
from mineral_pipeline.workspace.digests import ABSENT, digest_artefacts

CHECKED_ELSEWHERE = (artefacts.CATALOGUE, artefacts.CHIPS, artefacts.LEDGER)
"""Artefacts at which `jobs.verification.chips` looks."""


def plan_checks(workspace: Workspace) -> Iterator[Check]:
    """Look at ``workspace.json``, at the run records, at every table and document, and at every model."""
    yield Check(artefacts.WORKSPACE_FILE, "documents", partial(_check_version, workspace))
    yield Check(artefacts.RUNS, "run records", partial(_check_records, workspace), len(workspace.list(artefacts.RUNS)))
    for top in MAKERS:
        if top in CHECKED_ELSEWHERE:
            continue
        for file in [top] if workspace.is_file(top) else [f"{top}/{name}" for name in workspace.sizes(top)]:
            if file.endswith(".parquet"):
                yield Check(file, "tables", partial(_check_table, workspace, file))
            elif file.endswith(".json") and ".zarr/" not in file:
                yield Check(file, "documents", partial(_check_document, workspace, file))
    for task in workspace.list("models"):
        for name in workspace.list(artefacts.models(task)):
            yield Check(artefacts.model(task, name), "models", partial(_check_model, workspace, task, name))


def find_changed(workspace: Workspace) -> Iterator[Fault]:
    """Yield the artefacts that are not as the run that was the last to make them has left them.

    Nothing is known of what a run that was not done may have written since; nor of the runs whose records are damaged.
    """
    expected: dict[str, str] = {}
    for record in read_runs(workspace):
        expected = {name: digest for name, digest in expected.items() if record["job"] not in makers(name)}
        if record["state"] == RunState.DONE:
            expected |= record["outputs"]
    unknown = {ignored.name.rpartition("-")[2].removesuffix(".json") for ignored in ignored_runs(workspace)}
    for name, then in expected.items():
        if unknown.isdisjoint(makers(name)):
            yield from Check(name, "", partial(_compare, workspace, name, then)).faults()


def version_fault(workspace: Workspace) -> Fault | None:
    """What is wrong with ``workspace.json``, if this version has made the workspace.

    Raises:
        WorkspaceError: another version of this program has made it.
    """
    try:
        layout.check_version(workspace)
        if workspace.exists(artefacts.WORKSPACE_FILE):
            workspace.read_json(artefacts.WORKSPACE_FILE, with_digest=True)
    except WorkspaceError as error:
        if _tells_version(workspace) or not (read_runs(workspace) or _has_catalogue(workspace)):
            raise  # only this version and later ones write digests, of which any proves that it is this one
        is_there = workspace.exists(artefacts.WORKSPACE_FILE)
        reason = one_line(error.__cause__ or error) if is_there else "is absent"
        return Fault(artefacts.WORKSPACE_FILE, reason)
    return None


def _tells_version(workspace: Workspace) -> bool:
    """Whether ``workspace.json`` is whole."""
    try:
        return isinstance(workspace.read_json(artefacts.WORKSPACE_FILE, with_digest=True).get("format"), int)
    except WorkspaceError:
        return False


def _has_catalogue(workspace: Workspace) -> bool:
    try:
        workspace.read_table(artefacts.CATALOGUE, ["scene_id"])
    except WorkspaceError:
        return False
    return True


def _check_version(workspace: Workspace) -> Iterator[Fault]:
    if fault := version_fault(workspace):
        yield fault


def _check_records(workspace: Workspace) -> Iterator[Fault]:
    for ignored in ignored_runs(workspace):
        if ignored.is_damaged:
            yield Fault(f"{artefacts.RUNS}/{ignored.name}", ignored.reason)


def _check_table(workspace: Workspace, name: str) -> Iterator[Fault]:
    try:
        workspace.read_table(name)
    except WorkspaceError as error:
        yield _unreadable(name, error)


def _check_document(workspace: Workspace, name: str) -> Iterator[Fault]:
    try:
        workspace.read_json(name, with_digest=True)
    except WorkspaceError as error:
        yield _unreadable(name, error)


def _check_model(workspace: Workspace, task: str, name: str) -> Iterator[Fault]:
    for file, reason in modelling.find_damaged_files(workspace, task, name).items():
        yield Fault(file, reason)


def _compare(workspace: Workspace, name: str, then: str) -> Iterator[Fault]:
    now = digest_artefacts(workspace, [name]).get(name, ABSENT)
    if now != then:
        change = "is absent" if now == ABSENT else "is new" if then == ABSENT else "has changed"
        yield Fault(name, f"{change} since it was made")


def _unreadable(name: str, error: WorkspaceError) -> Fault:
    """The fault of a file; of damage the reason is the cause."""
    return Fault(name, one_line(error.__cause__ if isinstance(error.__cause__, ValueError) else error))
