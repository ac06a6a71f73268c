"""What every job has in common: whether it is done already, and the record of its run.

A job module offers ``plan(settings) -> Plan`` and ``main(settings, client) -> Counts``. A job is done when a run record
of it holds the settings that it reads now and the digests of the files and artefacts that it reads now, nothing of it
failed, and its own artefacts are as that run left them. So a change, a repair or a damage redoes what depends on it and
nothing else. The settings of `IMMUTABLE_JOBS` may not change within a workspace.
"""

from __future__ import annotations

import importlib
import platform
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Protocol, cast

from distributed import Client

from jobs.running.dependencies import DEPENDENCIES
from jobs.running.extensions import share_extensions
from jobs.running.plan import Plan
from jobs.running.progress import CONSOLE
from jobs.running.provenance import (
    IMMUTABLE_JOBS,
    check_makers,
    digest_inputs,
    digest_outputs,
    read_settings,
    refuse_other_settings,
    why_again,
)
from jobs.running.recording import recording
from mineral_pipeline.settings import JobName, Settings
from mineral_pipeline.workspace import Counts, RunState, Workspace, artefacts, last_run, layout, ledger_copy, lock

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
        WorkspaceError: the workspace holds chips made with other settings, or what the job reads is not whole.
    """
    workspace, reads = Workspace(settings.workspace), read_settings(settings, job)
    last = last_run(workspace, job)
    if job in IMMUTABLE_JOBS and last is not None:
        refuse_other_settings(workspace, job, last["settings"], reads)
    check_makers(settings, job)
    if artefacts.LEDGER in DEPENDENCIES[job].reads(settings):
        ledger_copy.update(workspace)
    inputs = digest_inputs(settings, job)
    if last is not None and job not in RESUMABLE_JOBS:
        again = why_again(workspace, last, reads, inputs, DEPENDENCIES[job].writes(settings))
        if again is None:
            return _skip(job, Counts(**last["counts"]))
        CONSOLE.print(f"{job:<10} is done again: {again}")
    share_extensions(client)
    layout.write_version(workspace)  # before the record, by which a workspace of the first version is known
    with recording(workspace, _facts(job, reads, inputs)) as record:
        counts = (main or load_job(job).main)(settings, client)
        if artefacts.LEDGER in DEPENDENCIES[job].writes(settings):
            ledger_copy.update(workspace)
        has_failed = counts.failed_fraction > settings.max_failed_fraction
        record["state"] = RunState.FAILED if has_failed else RunState.DONE
        record["error"] = "more failed than max_failed_fraction allows" if has_failed else ""
        record |= {"counts": asdict(counts), "outputs": digest_outputs(settings, job)}
    return counts


def _facts(job: JobName, settings: dict[str, Any], inputs: dict[str, str]) -> dict[str, Any]:
    """What the record of a run tells from its beginning."""
    lease = lock.current()
    return {
        "job": job,
        "run": lease.run if lease else "",
        "started": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "settings": settings,
        "inputs": inputs,
        "python": platform.python_version(),
        "packages": {package: version(package) for package in PACKAGES},
    }


def _skip(job: JobName, last: Counts) -> Counts:
    """Counts of a job that an earlier run did, which are shown."""
    counts = replace(last, done=0, skipped=last.done + last.skipped)
    CONSOLE.print(
        f"{job:<10} {counts.planned:,} {counts.unit}: 0 done, {counts.skipped:,} skipped, {counts.failed:,} failed"
    )
    return counts
