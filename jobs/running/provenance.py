"""Whether the output of a job is what it would make now: its settings, what it reads and what it left, by digest."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from jobs.running.dependencies import DEPENDENCIES
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.settings import JobName, Settings, absolute
from mineral_pipeline.workspace import Workspace, last_run, newest_run
from mineral_pipeline.workspace.digests import ABSENT, digest_artefacts

MAX_HASHED_BYTES = 64 * 2**20
"""Larger inputs are identified by what their file system tells of them, such as size and time."""

IMMUTABLE_JOBS: tuple[JobName, ...] = ("simulate", "catalogue", "acquire")
"""Jobs whose settings may not change within a workspace, because chips are expensive to make again."""

EXECUTION_SETTINGS = {
    "archive": {
        "anonymous",
        "storage_options",
        "checksums",
        "retries",
        "timeout_s",
        "deadline_s",
        "requests_per_s",
    },
    "acquire": {"threads", "max_download_mb", "stop_after"},
    "label": {"partitions"},
}
"""Settings that change how a job runs but not its output. They are never written: the archive's may be secrets."""

BEFORE = {"acquire.radiometry": "dn"}
"""What was done before a setting was there, by its name: records that lack it mean that."""


NOT_READ: dict[JobName, dict[str, set[str]]] = {"evaluate": {"prospect": {"layers", "top"}}}
"""Settings of a section that a job does not read though it reads others of the section."""


def read_settings(settings: Settings, job: JobName) -> dict[str, Any]:
    """The settings on which the output of ``job`` depends, as plain values."""
    sections = {*DEPENDENCIES[job].sections, *DEPENDENCIES[job].also(settings)}
    return settings.model_dump(mode="json", include=sections, exclude=EXECUTION_SETTINGS | NOT_READ.get(job, {}))


def digest_inputs(settings: Settings, job: JobName) -> dict[str, str]:
    """Digest of every file and artefact that ``job`` reads, by its path or name, as they are now."""
    files = {path: fingerprint(path) for path in DEPENDENCIES[job].files(settings)}
    return files | digest_artefacts(Workspace(settings.workspace), DEPENDENCIES[job].reads(settings))


def digest_outputs(settings: Settings, job: JobName) -> dict[str, str]:
    """Digest of every artefact that ``job`` makes, by its name, as they are now."""
    return digest_artefacts(Workspace(settings.workspace), DEPENDENCIES[job].writes(settings))


def why_again(
    workspace: Workspace,
    last: Mapping[str, Any],
    settings: Mapping[str, Any],
    inputs: Mapping[str, str],
    writes: Iterable[str],
) -> str | None:
    """Why a job that was done is to be done again; None when its output is what it would make now, and whole.

    Args:
        workspace: the workspace.
        last: record of the run that did the job.
        settings: settings that the job reads now.
        inputs: digests of what the job reads now.
        writes: artefacts that the job makes now, such as the models of all baselines that are registered.
    """
    if "outputs" not in last:
        return "an earlier version of this program did it"
    for name, before, after in _differences(last["settings"], settings):
        if isinstance(before, Mapping) or isinstance(after, Mapping):
            return f"settings {name} {'count now' if before is None else 'count no longer'}"
        return f"{name} was {before!r} and is {after!r} now"
    if failed := last["counts"]["failed"]:
        return f"{failed:,} {last['counts']['unit']} failed"
    return _changed(last["inputs"], inputs) or _damaged(workspace, last) or _not_asked_for(last["outputs"], writes)


def check_makers(settings: Settings, job: JobName) -> None:
    """Refuse to read what another job has not left whole, or what is not as it has left it.

    Raises:
        WorkspaceError: that job was never done, or an artefact is gone or has changed since.
    """
    workspace = Workspace(settings.workspace)
    for maker in (maker for maker in DEPENDENCIES[job].makers if maker in settings.jobs):
        last = last_run(workspace, maker)
        found = _damaged(workspace, last) if last else "it was never done" if newest_run(workspace, maker) else None
        if found:
            raise WorkspaceError(f"{job} reads what {maker} makes, and {found}: run {maker} first")


def _damaged(workspace: Workspace, record: Mapping[str, Any]) -> str | None:
    """Which output of a job is not as its record says; None when all are, and for records of earlier versions."""
    outputs = record.get("outputs", {})
    return _changed(outputs, digest_artefacts(workspace, outputs))


def _not_asked_for(outputs: Iterable[str], writes: Iterable[str]) -> str | None:
    """Which artefact a job would make now, but was not asked for then; of a table in parts its parts are recorded."""
    made = {*outputs, *(name.rpartition("/")[0] for name in outputs)}
    return next((f"{name} is asked for now" for name in writes if name not in made), None)


def _changed(then: Mapping[str, str], now: Mapping[str, str]) -> str | None:
    """Which artefact differs, and how; None when none does."""
    for name in sorted({*then, *now}):
        before, after = then.get(name, ABSENT), now.get(name, ABSENT)
        if before != after:
            return f"{name} {'is gone' if after == ABSENT else 'is new' if before == ABSENT else 'has changed'}"
    return None


def refuse_other_settings(workspace: Workspace, job: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to mix chips made with different settings.

    Raises:
        WorkspaceError: ``then`` and ``now`` differ; the message names the first setting that does.
    """
    for name, before, after in _differences(then, now):
        raise WorkspaceError(
            f"workspace {workspace.url} was made with other settings ({job}): {name} was {before!r} and is {after!r}"
            " now: restore it, or give another --workspace"
        )


def _differences(then: Any, now: Any, name: str = "") -> list[tuple[str, Any, Any]]:
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        keys = sorted(set(then) | set(now))
        names = {key: f"{name}.{key}".lstrip(".") for key in keys}
        return [
            found
            for key in keys
            for found in _differences(then.get(key, BEFORE.get(names[key])), now.get(key), names[key])
        ]
    is_same = then == now or (isinstance(then, str) and absolute(then) == now)  # earlier records hold relative paths
    return [] if is_same else [(name, then, now)]


def fingerprint(path: str) -> str:
    """Digest of a file's content; a key of the file system's when the file is large; empty when it is absent."""
    fs, local_path = fsspec.core.url_to_fs(path)
    if isinstance(fs, LocalFileSystem) and not os.path.isfile(local_path):  # a pipe or a device may have no end
        return ""
    try:
        if fs.size(local_path) > MAX_HASHED_BYTES:
            return str(fs.ukey(local_path))
        return hashlib.sha256(fs.cat_file(local_path)).hexdigest()
    except OSError:
        return ""
