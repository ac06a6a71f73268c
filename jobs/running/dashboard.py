"""The bars of Dask's dashboard, which count what the scheduler remembers: a task that is released leaves its bar.

A result that is kept to fill a bar would be computed again when its worker is lost, though all that it stands for is
written. So a finished task is released, and a mark is left in its place: an empty value whose key begins as the task's,
which is data, so that nothing computes it again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field

from distributed import Future

SECONDS_BETWEEN_MARKS = 1.0
"""Least time between two requests: a scheduler has better things to do than marks."""
TIMEOUT_S = 5.0
"""Time that a request may take; marks that were not made stay for the next one."""

_KEPT: ContextVar[list[Future] | None] = ContextVar("marks", default=None)


@contextmanager
def keeping_marks() -> Iterator[None]:
    """A block during which the bars of finished jobs stay full."""
    marks: list[Future] = []
    token = _KEPT.set(marks)
    try:
        yield
    finally:
        _KEPT.reset(token)
        marks.clear()  # the client's event loop has copies of this context


@dataclass
class Marks:
    """The marks of the finished tasks of a job."""

    _kept: list[Future] = field(default_factory=list)
    _waiting: list[str] = field(default_factory=list)
    _last: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        kept = _KEPT.get()
        self._kept = self._kept if kept is None else kept

    def replace(self, task: Future, is_last: bool) -> None:
        """Release a finished task and leave its mark, soon, or at once when it is the last one."""
        task.release()
        self._waiting.append(f"{task.key}-done")
        now = time.monotonic()
        if is_last or now - self._last > SECONDS_BETWEEN_MARKS:
            self._last = now
            with suppress(OSError, TimeoutError, ValueError):  # what is wrong with the cluster, the tasks will tell
                marks = task.client.scatter(dict.fromkeys(self._waiting), hash=False, direct=False, timeout=TIMEOUT_S)
                self._kept += marks.values()
                self._waiting.clear()
