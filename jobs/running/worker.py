"""What every task does on a worker around its own function, and what it can ask about the worker.

The worker proves that it is fit, the task holds the lease of its run, and one line is logged, in logfmt, such as
``run=1f0c job=acquire task="shard 00017" seconds=3.1 outcome=done ok=15 missing=1``. Its logger is a child of Dask's
own for workers: the line is wherever theirs are, on the worker's page of the dashboard, in
``client.get_worker_logs()`` and in what ``dask worker`` prints, and the terminal of a `LocalCluster` stays clean.
"""

from __future__ import annotations

import json
import logging
import re
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Self

from distributed import Status, get_worker

from jobs.running import fitness
from mineral_pipeline.errors import UnfitWorkerError
from mineral_pipeline.workspace import lock

LOGGER = logging.getLogger("distributed.worker.mineral_pipeline")
if LOGGER.level == logging.NOTSET:  # else it is configured, as any logger of Dask's
    LOGGER.setLevel(logging.INFO)


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


@dataclass(frozen=True)
class TaskContext:
    """What a task knows of where it belongs."""

    job: str
    """Name of the job."""
    name: str
    """Name of the task, such as a shard or a model."""
    lease: lock.Lease | None
    """Lease of the run that submitted the task, which its function can `lock.check`."""


def run_task(context: TaskContext, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """Call a function on a worker, which first proves that it is fit for the job.

    Args:
        context: where the task belongs.
        function: what the task does.
        arguments: its arguments.
        keywords: its keyword arguments.

    Raises:
        UnfitWorkerError: the worker lacks what the job needs.
    """
    started = time.monotonic()
    try:
        with lock.holding(context.lease):
            _prove_fitness(context)
            value = function(*arguments, **keywords)
    except BaseException as error:
        _log(context, started, {"outcome": "failed", "error": f"{type(error).__name__}: {error}"})
        raise
    _log(context, started, {"outcome": "done", **_count_states(value)})
    return value


def _prove_fitness(context: TaskContext) -> None:
    try:
        fitness.prove(context.lease)
    except UnfitWorkerError as error:
        raise UnfitWorkerError(str(error), **asdict(here())) from None


def _log(context: TaskContext, started: float, outcome: dict[str, Any]) -> None:
    run, seconds = context.lease.run if context.lease else "none", f"{time.monotonic() - started:.3g}"
    fields = {"run": run, "job": context.job, "task": context.name, "seconds": seconds, **outcome}
    LOGGER.info("%s", " ".join(f"{name}={_quote(str(value))}" for name, value in fields.items()))


def _quote(value: str) -> str:
    return value if re.fullmatch(r"[^\s=\"]+", value) else json.dumps(value, ensure_ascii=False)


def _count_states(value: Any) -> Counter[str]:
    """How many items of a task ended in which state, where its result, or that of its partition of a bag, tells it."""
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    return Counter(getattr(value, "states", ()))
