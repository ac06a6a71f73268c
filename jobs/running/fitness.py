"""What a worker must prove before it is given tasks: the client says what (`Requirements`), the worker looks.

Workers that are there when a run starts are examined by `jobs.running.preflight`. Those that join later, and all of
them for what a later job needs, prove it themselves before the first task of the job (`prove`): the requirements are
announced to every worker by a plugin. Whatever is lacking is a finding with a fault, never an exception.
"""

from __future__ import annotations

import importlib
import importlib.util
import platform
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from distributed import WorkerPlugin, get_worker

from mineral_pipeline import archive
from mineral_pipeline.errors import MineralPipelineError, UnfitWorkerError
from mineral_pipeline.workspace import Workspace, artefacts, lock

MIN_DISK_BYTES = 100 * 2**20
"""Free space that a worker needs in its local folder, where it keeps what it writes before an upload."""

NO_TENSORFLOW = "TensorFlow is not installed: pip install 'mineral-pipeline[cpu]', or [gpu]"

PROCESS_BYTES, LEARNING_BYTES = 410e6, 800e6
"""Memory of a worker after a task, with the libraries and compiled loops that it has needed, before and after it has
imported TensorFlow (measured)."""


@dataclass(frozen=True)
class Requirements:
    """What the workers must prove for some jobs of a run."""

    run: str
    """Token of the run, which the client has written into every folder."""
    versions: Mapping[str, str]
    """Version of Python and of every package, as the client has them."""
    folders: tuple[Workspace, ...]
    """What is read and written: the workspace, and the archive that ``simulate`` writes."""
    source: archive.Source | None = None
    """Archive that is read, with the landmarks that the client saw."""
    task_bytes: float = 0.0
    """Memory that a task takes beside the program's own `PROCESS_BYTES`."""
    learns: bool = False
    """Whether workers that offer a GPU need TensorFlow."""
    imports: bool = False
    """Whether TensorFlow is imported for proof, which takes seconds, and not only looked for."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    """What was looked at."""
    value: str = ""
    """What was found."""
    fault: str = ""
    """What is wrong, and what to do; empty when nothing is."""


@dataclass(frozen=True)
class Offer:
    """What a worker offers."""

    memory_bytes: int | None
    """Its memory limit; None without one."""
    threads: int
    """Tasks that it runs at a time."""
    gpus: float
    """GPU slots, each for one task at a time."""
    folder: str
    """Local folder."""
    address: str
    """Its address, by which it names the file that it writes as proof."""

    @classmethod
    def of(cls, worker: Any) -> Offer:
        """What a Dask worker offers."""
        limit = getattr(worker.memory_manager, "memory_limit", None)
        state = worker.state
        gpus = state.total_resources.get("GPU", 0)
        return cls(limit, state.nthreads, gpus, worker.local_directory, worker.address)


def inspect(required: Requirements, offer: Offer) -> list[Finding]:
    """Look at everything that is required of this worker."""
    checks: dict[str, Callable[[], str]] = {"versions": lambda: _check_versions(required.versions)}
    for folder in required.folders:
        checks[f"folder {folder.url}"] = lambda folder=folder: _check_folder(folder, required.run, offer.address)  # type: ignore[misc]
    if required.source is not None:
        source = required.source
        checks[f"archive {source.archive.url}"] = lambda: _check_archive(source)
    checks["memory"] = lambda: _check_memory(required, offer)
    checks["disk"] = lambda: _check_disk(offer.folder)
    if required.learns and offer.gpus >= 1:
        checks["TensorFlow"] = lambda: _check_tensorflow(required.imports)
    return [_finding(subject, check) for subject, check in checks.items()]


def _finding(subject: str, check: Callable[[], str]) -> Finding:
    """The finding of a check, which returns what it found and raises what is wrong."""
    try:
        return Finding(subject, check())
    except Exception as error:  # whatever a library raises is what is wrong with the worker
        words = str(error) if isinstance(error, MineralPipelineError) else f"{type(error).__name__}: {error}"
        return Finding(subject, fault=" ".join(words.split()))


def installed(package: str) -> str:
    """Version of a package of this process."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _check_versions(wanted: Mapping[str, str]) -> str:
    found = {name: platform.python_version() if name == "python" else installed(name) for name in wanted}
    if other := [f"{name} {found[name]} (client: {wanted[name]})" for name in wanted if found[name] != wanted[name]]:
        raise UnfitWorkerError(f"{', '.join(other)}: install the same environment on both")
    return f"Python {found.get('python', '')} and {len(found) - 1} packages as on the client"


