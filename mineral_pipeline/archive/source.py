"""An archive as a source of objects, each in one request that is tried again after transient errors."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from mineral_pipeline import settings
from mineral_pipeline.archive.errors import MissingError, UnreachableError
from mineral_pipeline.archive.fetched import FetchedObject
from mineral_pipeline.archive.landmarks import Landmarks, find_fault, survey
from mineral_pipeline.archive.objects import is_local, local_path, open_store, read
from mineral_pipeline.archive.retry import fetch_with_retries
from mineral_pipeline.archive.throttling import wait_for_turn
from mineral_pipeline.errors import ArchiveError

BELIEVED_S = 5.0
"""Seconds after a look at a remote archive during which this process believes its 404s without another look."""

_LAST_SEEN: dict[str, float] = {}
"""When this process began its last successful look, by the URL of the archive."""


@dataclass(frozen=True)
class Source:
    """An archive that objects are fetched from. It is cheap to build and to send to a worker."""

    archive: settings.Archive
    """Settings of the archive."""
    landmarks: Landmarks | None = None
    """What the client saw of the archive, which a process must see as well before it believes a 404; None outside of
    a run, where every 404 is believed."""

    def find_fault(self) -> str | None:
        """Why this process does not see the archive as the client does, in one line; None when it does."""
        return None if self.landmarks is None else find_fault(self.archive, self.landmarks)

    def fetch(
        self, url: str, deadline: float = math.inf, reserve: Callable[[int], None] = lambda size: None
    ) -> FetchedObject:
        """Fetch an object.

        Args:
            url: URL of the object, below the archive's.
            deadline: time on the monotonic clock after which no further attempt is made.
            reserve: called with the object's size in bytes before these are read; it may wait.

        Raises:
            MissingError: the object does not exist, and the archive was there right after.
            UnreachableError: the archive refuses it or is not there, or transient errors outlasted the retries.
            CorruptError: the object is too large, or its bytes never had the checksum that the store promises.
        """

        def read_once() -> FetchedObject:
            wait_for_turn(self.archive.requests_per_s)
            return read(url, self.archive, reserve)

        name = url.removeprefix(f"{self.archive.url.rstrip('/')}/")
        try:
            return fetch_with_retries(read_once, self.archive, name, deadline)
        except MissingError as error:
            if fault := _fault_behind_404(self):
                reason = f"{name} is not there, but nor is the archive: {fault}"
                raise UnreachableError(reason, error.attempts) from error
            raise


def open_source(archive: settings.Archive) -> Source:
    """Open an archive.

    Raises:
        ArchiveError: its URL is of no known kind, its options are wrong, or it is a folder that does not exist.
    """
    if not is_local(archive.url):
        open_store(archive.url, archive)
    elif not os.path.isdir(local_path(archive.url)):
        raise ArchiveError(f"archive.url {archive.url} is not a folder: name the one that holds the products")
    return Source(archive)


def survey_source(archive: settings.Archive) -> Source:
    """Open an archive with the landmarks that this process sees, for other processes to compare.

    Raises:
        ArchiveError: as `open_source`.
    """
    return replace(open_source(archive), landmarks=survey(archive))


def _fault_behind_404(source: Source) -> str | None:
    """`Source.find_fault`, unless a request has just shown that the archive is there."""
    url = source.archive.url
    now = time.monotonic()
    if now - _LAST_SEEN.get(url, -math.inf) < BELIEVED_S:
        return None
    fault = source.find_fault()
    if fault is None and not is_local(url):  # a mount may vanish at any moment, and looking at it costs nothing
        _LAST_SEEN[url] = now
    return fault
