"""What the output of a job depends on: settings, input files and the jobs before it, as a digest and by name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import fsspec

from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.settings import JobName, Settings, absolute
from mineral_pipeline.workspace import Workspace, artefacts

MAX_HASHED_BYTES = 64 * 2**20
"""Larger inputs are identified by what their file system tells of them, such as size and time."""


@dataclass(frozen=True)
class Dependencies:
    """What a job reads, and what exists when it is done."""

    jobs: tuple[JobName, ...]
    """Jobs whose output the job reads."""
    sections: tuple[str, ...]
    """Sections of the settings that the job reads."""
    output: Callable[[Settings], str]
    """Artefact that exists when the job is done."""
    inputs: Callable[[Settings], list[str]] = lambda settings: []
    """Files outside the workspace that the job reads."""
    also: Callable[[Settings], set[str]] = lambda settings: set()
    """Sections of the settings that the job reads under some settings."""


DEPENDENCIES: dict[JobName, Dependencies] = {
    "simulate": Dependencies((), ("simulate", "acquire", "archive", "seed"), lambda _: artefacts.RUNS),
    "catalogue": Dependencies((), ("archive", "catalogue", "acquire"), lambda _: artefacts.CATALOGUE),
    "acquire": Dependencies(("catalogue",), (), lambda _: artefacts.LEDGER),
    "label": Dependencies(
        ("acquire",), ("label",), lambda _: artefacts.LABELS, lambda s: list(s.label.deposits if s.label else [])
    ),
    "curate": Dependencies(
        ("label",),
        ("curate", "tasks", "seed"),
        lambda s: artefacts.samples_table(s.tasks[0]),
        lambda s: [s.curate.land] if s.curate and not s.curate.land_sha256 else [],  # else the settings know it
    ),
    "train": Dependencies(("curate",), ("train", "tasks", "seed"), lambda s: artefacts.models(s.tasks[0])),
    "tune": Dependencies(("train",), ("tune",), lambda s: artefacts.model(s.tasks[0], "tuned")),
    "evaluate": Dependencies(
        ("tune",),
        ("evaluate",),
        lambda s: artefacts.evaluation(s.tasks[0]),
        also=lambda s: {"prospect"} if "prospect" in s.jobs else set(),  # then the ensemble is evaluated
    ),
    "prospect": Dependencies(("tune",), ("prospect",), lambda _: artefacts.PROSPECTS),
    "report": Dependencies((), (), lambda _: artefacts.REPORT),
}
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
    "acquire": {"threads", "max_download_mb"},
    "label": {"partitions"},
}
"""Settings that change how a job runs but not its output. They are never written: the archive's may be secrets."""


def read_settings(settings: Settings, job: JobName) -> dict[str, Any]:
    """The settings on which the output of ``job`` depends, as plain values."""
    sections = {*DEPENDENCIES[job].sections, *DEPENDENCIES[job].also(settings)}
    return settings.model_dump(mode="json", include=sections, exclude=EXECUTION_SETTINGS)


def key(settings: Settings, job: JobName) -> str:
    """Digest of all that the output of ``job`` depends on."""
    inputs = [fingerprint(path) for path in DEPENDENCIES[job].inputs(settings)]
    upstream = [key(settings, needed) for needed in DEPENDENCIES[job].jobs]
    text = json.dumps([job, read_settings(settings, job), inputs, upstream], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


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
        return [found for k in keys for found in _differences(then.get(k), now.get(k), f"{name}.{k}".lstrip("."))]
    is_same = then == now or (isinstance(then, str) and absolute(then) == now)  # earlier records hold relative paths
    return [] if is_same else [(name, then, now)]


def fingerprint(path: str) -> str:
    """Digest of a file's content; a key of the file system's when the file is large; empty when it is absent."""
    fs, local_path = fsspec.core.url_to_fs(path)
    try:
        if fs.size(local_path) > MAX_HASHED_BYTES:
            return str(fs.ukey(local_path))
        return hashlib.sha256(fs.cat_file(local_path)).hexdigest()
    except OSError:
        return ""
