"""One rate of requests for all workers together: they ask the scheduler for their turns.

Shares of the rate would have to change whenever a worker comes or goes, and one that is busy with something else would
waste its own. A turn costs a message to the scheduler and back, which is little beside a request to the archive.
"""

from __future__ import annotations

from typing import Any

from distributed import Client, Scheduler, SchedulerPlugin, WorkerPlugin
from distributed.utils import sync

import cluster
from mineral_pipeline.archive import throttling


class TurnsOfScheduler(SchedulerPlugin):  # type: ignore[misc]  # distributed is not annotated
    """Gives turns on the scheduler."""

    name = "mineral-pipeline-turns"
    idempotent = True

    def start(self, scheduler: Scheduler) -> None:
        """Offer turns to the workers."""
        limiter = throttling.RateLimiter()

        def reserve(per_second: float) -> float:
            return limiter.reserve(per_second)

        scheduler.handlers["mineral_pipeline_reserve"] = reserve


class TurnsOfWorker(WorkerPlugin):  # type: ignore[misc]  # distributed is not annotated
    """Lets the requests of a worker, also of one that starts later, ask the scheduler for their turns."""

    name = "mineral-pipeline-turns"

    def setup(self, worker: Any) -> None:
        """Ask the scheduler from now on."""

        def reserve(per_second: float) -> float:
            return float(sync(worker.loop, worker.scheduler.mineral_pipeline_reserve, per_second=per_second))

        throttling.take_turns_from(reserve)

    def teardown(self, worker: Any) -> None:
        """Ask no scheduler any longer."""
        throttling.take_turns_from(None)


def share_request_rate(client: Client) -> None:
    """Make the rates of requests of all workers one."""
    client.register_plugin(TurnsOfScheduler())
    cluster.register(client, TurnsOfWorker())
