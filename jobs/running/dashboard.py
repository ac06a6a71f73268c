"""The bars of Dask's dashboard, which count what the scheduler remembers: a task that is released leaves its bar.

A result that is kept to fill a bar would be computed again when its worker is lost, though all that it stands for is
written. So a finished task is released, and a mark is left in its place: an empty value whose key begins as the task's,
which is data, so that nothing computes it again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from distributed import Client, Future

SECONDS_BETWEEN_MARKS = 1.0
"""Least time between two requests: a scheduler has better things to do than marks."""
TIMEOUT_S = 5.0
"""Time that a request may take: a worker may hang."""
SECONDS_AFTER_FAILURE = 60.0
"""Time until marks are tried again; those that were not made are made then."""

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
    _due: float = field(default_factory=lambda: time.monotonic() + SECONDS_BETWEEN_MARKS)

    def __post_init__(self) -> None:
        kept = _KEPT.get()
        self._kept = self._kept if kept is None else kept

    def replace(self, task: Future, is_last: bool) -> None:
        """Release a finished task and leave its mark, soon, or at once when it is the last one."""
        task.release()
        self._waiting.append(f"{task.key}-done")
        if is_last or time.monotonic() > self._due:
            made = self._make(task.client)
            self._due = time.monotonic() + (SECONDS_BETWEEN_MARKS if made else SECONDS_AFTER_FAILURE)

    def _make(self, client: Client) -> bool:
        async def scatter() -> dict[str, Future]:
            marks = dict.fromkeys(self._waiting)
            return await client.scatter(marks, hash=False, direct=False, asynchronous=True)  # type: ignore[no-any-return]

        try:
            made = client.sync(scatter, callback_timeout=TIMEOUT_S)
        except (OSError, TimeoutError, ValueError):  # what is wrong with the cluster, the tasks will tell
            return False
        self._kept += made.values()
        self._waiting.clear()
        return True