def _check_folder(folder: Workspace, run: str, address: str) -> str:
    """Read what the client has written, and write what it can read."""
    name = artefacts.preflight(run)
    if not folder.exists(name) or folder.read_bytes(name) != run.encode():
        raise UnfitWorkerError(
            f"{folder.url} is not the client's folder here, whose {name} is not in it: mount it on this machine"
        )
    folder.write_bytes(artefacts.preflight(run, address), run.encode())
    return "read and written"


def _check_archive(source: archive.Source) -> str:
    if fault := source.find_fault():
        raise UnfitWorkerError(fault)
    return "read"


def _check_memory(required: Requirements, offer: Offer) -> str:
    if not offer.memory_bytes:
        return "no limit"
    needed = PROCESS_BYTES + offer.threads * required.task_bytes
    if required.learns and offer.gpus >= 1:
        needed = max(needed, LEARNING_BYTES)
    words = f"{offer.memory_bytes / 1e6:,.0f} MB, {needed / 1e6:,.0f} MB needed (threads: {offer.threads})"
    if offer.memory_bytes < needed:
        raise UnfitWorkerError(f"{words}: start it with a larger --memory-limit or fewer --nthreads")
    return words


def _check_disk(folder: str) -> str:
    free = shutil.disk_usage(folder).free
    words = f"{free / 1e6:,.0f} MB free in {folder}"
    if free < MIN_DISK_BYTES:
        raise UnfitWorkerError(f"{words}, {MIN_DISK_BYTES / 1e6:,.0f} MB needed: start it with a --local-directory")
    return words


def _check_tensorflow(imports: bool) -> str:
    if imports:
        importlib.import_module("mineral_pipeline.modelling.backend")
        return "imported"
    if importlib.util.find_spec("tensorflow") is None:
        raise UnfitWorkerError(f"{NO_TENSORFLOW}; the worker offers a GPU")
    return "installed"


class _Process:
    """What this process was told and has proved."""

    required: Requirements | None = None
    proved: Requirements | None = None
    proving = threading.Lock()


@dataclass(frozen=True)
class RequirementsPlugin(WorkerPlugin):  # type: ignore[misc]  # distributed is not annotated
    """Tells the requirements to every worker, also to those that start later."""

    required: Requirements
    name = "mineral-pipeline-requirements"

    def setup(self, worker: Any) -> None:
        """Tell the process of a worker."""
        _Process.required = self.required

    def teardown(self, worker: Any) -> None:
        """Forget them."""
        _Process.required = None


def prove(lease: lock.Lease | None) -> None:
    """Prove, once per process and job, that this worker is fit for the tasks of a run.

    Args:
        lease: lease of the run; None outside of one, when nothing is required.

    Raises:
        UnfitWorkerError: it is not; the message names every fault.
    """
    required = _Process.required
    if lease is None or required is None or required.run != lease.run or required is _Process.proved:
        return
    with _Process.proving:
        if required is _Process.proved:
            return
        faults = list(_faults(inspect(required, Offer.of(get_worker()))))
        if faults:
            raise UnfitWorkerError("; ".join(faults))
        _Process.proved = required


def _faults(findings: list[Finding]) -> Iterator[str]:
    return (f"{finding.subject}: {finding.fault}" for finding in findings if finding.fault)
