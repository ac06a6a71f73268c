"""An archive as a source of objects, each in one request that is tried again after transient errors."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass

from mineral_pipeline import settings
from mineral_pipeline.archive.fetched import FetchedObject
from mineral_pipeline.archive.objects import is_local, local_path, open_store, read
from mineral_pipeline.archive.retry import fetch_with_retries
from mineral_pipeline.archive.throttling import wait_for_turn
from mineral_pipeline.errors import ArchiveError


@dataclass(frozen=True)
class Source:
    """An archive that objects are fetched from. It is cheap to build and to send to a worker."""

    archive: settings.Archive
    """Settings of the archive."""

    def fetch(
        self, url: str, deadline: float = math.inf, reserve: Callable[[int], None] = lambda size: None
    ) -> FetchedObject:
        """Fetch an object.

        Args:
            url: URL of the object, below the archive's.
            deadline: time on the monotonic clock after which no further attempt is made.
            reserve: called with the object's size in bytes before these are read; it may wait.

        Raises:
            MissingError: the object does not exist.
            UnreachableError: the archive refuses it, or transient errors outlasted the retries.
            CorruptError: the object is too large, or its bytes never had the checksum that the store promises.
        """

        def read_once() -> FetchedObject:
            wait_for_turn(self.archive.requests_per_s)
            return read(url, self.archive, reserve)

        name = url.removeprefix(f"{self.archive.url.rstrip('/')}/")
        return fetch_with_retries(read_once, self.archive, name, deadline)


def open_source(archive: settings.Archive) -> Source:
    """Open an archive.

    Raises:
        ArchiveError: its URL is of no known kind, its options are wrong, or it is a folder that does not exist.
    """
    if not is_local(archive.url):
        open_store(archive.url, archive)
    elif not os.path.isdir(local_path(archive.url)):
        raise ArchiveError(f"archive.url {archive.url} is not a folder: name the one that holds LT04/, LT05/, ...")
    return Source(archive)
