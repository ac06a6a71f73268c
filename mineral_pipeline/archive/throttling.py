"""Limits of one worker: bytes of fetched files held at a time, and requests a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Reservation:
    """The bytes of a `ByteLimiter` that one scene holds."""

    limiter: ByteLimiter
    """The limiter of the task."""
    bytes: int = 0
    """Bytes held by the scene."""

    def reserve(self, size: int) -> None:
        """Wait until the scene can hold ``size`` bytes in all; a reservation never shrinks.

        A scene that holds some bytes already does not wait, so that two such scenes cannot wait for each other.
        """
        limiter = self.limiter
        with limiter.changed:
            more = size - self.bytes
            if more > 0:
                limiter.changed.wait_for(lambda: self.bytes or not limiter.held or limiter.held + more <= limiter.limit)
                limiter.held += more
                self.bytes = size


@dataclass
class ByteLimiter:
    """Limits the bytes that the scenes of a task hold at a time; a scene larger than the limit is held alone."""

    limit: float
    """Largest number of bytes."""
    held: int = 0
    """Bytes held now."""
    changed: threading.Condition = field(default_factory=threading.Condition, repr=False)
    """Notified when bytes are released."""

    @contextmanager
    def reservation(self) -> Iterator[Reservation]:
        """A reservation that is released at the end of the block."""
        reservation = Reservation(self)
        try:
            yield reservation
        finally:
            with self.changed:
                self.held -= reservation.bytes
                self.changed.notify_all()


@dataclass
class RateLimiter:
    """Limits the requests of all threads of a process, at even intervals."""

    per_second: float
    """Requests a second."""
    _next: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def wait(self) -> None:
        """Wait until the next request may be made."""
        with self._lock:
            turn = max(self._next, time.monotonic())
            self._next = turn + 1 / self.per_second
        time.sleep(max(turn - time.monotonic(), 0))
