"""The record of a job while it runs: how far it is, for `mineral-pipeline status`, and how it ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any

from jobs.running.progress import Progress, watching
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.workspace import Counts, RunState, Workspace, write_run

REFRESH_S = 5.0
"""Seconds between two looks at how far the job is; the record is written when that has changed."""


@contextmanager
def recording(workspace: Workspace, facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Write the record of a job when the block begins, while it runs, and when it ends, however it does.

    Args:
        workspace: the workspace.
        facts: what is known at the beginning, ``job``, ``started`` and ``run`` among it.

    Yields:
        The record, to which the block adds its outcome.
    """
    started = time.monotonic()
    record = {**facts, "state": RunState.RUNNING, "error": "", "counts": asdict(Counts("")), "seconds": 0.0}
    write_run(workspace, record)
    ended = threading.Event()
    with watching() as shown:
        arguments = (workspace, dict(record), started, shown, ended)
        refreshing = threading.Thread(target=_refresh, args=arguments, daemon=True, name="record")
        refreshing.start()
        try:
            yield record
        except BaseException as error:
            with suppress(WorkspaceError):  # the block's error is the one to tell
                _write_last(workspace, _so_far(record, started, shown) | _ending(error), ended, refreshing)
            raise
    _write_last(workspace, {**record, "seconds": _seconds(started)}, ended, refreshing)


def _refresh(
    workspace: Workspace, record: dict[str, Any], started: float, shown: Sequence[Progress], ended: threading.Event
) -> None:
    written = record["counts"]
    while not ended.wait(REFRESH_S):
        now = _so_far(record, started, shown)
        if now["counts"] != written:
            with suppress(WorkspaceError):  # a full disk: the job itself will tell, if it minds
                write_run(workspace, now)
                written = now["counts"]


def _so_far(record: dict[str, Any], started: float, shown: Sequence[Progress]) -> dict[str, Any]:
    counts = asdict(shown[-1].to_counts()) if shown else record["counts"]
    return {**record, "counts": counts, "seconds": _seconds(started)}


def _ending(error: BaseException) -> dict[str, Any]:
    """How an error ended the job. An interrupt that carries an error is not a person's: see `jobs.run`."""
    if isinstance(error, KeyboardInterrupt):
        if not error.args:
            return {"state": RunState.STOPPED}
        error = error.args[0]
    lines = str(error).strip().splitlines() or [""]
    return {"state": RunState.FAILED, "error": f"{type(error).__name__}: {lines[0]}"}


def _write_last(
    workspace: Workspace, record: dict[str, Any], ended: threading.Event, refreshing: threading.Thread
) -> None:
    """Write how the job ended, when nothing can write an older state over it.

    Should a signal come meanwhile, as when a task and the client find at the same time that the lease is lost, the
    record is written nonetheless; a second signal is obeyed.
    """

    def write() -> None:
        ended.set()
        refreshing.join()
        write_run(workspace, record)

    try:
        write()
    except KeyboardInterrupt:
        write()
        raise


def _seconds(started: float) -> float:
    return round(time.monotonic() - started, 3)
