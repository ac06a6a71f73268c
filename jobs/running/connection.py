"""The cluster of a run that holds its workspace, and what ends the run: a signal, or the loss of either."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from distributed import Client

import cluster
from jobs.running.progress import CONSOLE
from mineral_pipeline.errors import MineralPipelineError
from mineral_pipeline.workspace import Workspace, lock


@contextmanager
def connected(workspace: Workspace, cluster_file: str) -> Iterator[Client]:
    """The cluster of a file, during the only run on the workspace.

    Raises:
        WorkspaceError: another run uses the workspace, or this run has lost its lease.
        ClusterError: the cluster cannot be reached, or is lost.
        KeyboardInterrupt: on SIGINT, and on the SIGTERM that batch systems send.
    """
    with (
        _stoppable() as stop,
        lock.acquire(workspace, stop, CONSOLE.print, lock.LEASE_S),
        cluster.connect(cluster_file, stop) as client,
    ):
        yield client


@contextmanager
def _stoppable() -> Iterator[Callable[[MineralPipelineError], None]]:
    """A block that SIGTERM ends as Ctrl-C does, and that other threads can end with an error.

    The KeyboardInterrupt of such an error carries it, so that the record of the running job can tell it.
    """
    reasons: list[MineralPipelineError] = []
    main = threading.main_thread().ident or 0

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt(*reasons)

    def stop(reason: MineralPipelineError) -> None:
        reasons.append(reason)
        # The signal wakes the main thread from whatever it waits for; SIGINT may be ignored, as under nohup.
        signal.pthread_kill(main, signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield stop
    except KeyboardInterrupt:
        if reasons:
            raise reasons[0] from None
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
