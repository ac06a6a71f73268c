"""What every job has in common: what it depends on, when it is done already, and the record of its run.

A job module offers ``plan(settings) -> Plan`` and ``main(settings, client) -> Counts``. A job is done when its
newest run record carries the same key and its output exists. The key is a digest of the settings that the job
reads, of its input files and of the jobs before it, so that a change redoes what depends on it and nothing else.
Chips are dear: what they were made from (`FROZEN`) may not change within a workspace.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Protocol, cast

import fsspec
from distributed import Client

from jobs.progress import CONSOLE
from mineral_pipeline import workspace as names
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.ledger import Counts
from mineral_pipeline.settings import JobName, Settings
from mineral_pipeline.workspace import Workspace

PACKAGES = ("dask", "distributed", "keras", "mineral-pipeline", "numpy", "pandas", "pykdtree", "rasterio", "xarray", "zarr")
LARGEST_HASHED = 64 * 2**20  # bytes; larger inputs are known by what their file system says of them


@dataclass(frozen=True)
class Plan:
    """What a job would do."""

    counts: Counts
    """Planned and skipped."""
    details: Mapping[str, str] = field(default_factory=dict)
    """More to know before the start: bytes to read, memory of a task."""


class Module(Protocol):
    """A job module."""

    def plan(self, settings: Settings) -> Plan:
        """Say what would be done."""

    def main(self, settings: Settings, client: Client) -> Counts:
        """Do it."""


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
    "simulate": Job((), ("simulate", "acquire", "archive", "seed"), lambda _: names.RUNS),
    "catalogue": Job((), ("archive", "catalogue", "acquire"), lambda _: names.CATALOGUE),
    "acquire": Job(("catalogue",), (), lambda _: names.LEDGER),
    "label": Job(("acquire",), ("label",), lambda _: names.LABELS, lambda s: list(s.label.deposits if s.label else [])),
    "curate": Job(
        ("label",), ("curate", "seed"), lambda s: names.samples(s.train.tasks[0]), lambda s: [s.curate.land] if s.curate else []
    ),
    "train": Job(("curate",), ("train", "seed"), lambda s: f"models/{s.train.tasks[0]}"),
    "tune": Job(("train",), ("tune",), lambda s: f"models/{s.train.tasks[0]}/tuned"),
    "evaluate": Job(("tune",), ("evaluate",), lambda s: f"evaluation/{s.train.tasks[0]}"),
    "prospect": Job(("tune",), ("prospect",), lambda _: names.PROSPECTS),
    "report": Job((), (), lambda _: names.REPORT),
}
FROZEN: tuple[JobName, ...] = ("simulate", "catalogue", "acquire")


def module(job: JobName) -> Module:
    """The module of a job."""
    return cast(Module, importlib.import_module(f"jobs.{job}"))


def read_settings(settings: Settings, job: JobName) -> dict[str, Any]:
    """The settings that ``job`` reads, as plain values."""
    return settings.model_dump(mode="json", include=set(JOBS[job].sections))


def key(settings: Settings, job: JobName) -> str:
    """Digest of all that the output of ``job`` depends on."""
    inputs = [_fingerprint(path) for path in JOBS[job].inputs(settings)]
    upstream = [key(settings, needed) for needed in JOBS[job].needs]
    text = json.dumps([job, read_settings(settings, job), inputs, upstream], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def execute(job: JobName, settings: Settings, client: Client, main: Callable[[Settings, Client], Counts] | None = None) -> Counts:
    """Run a job unless it is done, and keep the record of the run.

    Args:
        job: which.
        settings: of the pipeline.
        client: of the cluster.
        main: replaces the module's own ``main``, to pass more to it.

    Raises:
        WorkspaceError: the workspace holds chips made with other settings.
    """
    workspace = Workspace(settings.workspace)
    digest, last = key(settings, job), workspace.last_run(job)
    if job in FROZEN and last is not None:
        refuse_other_settings(workspace, job, last["settings"], read_settings(settings, job))
    # acquire keeps its own books, by shard; the report is cheap and always shows what is there
    resumes_itself = job in ("acquire", "report")
    if last is not None and last["key"] == digest and workspace.exists(JOBS[job].output(settings)) and not resumes_itself:
        counts = Counts(**{**last["counts"], "done": 0, "skipped": last["counts"]["done"] + last["counts"]["skipped"]})
        CONSOLE.print(f"{job:<10} {counts.planned:,} {counts.unit}: 0 done, {counts.skipped:,} skipped, {counts.failed:,} failed")
        return counts
    started, clock = datetime.now(UTC), time.monotonic()
    counts = (main or module(job).main)(settings, client)
    workspace.add_run(
        {
            "job": job, "started": started.isoformat(timespec="microseconds").replace("+00:00", "Z"), "seconds": round(time.monotonic() - clock, 3),
            "key": digest, "settings": read_settings(settings, job), "counts": asdict(counts),
            "inputs": {path: _fingerprint(path) for path in JOBS[job].inputs(settings)},
            "python": platform.python_version(), "packages": {package: version(package) for package in PACKAGES},
        }
    )
    return counts


def refuse_other_settings(workspace: Workspace, job: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to mix chips.

    Raises:
        WorkspaceError: ``then`` and ``now`` differ; the message names the first setting that does.
    """
    for name, before, after in _differences(then, now):
        raise WorkspaceError(
            f"workspace {workspace.url} was made with other settings ({job}): {name} was {before!r} and is {after!r} now:"
            " restore it, or give another --workspace"
        )


def _differences(then: Any, now: Any, name: str = "") -> list[tuple[str, Any, Any]]:
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        keys = sorted(set(then) | set(now))
        return [found for k in keys for found in _differences(then.get(k), now.get(k), f"{name}.{k}".lstrip("."))]
    return [] if then == now else [(name, then, now)]


def _fingerprint(path: str) -> str:
    """Digest of a file's content; of what its file system says of it when it is large; empty when it is absent."""
    fs, place = fsspec.core.url_to_fs(path)
    try:
        if fs.size(place) > LARGEST_HASHED:
            return str(fs.ukey(place))
        return hashlib.sha256(fs.cat_file(place)).hexdigest()
    except OSError:
        return ""
