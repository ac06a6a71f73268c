"""Before the first task: every worker proves that it can do what the jobs of the run need.

It has the client's versions, reads and writes the workspace, sees the archive, has memory and disk for a task and,
where it offers a GPU to jobs that learn, TensorFlow. `jobs.running.fitness` is the worker's side.
"""

from __future__ import annotations

import importlib.util
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from distributed import Client
from rich.table import Table
from rich.text import Text

import cluster
from jobs import acquire
from jobs.running import workers
from jobs.running.fitness import NO_TENSORFLOW, Finding, Requirements, RequirementsPlugin, installed
from jobs.running.progress import CONSOLE
from jobs.running.runner import PACKAGES
from jobs.running.worker import Place, examine
from jobs.simulate import archive_spec
from mineral_pipeline import archive
from mineral_pipeline.errors import ClusterError
from mineral_pipeline.settings import JobName, Settings
from mineral_pipeline.workspace import Workspace, artefacts, lock

GPU_JOBS = frozenset({"train", "tune", "evaluate", "prospect", "backtest"})
"""Jobs whose tasks need a GPU slot and TensorFlow."""


@dataclass(frozen=True)
class Examination:
    """What was found on one worker."""

    place: Place
    """The worker."""
    findings: Sequence[Finding]
    """All that was looked at."""

    @property
    def faults(self) -> list[Finding]:
        """What is wrong."""
        return [finding for finding in self.findings if finding.fault]


def check_tensorflow(jobs: Sequence[JobName], cluster_file: str) -> None:
    """Refuse jobs that learn on a cluster of this machine, before it starts, when TensorFlow is not installed.

    Raises:
        ClusterError: it is not. On another cluster the workers prove it.
        SettingsError: there is no such cluster file.
    """
    learning = [job for job in jobs if job in GPU_JOBS]
    is_here = cluster.load(cluster_file).class_name.endswith(".LocalCluster")
    if learning and is_here and importlib.util.find_spec("tensorflow") is None:
        raise ClusterError(f"{', '.join(learning)}: {NO_TENSORFLOW}, or leave them out of jobs")


@contextmanager
def passed(jobs: Sequence[JobName], settings: Settings, client: Client) -> Iterator[None]:
    """A run of jobs, which starts only when every worker that is there is fit for them.

    Raises:
        ClusterError: a worker is unfit, or none offers a GPU; a table shows what is wrong.
        SettingsError: ``simulate`` may not write to the archive.
    """
    with examined(jobs, settings, client) as found:
        if unfit := [one for one in found if one.faults]:
            CONSOLE.print(table(unfit, only_faults=True))
            first = unfit[0]
            raise ClusterError(
                f"{len(unfit)} of {len(found)} workers are unfit, such as {first.place.name} on {first.place.host}"
                f" ({first.faults[0].subject}: {first.faults[0].fault}): put that right or stop them, then run the"
                " same command again"
            )
        if found:  # else they are still to come
            require_gpu(jobs, client)
        yield


def require_gpu(jobs: Sequence[JobName], client: Client) -> None:
    """Refuse jobs that need a GPU slot when no worker offers one.

    Raises:
        ClusterError: none does.
    """
    if not GPU_JOBS.isdisjoint(jobs):
        cluster.require(client, "GPU")


@contextmanager
def examined(
    jobs: Sequence[JobName], settings: Settings, client: Client, imports: bool = False
) -> Iterator[list[Examination]]:
    """Examine every worker that is there, side by side; the signs by which they know the place stay during the block.

    Args:
        jobs: jobs of the run.
        settings: settings of the pipeline.
        client: client of the cluster.
        imports: whether TensorFlow is imported for proof, which takes seconds, or only looked for.
    """
    required = require(jobs, settings, imports)
    for folder in required.folders:
        folder.remove(artefacts.PREFLIGHT)  # of a run that was killed
        folder.write_bytes(artefacts.preflight(required.run), required.run.encode())
    try:
        answers = workers.ask(client, partial(examine, required=required))
        yield [_completed(address, answer, required) for address, answer in answers.items()]
    finally:
        for folder in required.folders:
            folder.remove(artefacts.PREFLIGHT)


def announce(job: JobName, settings: Settings, client: Client) -> None:
    """Tell every worker, also those that join later, what to prove before its first task of a job."""
    cluster.register(client, RequirementsPlugin(require([job], settings, imports=True)))


def require(jobs: Sequence[JobName], settings: Settings, imports: bool) -> Requirements:
    """What jobs need of a worker, under the lease of the run."""
    lease, folders = lock.current(), [Workspace(settings.workspace)]
    if "simulate" in jobs:
        folders.append(archive_spec(settings).archive)
    source = None
    if "acquire" in jobs and "simulate" not in jobs:  # else the archive may not be there yet
        source = archive.survey_source(settings.archive)
    return Requirements(
        run=lease.run if lease else "",
        versions={"python": platform.python_version(), **{package: installed(package) for package in PACKAGES}},
        folders=tuple(folders),
        source=source if source and source.landmarks != archive.Landmarks() else None,
        task_bytes=acquire.task_bytes(settings) if "acquire" in jobs else 0.0,
        learns=not GPU_JOBS.isdisjoint(jobs),
        imports=imports,
    )


def _completed(address: str, answer: Any, required: Requirements) -> Examination:
    """A worker's answer with what only the client can tell: whether what the worker wrote has arrived."""
    if isinstance(answer, Exception):
        return Examination(Place("?", address, address), [Finding("answer", fault=str(answer))])
    place, found = answer
    findings = {finding.subject: finding for finding in found}
    for folder in required.folders:
        subject = f"folder {folder.url}"
        if not findings[subject].fault and not folder.exists(artefacts.preflight(required.run, address)):
            lost = "what it writes there does not reach the client: mount the same folder on its machine"
            findings[subject] = Finding(subject, fault=lost)
    return Examination(place, list(findings.values()))


def table(found: Sequence[Examination], only_faults: bool = False) -> Table:
    """What was found on the workers, a line for each thing."""
    result = Table("worker", "host", "what", "found", title="preflight", title_justify="left")
    for one in sorted(found, key=lambda one: one.place.name):
        for finding in one.faults if only_faults else one.findings:
            words = Text(finding.fault, "red") if finding.fault else Text(finding.value)
            result.add_row(one.place.name, one.place.host, finding.subject, words)
    return result
