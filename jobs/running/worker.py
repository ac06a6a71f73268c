"""What every task does on a worker around its own function, and what it can ask about the worker."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Self

from distributed import Status, get_worker

from jobs.running import fitness
from mineral_pipeline.errors import UnfitWorkerError
from mineral_pipeline.workspace import lock


@dataclass(frozen=True)
class Place:
    """Where a task runs."""

    host: str
    """Name of the machine."""
    name: str = ""
    """Name of the worker; empty outside of one."""
    address: str = ""
    """Address by which the scheduler knows the worker."""

    @classmethod
    def of(cls, worker: Any) -> Self:
        """Where a Dask worker is; to be called on it."""
        return cls(socket.gethostname(), str(worker.name), worker.address)


def here() -> Place:
    """Where this code runs. To be called from a task's own thread."""
    try:
        return Place.of(get_worker())
    except ValueError:  # outside of a worker
        return Place(socket.gethostname())


def examine(worker: Any, required: fitness.Requirements) -> tuple[Place, list[fitness.Finding]]:
    """Examine a Dask worker, on it."""
    return Place.of(worker), fitness.inspect(required, fitness.Offer.of(worker))


def check_in_service() -> None:
    """End a task whose worker is being closed: the scheduler has given it to another worker, which writes the same.

    Raises:
        UnfitWorkerError: the worker is being closed.
    """
    try:
        worker = get_worker()
    except ValueError:  # outside of a worker
        return
    if worker.status not in (Status.running, Status.paused):
        raise UnfitWorkerError("it is being closed", **asdict(here()))


def run_task(lease: lock.Lease | None, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function on a worker, which first proves that it is fit for the job.

    Args:
        lease: lease of the run that submitted the task, which the function can `lock.check`.
        function: what the task does.
        arguments: its arguments.

    Raises:
        UnfitWorkerError: the worker lacks what the job needs.
    """
    with lock.holding(lease):
        try:
            fitness.prove(lease)
        except UnfitWorkerError as error:
            raise UnfitWorkerError(str(error), **asdict(here())) from None
        return function(*arguments)
