"""What every job has in common: when it is done already, and the record of its run.

A job module offers ``plan(settings) -> Plan`` and ``main(settings, client) -> Counts``. A job is done when its newest
run record carries the same key and its output exists. The key is a digest of the settings that the job reads, of its
input files and of the jobs before it, so that a change redoes what depends on it and nothing else. The settings of
`IMMUTABLE_JOBS` may not change within a workspace.
"""

from __future__ import annotations

import importlib
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Protocol, cast

from distributed import Client

from jobs.running.extensions import share_extensions
from jobs.running.plan import Plan
from jobs.running.progress import CONSOLE
from jobs.running.provenance import (
    DEPENDENCIES,
    IMMUTABLE_JOBS,
    fingerprint,
    key,
    read_settings,
    refuse_other_settings,
)
from mineral_pipeline.settings import JobName, Settings
from mineral_pipeline.workspace import Counts, Workspace, last_run, write_run

RESUMABLE_JOBS: tuple[JobName, ...] = ("simulate", "acquire", "report")
"""Jobs that run every time: the first two know which scenes are done, and the report is quick."""

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
"""Packages whose versions are recorded."""


class Job(Protocol):
    """A job module."""

    def plan(self, settings: Settings) -> Plan:
        """Say what would be done."""

    def main(self, settings: Settings, client: Client) -> Counts:
        """Run the job."""


def load_job(name: JobName) -> Job:
    """The module of a job."""
    return cast(Job, importlib.import_module(f"jobs.{name}"))


def execute(
    job: JobName, settings: Settings, client: Client, main: Callable[[Settings, Client], Counts] | None = None
) -> Counts:
    """Run a job unless it is done, and write the record of the run.

    Args:
        job: name of the job.
        settings: settings of the pipeline.
        client: client of the cluster.
        main: replaces the module's own ``main``, to pass more to it.

    Raises:
        WorkspaceError: the workspace holds chips made with other settings.
    """
    workspace = Workspace(settings.workspace)
    digest, last = key(settings, job), last_run(workspace, job)
    if job in IMMUTABLE_JOBS and last is not None:
        refuse_other_settings(workspace, job, last["settings"], read_settings(settings, job))
    is_done = last is not None and last["key"] == digest and workspace.exists(DEPENDENCIES[job].output(settings))
    if last is not None and is_done and job not in RESUMABLE_JOBS:
        return _skip(job, Counts(**last["counts"]))
    started, clock = datetime.now(UTC), time.monotonic()
    share_extensions(client)
    counts = (main or load_job(job).main)(settings, client)
    write_run(
        workspace,
        {
            "job": job,
            "started": started.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "seconds": round(time.monotonic() - clock, 3),
            "key": digest,
            "settings": read_settings(settings, job),
            "counts": asdict(counts),
            "inputs": {path: fingerprint(path) for path in DEPENDENCIES[job].inputs(settings)},
            "python": platform.python_version(),
            "packages": {package: version(package) for package in PACKAGES},
        },
    )
    return counts


def _skip(job: JobName, last: Counts) -> Counts:
    """Counts of a job that an earlier run did, which are shown."""
    counts = replace(last, done=0, skipped=last.done + last.skipped)
    CONSOLE.print(
        f"{job:<10} {counts.planned:,} {counts.unit}: 0 done, {counts.skipped:,} skipped, {counts.failed:,} failed"
    )
    return counts
