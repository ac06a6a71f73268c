"""The workers of a cluster as the client sees them, and how one of them is set aside."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from distributed import Client

import cluster
from jobs.running.progress import CONSOLE
from jobs.running.worker import Place
from mineral_pipeline.errors import ClusterError

ANSWER_S = 60.0
"""Seconds within which a worker must answer: one whose disks hang never does."""

PATIENCE_S = 60.0
"""Seconds that a run waits for another worker after the last one was set aside."""


def addresses(client: Client) -> list[str]:
    """Addresses of all workers."""
    return list(cluster.workers(client))


def wait_for_first(client: Client) -> None:
    """Wait for the workers that the cluster is starting, for one at least.

    Raises:
        ClusterError: none has come within `PATIENCE_S`.
    """
    started = len(getattr(client.cluster, "plan", ())) or 1
    with suppress(TimeoutError):
        client.wait_for_workers(started, timeout=PATIENCE_S)
    if not addresses(client):
        raise ClusterError(f"{client.scheduler.address} has had no worker for {PATIENCE_S:.0f} s: start some")


def ask(client: Client, question: Callable[[Any], Any]) -> dict[str, Any]:
    """Ask every worker something, in a thread of its own beside its tasks.

    Args:
        client: client of the cluster.
        question: called with the Dask worker.

    Returns:
        The answers by address; an exception where the worker gave none.
    """
    answers = client.run(partial(_answer, question), on_error="return")
    return {address: answer for address, answer in answers.items() if not isinstance(answer, OSError)}


async def _answer(question: Callable[[Any], Any], dask_worker: Any) -> Any:
    try:
        return await asyncio.wait_for(asyncio.to_thread(question, dask_worker), ANSWER_S)
    except TimeoutError:
        return ClusterError(f"no answer within {ANSWER_S:.0f} s: do its disks hang?")


def set_aside(client: Client, place: Place, reason: str) -> None:
    """Close a worker that cannot do its tasks, and say so; the scheduler gives its tasks to the others.

    Nothing happens when the scheduler no longer knows it.

    Raises:
        ClusterError: it was the last one, and no other has come within `PATIENCE_S`.
    """
    if place.address not in addresses(client):
        return
    client.retire_workers([place.address], close_workers=True)
    CONSOLE.print(f"worker {place.name} on {place.host} is set aside: {reason}")
    deadline = time.monotonic() + PATIENCE_S
    while not [address for address in addresses(client) if address != place.address]:
        if time.monotonic() > deadline:
            raise ClusterError(
                f"no worker is left, the last one, {place.name} on {place.host}, was set aside: {reason}: once that is"
                " put right, run the same command again; what is done is kept"
            )
        time.sleep(0.5)
