"""Artefacts that are single files, and the models: each by itself, and against the record of the run that left it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from jobs.running.dependencies import MAKERS, makers
from jobs.verification.check import Check, Fault, reason
from mineral_pipeline import modelling
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.workspace import RunState, Workspace, artefacts, ignored_runs, layout, ledger, read_runs
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
            kind = "tables" if file.endswith(".parquet") else "documents" if file.endswith(".json") else None
            if kind and ".zarr/" not in file:
                yield Check(file, kind, partial(_check_file, workspace, file))
    files = (artefacts.find_model(f"{artefacts.MODELS}/{file}") for file in workspace.sizes(artefacts.MODELS))
    for sample_set, name in dict.fromkeys(filter(None, files)):
        yield Check(artefacts.model(sample_set, name), "models", partial(_check_model, workspace, sample_set, name))


def find_changed(workspace: Workspace) -> Iterator[Fault]:
    """Yield the artefacts that are not as the run that was the last to make them has left them.

    Nothing is known of what a run that was not done may have written since; nor of the runs whose records are damaged.
    """
    expected: dict[str, str] = {}
    for record in read_runs(workspace):
        expected = {name: digest for name, digest in expected.items() if record["job"] not in makers(name)}
        if record["state"] == RunState.DONE:
            expected |= record["outputs"]
    unknown = jobs_of_damaged_records(workspace)
    for name, then in expected.items():
        if unknown.isdisjoint(makers(name)):
            yield from Check(name, "", partial(_compare, workspace, name, then)).faults(workspace)


def jobs_of_damaged_records(workspace: Workspace) -> set[str]:
    """Jobs of which a run record is damaged, so that what they did last may not be known."""
    damaged = (ignored.name for ignored in ignored_runs(workspace) if ignored.is_damaged)
    return {name.rpartition("-")[2].removesuffix(".json") for name in damaged}


def version_fault(workspace: Workspace) -> Fault | None:
    """What is wrong with ``workspace.json``, if this version has made the workspace.

    Raises:
        WorkspaceError: another version of this program has made it, or no one can tell which one has.
    """
    try:
        layout.check_version(workspace)
        if workspace.exists(artefacts.WORKSPACE_FILE):
            workspace.read_json(artefacts.WORKSPACE_FILE)
        return None
    except WorkspaceError as error:
        is_there = workspace.exists(artefacts.WORKSPACE_FILE)
        if is_there and _tells_version(workspace):
            raise
        if _holds_digests(workspace):
            return Fault(artefacts.WORKSPACE_FILE, f"is {'damaged' if is_there else 'absent'}")
        if not is_there:
            raise
        raise WorkspaceError(
            f"{workspace.uri(artefacts.WORKSPACE_FILE)} is damaged, and nothing else tells which version of this"
            " program has made the workspace: restore it from a copy, or give another --workspace"
        ) from error


def _tells_version(workspace: Workspace) -> bool:
    """Whether ``workspace.json`` is whole."""
    try:
        return isinstance(workspace.read_json(artefacts.WORKSPACE_FILE).get("format"), int)
    except WorkspaceError:
        return False


def _holds_digests(workspace: Workspace) -> bool:
    """Whether an artefact is whole: none has had a digest in itself before this version."""
    parts = (artefacts.ledger_part(shard) for shard in ledger.finished_shards(workspace))
    return bool(read_runs(workspace)) or any(_is_whole(workspace, name) for name in (artefacts.CATALOGUE, *parts))


def _is_whole(workspace: Workspace, name: str) -> bool:
    try:
        workspace.read_table(name, ["scene_id"])
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


def _check_file(workspace: Workspace, name: str) -> tuple[Fault, ...]:
    """Read a table or a document, which tells by itself whether it is whole."""
    if name.endswith(".parquet"):
        workspace.read_table(name)
    else:
        workspace.read_json(name)
    return ()


def _check_model(workspace: Workspace, sample_set: str, name: str) -> Iterator[Fault]:
    failure = artefacts.model(sample_set, name, artefacts.MODEL_FAILURE)
    if workspace.exists(failure):  # that it could not be trained is an outcome, not damage
        yield from _check_file(workspace, failure)
        return
    for file, fault in modelling.find_damaged_files(workspace, sample_set, name).items():
        yield Fault(file, reason(workspace, file, fault))


def _compare(workspace: Workspace, name: str, then: str) -> Iterator[Fault]:
    now = digest_artefacts(workspace, [name]).get(name, ABSENT)
    if now != then:
        yield Fault(name, "is absent" if now == ABSENT else "has changed since it was made")
