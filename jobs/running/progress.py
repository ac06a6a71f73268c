"""How far a job is: planned, done, skipped and failed, as a bar on a terminal and as lines elsewhere."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import rich.progress
from rich.console import Console

from mineral_pipeline.workspace import Counts

CONSOLE = Console(highlight=False, markup=False, soft_wrap=True)
"""Where jobs speak to a person. Brackets, as a path or a reason may have, are brackets."""

SECONDS_BETWEEN_LINES = 10.0

_SHOWN: ContextVar[list[Progress] | None] = ContextVar("shown", default=None)


@contextmanager
def watching() -> Iterator[list[Progress]]:
    """A block whose progress others may look at, from any thread: what it has shown, the newest last."""
    shown: list[Progress] = []
    token = _SHOWN.set(shown)
    try:
        yield shown
    finally:
        _SHOWN.reset(token)


@dataclass
class Progress:
    """Counts of a running job, shown while it runs. Use as a context manager."""

    job: str
    unit: str
    planned: int
    skipped: int = 0
    done: int = 0
    failed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    _bar: rich.progress.Progress | None = field(default=None, repr=False)
    _last: float = field(default=0.0, repr=False)
    _counting: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __enter__(self) -> Self:
        """Show the start."""
        if (shown := _SHOWN.get()) is not None:
            shown.append(self)
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
            self._bar.add_task(self.job, total=self.planned, completed=self.skipped, counts=self.text)
        self._last = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show the end."""
        if self._bar is not None:
            self._bar.stop()
        CONSOLE.print(f"{self.job:<10} {'stopped: ' if kind else ''}{self.text}")

    def advance(self, done: int = 0, failed: int = 0, skipped: int = 0) -> None:
        """Add to the counts, from any thread."""
        with self._counting:
            self.done, self.failed, self.skipped = self.done + done, self.failed + failed, self.skipped + skipped
        now = time.monotonic()
        if self._bar is not None:
            self._bar.update(rich.progress.TaskID(0), completed=self.done + self.skipped, counts=self.text)
        elif now - self._last > SECONDS_BETWEEN_LINES:
            self._last = now
            CONSOLE.print(f"{self.job:<10} {self.text}")

    def record(self, name: str, error: Exception | None) -> None:
        """Count an item that is done or, with an error, has failed; a failure is shown with its reason."""
        self.advance(done=error is None, failed=error is not None)
        if error is not None:
            reason = type(error).__name__
            self.reasons[reason] += 1
            CONSOLE.print(f"{self.job}: {name} failed: {reason}: {error}")

    def to_counts(self) -> Counts:
        """The counts of the job."""
        return Counts(self.unit, self.planned, self.done, self.skipped, self.failed, dict(self.reasons))

    @property
    def text(self) -> str:
        """The counts in words."""
        return f"{self.planned:,} {self.unit}: {self.done:,} done, {self.skipped:,} skipped, {self.failed:,} failed"
