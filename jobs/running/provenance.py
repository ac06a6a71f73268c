"""What the output of a job depends on: settings, input files, the jobs before it; as a digest and by name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import fsspec

from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.settings import JobName, Settings
from mineral_pipeline.workspace import Workspace, artefacts

LARGEST_HASHED = 64 * 2**20  # bytes; larger inputs are known by what their file system says of them


@dataclass(frozen=True)
class Job:
    """What a job depends on."""

    needs: tuple[JobName, ...]
    """Jobs whose output it reads."""
    sections: tuple[str, ...]
    """Settings it reads."""
    output: Callable[[Settings], str]
    """What exists when it is done: a name in the workspace."""
    inputs: Callable[[Settings], list[str]] = lambda settings: []
    """Files outside the workspace that it reads."""


JOBS: dict[JobName, Job] = {
    "simulate": Job((), ("simulate", "acquire", "archive", "seed"), lambda _: artefacts.RUNS),
    "catalogue": Job((), ("archive", "catalogue", "acquire"), lambda _: artefacts.CATALOGUE),
    "acquire": Job(("catalogue",), (), lambda _: artefacts.LEDGER),
    "label": Job(
        ("acquire",), ("label",), lambda _: artefacts.LABELS, lambda s: list(s.label.deposits if s.label else [])
    ),
    "curate": Job(
        ("label",),
        ("curate", "tasks", "seed"),
        lambda s: artefacts.samples(s.tasks[0]),
        lambda s: [s.curate.land] if s.curate and not s.curate.land_sha256 else [],  # else the settings know it
    ),
    "train": Job(("curate",), ("train", "tasks", "seed"), lambda s: f"models/{s.tasks[0]}"),
    "tune": Job(("train",), ("tune",), lambda s: f"models/{s.tasks[0]}/tuned"),
    "evaluate": Job(("tune",), ("evaluate",), lambda s: f"evaluation/{s.tasks[0]}"),
    "prospect": Job(("tune",), ("prospect",), lambda _: artefacts.PROSPECTS),
    "report": Job((), (), lambda _: artefacts.REPORT),
}
IMMUTABLE_JOBS: tuple[JobName, ...] = ("simulate", "catalogue", "acquire")


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
"""Settings that change how a job works but not what it makes; the first may hold credentials and is never written."""


def read_settings(settings: Settings, job: JobName) -> dict[str, Any]:
    """The settings on which the output of ``job`` depends, as plain values."""
    return settings.model_dump(mode="json", include=set(JOBS[job].sections), exclude=EXECUTION_SETTINGS)


def key(settings: Settings, job: JobName) -> str:
    """Digest of all that the output of ``job`` depends on."""
    inputs = [fingerprint(path) for path in JOBS[job].inputs(settings)]
    upstream = [key(settings, needed) for needed in JOBS[job].needs]
    text = json.dumps([job, read_settings(settings, job), inputs, upstream], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def refuse_other_settings(workspace: Workspace, job: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to mix chips.

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
    return [] if then == now else [(name, then, now)]


def fingerprint(path: str) -> str:
    """Digest of a file's content; of what its file system says of it when it is large; empty when it is absent."""
    fs, place = fsspec.core.url_to_fs(path)
    try:
        if fs.size(place) > LARGEST_HASHED:
            return str(fs.ukey(place))
        return hashlib.sha256(fs.cat_file(place)).hexdigest()
    except OSError:
        return ""
