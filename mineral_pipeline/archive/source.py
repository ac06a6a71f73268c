"""Objects of an archive as bytes, from a folder or any fsspec URL, each in one request.

Transient errors (timeouts, 429, 5xx, resets, short bodies) are tried again after a growing, jittered pause;
what is missing or forbidden is not.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from mineral_pipeline import settings
from mineral_pipeline.archive.failures import Missing, Unreachable
from mineral_pipeline.errors import ArchiveError

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0  # seconds
TRANSIENT_STATUS = frozenset({408, 425, 429})  # of the 4xx; every 5xx is transient


@dataclass(frozen=True)
class Fetched:
    """One object."""

    content: bytes
    """All of it."""
    attempts: int
    """Requests made, retries included."""
    seconds: float
    """Wall time, pauses included."""


@dataclass(frozen=True)
class Source:
    """An archive that objects are fetched from. Cheap to build and to send to a worker."""

    url: str
    """Root of the archive."""
    retries: int
    """Further attempts after a transient error."""
    timeout_s: float
    """Seconds after which one request is given up."""
    storage_options: Mapping[str, Any] = field(default_factory=dict, repr=False)  # may hold credentials
    """Options of the fsspec file system."""

    def fetch(self, url: str) -> Fetched:
        """The object at ``url``.

        Raises:
            Missing: it is not there.
            Unreachable: the archive refuses it, or transient errors outlasted the retries.
        """
        started, attempts = time.monotonic(), 0
        while True:
            attempts += 1
            try:
                return Fetched(self._read(url), attempts, time.monotonic() - started)
            except Exception as error:  # file systems pass on whatever their clients raise
                name = url.removeprefix(f"{self.url.rstrip('/')}/")
                if is_missing(error):
                    raise Missing(f"{name} is not in the archive", attempts) from error
                if is_refused(error) or attempts > self.retries:
                    raise Unreachable(f"{name} cannot be read: {why(error)}, {attempts} attempts", attempts) from error
            time.sleep(pause(attempts, random.random()))

    def _read(self, url: str) -> bytes:
        fs, path = fsspec.core.url_to_fs(url, **self.storage_options)
        # file systems that speak to a network take a timeout for the whole request; local ones know none
        return bytes(fs.cat_file(path, timeout=self.timeout_s) if fs.async_impl else fs.cat_file(path))


def open_source(archive: settings.Archive) -> Source:
    """The source of an archive.

    Raises:
        ArchiveError: no file system of this installation understands the URL, or it is a folder that is not there.
    """
    try:
        fs, path = fsspec.core.url_to_fs(archive.url, **archive.storage_options)
    except (ImportError, ValueError, TypeError, OSError) as error:
        raise ArchiveError(f"archive.url {archive.url} cannot be opened: {why(error)}") from error
    if isinstance(fs, LocalFileSystem) and not fs.isdir(path):
        raise ArchiveError(f"archive.url {archive.url} is not a folder: name the one that holds LT04/, LT05/, ...")
    return Source(archive.url, archive.retries, archive.timeout_s, archive.storage_options)


def pause(attempts: int, jitter: float) -> float:
    """Seconds to wait after so many attempts: doubling, and less by up to half for a ``jitter`` of 0 to 1."""
    return min(FIRST_PAUSE * 2.0 ** (attempts - 1), LONGEST_PAUSE) * (1 - jitter / 2)


def is_missing(error: Exception) -> bool:
    """Whether the object is not there, as far as the archive knows."""
    absent = isinstance(error, (FileNotFoundError, IsADirectoryError, NotADirectoryError))
    return absent or _status(error) in (404, 410)


def is_refused(error: Exception) -> bool:
    """Whether the archive would refuse the same request again."""
    status = _status(error)
    return isinstance(error, PermissionError) or (400 <= status < 500 and status not in TRANSIENT_STATUS)


def why(error: Exception) -> str:
    """A few words on an error; never the URL of the request, which may hold credentials."""
    status = _status(error)
    if status:
        return f"HTTP {status}"
    if isinstance(error, TimeoutError):
        return "timed out"
    if is_missing(error):
        return "not there"
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split())[:200]
    return text if text and "://" not in text else type(error).__name__


def _status(error: Exception) -> int:
    """HTTP status of an error, however its client calls it; 0 without one."""
    status = getattr(error, "status", None)
    if not isinstance(status, int):
        status = getattr(error, "code", None)
    return status if isinstance(status, int) else 0
