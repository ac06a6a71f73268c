"""What every job has in common: what it depends on, when it is done already, and the record of its run.

A job module offers ``plan(settings) -> Plan`` and ``main(settings, client) -> Counts``. A job is done when its
newest run record carries the same key and its output exists. The key is a digest of the settings that the job
reads, of its input files and of the jobs before it, so that a change redoes what depends on it and nothing else.
Chips are dear: what they were made from (`FROZEN`) may not change within a workspace.
"""

from __future__ import annotations

import importlib
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Protocol, cast

from distributed import Client

from jobs.running.progress import CONSOLE
from jobs.running.provenance import IMMUTABLE_JOBS, JOBS, fingerprint, key, read_settings, refuse_other_settings
from mineral_pipeline.settings import JobName, Settings
from mineral_pipeline.workspace import Workspace
from mineral_pipeline.workspace.counts import Counts

PACKAGES = (
    "dask",
    "distributed",
    "keras",
    "mineral-pipeline",
    "numpy",
    "pandas",
    "pykdtree",
    "rasterio",
    "xarray",
    "zarr",
)


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


def module(job: JobName) -> Module:
    """The module of a job."""
    return cast(Module, importlib.import_module(f"jobs.{job}"))


def execute(
    job: JobName, settings: Settings, client: Client, main: Callable[[Settings, Client], Counts] | None = None
) -> Counts:
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
    if job in IMMUTABLE_JOBS and last is not None:
        refuse_other_settings(workspace, job, last["settings"], read_settings(settings, job))
    # simulate and acquire keep their own books, by scene and shard; the report is cheap and shows what is there
    resumes_itself = job in ("simulate", "acquire", "report")
    if (
        last is not None
        and last["key"] == digest
        and workspace.exists(JOBS[job].output(settings))
        and not resumes_itself
    ):
        counts = Counts(**{**last["counts"], "done": 0, "skipped": last["counts"]["done"] + last["counts"]["skipped"]})
        CONSOLE.print(
            f"{job:<10} {counts.planned:,} {counts.unit}: 0 done, {counts.skipped:,} skipped, {counts.failed:,} failed"
        )
        return counts
    started, clock = datetime.now(UTC), time.monotonic()
    counts = (main or module(job).main)(settings, client)
    workspace.add_run(
        {
            "job": job,
            "started": started.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "seconds": round(time.monotonic() - clock, 3),
            "key": digest,
            "settings": read_settings(settings, job),
            "counts": asdict(counts),
            "inputs": {path: fingerprint(path) for path in JOBS[job].inputs(settings)},
            "python": platform.python_version(),
            "packages": {package: version(package) for package in PACKAGES},
        }
    )
    return counts
