"""Limits: bytes of fetched files that a task holds at a time, and requests a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
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
    """Gives requests their turns, at even intervals."""

    _next: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def reserve(self, per_second: float) -> float:
        """Reserve the next turn at a rate of so many requests a second; returns the seconds until it comes."""
        with self._lock:
            now = time.monotonic()
            turn = max(self._next, now)
            self._next = turn + 1 / per_second
        return turn - now


Reserve = Callable[[float], float]
"""`RateLimiter.reserve` of a limiter, which may be that of another process."""


_of_this_process: Reserve = RateLimiter().reserve
_reserve = _of_this_process


def wait_for_turn(per_second: float | None) -> None:
    """Wait until a request may be made at a rate of so many a second; None is no limit."""
    if per_second is not None:
        time.sleep(_reserve(per_second))


def take_turns_from(reserve: Reserve | None) -> None:
    """Let another process give the turns, so that a rate is one of all who ask it; None: this process again."""
    global _reserve
    _reserve = reserve or _of_this_process
