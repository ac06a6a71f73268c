"""An archive as a source of objects, each in one request, through the faults of a network.

Transient errors (timeouts, 429, 5xx, resets, short bodies, a wrong checksum) are tried again after a growing, jittered
pause; what is missing or forbidden is not.
"""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from mineral_pipeline import settings
from mineral_pipeline.archive.errors import CorruptError, CorruptionDetails, MissingError, UnreachableError
from mineral_pipeline.archive.objects import (
    ReceivedObject,
    describe_error,
    is_local,
    is_missing,
    is_permanent,
    local_path,
    open_store,
    read,
)
from mineral_pipeline.archive.throttling import RateLimiter
from mineral_pipeline.errors import ArchiveError

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0  # seconds


@dataclass(frozen=True)
class FetchedObject(ReceivedObject):
    """An object's bytes, and what it took to get them."""

    attempts: int = 1
    """Requests made, retries included."""

    def corrupt(self, reason: str) -> CorruptError:
        """The failure that the object is not what it should be."""
        return CorruptError(
            reason, CorruptionDetails.of(self.content, checksum_verified=self.checksum_verified), self.attempts
        )


@dataclass(frozen=True)
class Source:
    """An archive that objects are fetched from. Cheap to build and to send to a worker."""

    archive: settings.Archive
    """Where it is and how to speak to it."""

    def fetch(
        self, url: str, deadline: float = math.inf, claim: Callable[[int], None] = lambda size: None
    ) -> FetchedObject:
        """The object at ``url``.

        Args:
            url: of the object, below the archive's.
            deadline: `time.monotonic` after which no further attempt is made.
            claim: told the object's size before its bytes are read; may wait.

        Raises:
            Missing: it is not there.
            Unreachable: the archive refuses it, or transient errors outlasted the retries.
            Corrupt: other bytes than the store's checksum promises, time and again.
        """
        attempts, name = 0, url.removeprefix(f"{self.archive.url.rstrip('/')}/")
        while True:
            attempts += 1
            rest = pause(attempts, random.random())
            try:
                if self.archive.requests_per_s is not None:
                    _pace(self.archive.url, self.archive.requests_per_s).wait()
                received = read(url, self.archive, claim)
                return FetchedObject(received.content, received.checksum_verified, attempts)
            except CorruptError as error:
                if error.evidence.checksum_verified or self._gives_up(attempts, rest, deadline):
                    raise CorruptError(str(error), error.evidence, attempts) from error
            except Exception as error:  # stores pass on whatever their clients raise
                if is_missing(error):
                    raise MissingError(f"{name} is not in the archive", attempts) from error
                if is_permanent(error) or self._gives_up(attempts, rest, deadline):
                    raise UnreachableError(f"{name} cannot be read: {describe_error(error)}", attempts) from error
            time.sleep(rest)

    def _gives_up(self, attempts: int, rest: float, deadline: float) -> bool:
        return attempts > self.archive.retries or time.monotonic() + rest > deadline


def open_source(archive: settings.Archive) -> Source:
    """The source of an archive.

    Raises:
        ArchiveError: its URL is of no known kind, its options are wrong, or it is a folder that is not there.
    """
    if not is_local(archive.url):
        open_store(archive.url, archive)
    elif not os.path.isdir(local_path(archive.url)):
        raise ArchiveError(f"archive.url {archive.url} is not a folder: name the one that holds LT04/, LT05/, ...")
    return Source(archive)


@lru_cache(maxsize=8)
def _pace(url: str, per_second: float) -> RateLimiter:
    """The pace of a process towards one archive."""
    return RateLimiter(per_second)


def pause(attempts: int, jitter: float) -> float:
    """Seconds to wait after so many attempts: doubling, and less by up to half for a ``jitter`` of 0 to 1."""
    return min(FIRST_PAUSE * 2.0 ** (attempts - 1), LONGEST_PAUSE) * (1 - jitter / 2)
