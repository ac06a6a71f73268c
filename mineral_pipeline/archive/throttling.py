"""What keeps a worker modest: bytes in flight, and requests a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Reservation:
    """The bytes that one scene holds of a `Budget`."""

    budget: ByteLimiter
    bytes: int = 0

    def reserve(self, size: int) -> None:
        """Hold ``size`` bytes in all, as soon as the budget has them; never less than before.

        A scene that holds some already is not kept waiting, so that two that hold some cannot wait for each other.
        """
        budget = self.budget
        with budget.changed:
            more = size - self.bytes
            if more > 0:
                budget.changed.wait_for(lambda: self.bytes or not budget.held or budget.held + more <= budget.limit)
                budget.held += more
                self.bytes = size


@dataclass
class ByteLimiter:
    """Bytes that the scenes of a task may hold at once; one that needs more than all of them goes alone."""

    limit: float
    """Bytes."""
    held: int = 0
    """Bytes held now."""
    changed: threading.Condition = field(default_factory=threading.Condition, repr=False)

    @contextmanager
    def reservation(self) -> Iterator[Reservation]:
        """A share that is given back at the end."""
        reservation = Reservation(self)
        try:
            yield reservation
        finally:
            with self.changed:
                self.held -= reservation.bytes
                self.changed.notify_all()


@dataclass
class RateLimiter:
    """Lets the threads of a process through one by one, evenly."""

    per_second: float
    """Passages a second."""
    _next: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def wait(self) -> None:
        """Wait for a turn."""
        with self._lock:
            turn = max(self._next, time.monotonic())
            self._next = turn + 1 / self.per_second
        time.sleep(max(turn - time.monotonic(), 0))
