"""How far a job is: planned, done, skipped and failed, as a bar on a terminal and as lines elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import rich.progress
from distributed import Future, KilledWorker, as_completed
from rich.console import Console

import cluster
from mineral_pipeline.errors import ClusterError

CONSOLE = Console(highlight=False, soft_wrap=True)
"""Where jobs speak to a person."""

SECONDS_BETWEEN_LINES = 10.0
MORE_TRIES = 8
"""Tries of a task whose workers died, after Dask has given it up (`distributed.scheduler.allowed-failures`: 3)."""


@dataclass
class Progress:
    """Counts of a running job, shown while it runs. Use as a context manager."""

    job: str
    unit: str
    planned: int
    skipped: int = 0
    done: int = 0
    failed: int = 0
    _bar: rich.progress.Progress | None = field(default=None, repr=False)
    _last: float = field(default=0.0, repr=False)

    def __enter__(self) -> Self:
        """Show the start."""
        if CONSOLE.is_terminal:
            self._bar = rich.progress.Progress(
                "[bold]{task.description:<10}",
                rich.progress.BarColumn(),
                "{task.fields[counts]}",
                rich.progress.TimeElapsedColumn(),
                console=CONSOLE,
                transient=True,
            )
            self._bar.start()
            self._bar.add_task(self.job, total=self.planned, completed=self.skipped, counts=self.counts)
        self._last = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show the end."""
        if self._bar is not None:
            self._bar.stop()
        CONSOLE.print(f"{self.job:<10} {'stopped: ' if kind else ''}{self.counts}")

    def advance(self, done: int = 0, failed: int = 0, skipped: int = 0) -> None:
        """Add to the counts."""
        self.done, self.failed, self.skipped = self.done + done, self.failed + failed, self.skipped + skipped
        now = time.monotonic()
        if self._bar is not None:
            self._bar.update(rich.progress.TaskID(0), completed=self.done + self.skipped, counts=self.counts)
        elif now - self._last > SECONDS_BETWEEN_LINES:
            self._last = now
            CONSOLE.print(f"{self.job:<10} {self.counts}")

    @property
    def counts(self) -> str:
        """The counts in words."""
        return f"{self.planned:,} {self.unit}: {self.done:,} done, {self.skipped:,} skipped, {self.failed:,} failed"


def results(futures: Sequence[Future], names: Sequence[str] = ()) -> Iterator[Any]:
    """Results of Dask futures as they complete; each is released at once.

    Dask gives a task up when four workers have died under it, whatever they died of. Workers that are preempted at
    random do that to a few of many tasks, so that such a task is tried again, `MORE_TRIES` times and at last alone:
    those that waited on a worker died with the one that killed it. Who kills its worker even then is reported, when
    all others are done.

    Args:
        futures: of the tasks.
        names: of the tasks, for the message; their keys by default.

    Raises:
        ClusterError: a task kills its workers.
    """
    called = dict(zip((future.key for future in futures), names or [f"task {f.key}" for f in futures], strict=True))
    completed = as_completed(futures, with_results=True, raise_errors=False)
    tries: Counter[Any] = Counter()
    suspects = []
    for future, result in completed:
        error = _raised(result)  # the future's own state may be newer: a worker that dies takes its results with it
        if error is None:
            future.release()
            yield result
        elif not isinstance(error, KilledWorker):
            raise error
        elif tries[future.key] < MORE_TRIES:
            tries[future.key] += 1
            future.retry()
            completed.add(future)
        else:
            suspects.append(future)
    guilty = []
    for future in suspects:
        future.retry()
        try:
            result = future.result()
        except KilledWorker:
            guilty.append(called[future.key])
        else:
            yield result
    if guilty:
        raise ClusterError(cluster.killed(", ".join(guilty)))


def _raised(result: Any) -> BaseException | None:
    """What a task raised; Dask hands it over in place of the result, with its type and trace."""
    if isinstance(result, tuple) and len(result) == 3 and isinstance(result[1], BaseException):
        return result[1].with_traceback(result[2])
    return result if isinstance(result, BaseException) else None
