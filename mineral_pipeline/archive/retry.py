"""The only place that decides about retries of requests: pauses, when to give up, what is worth another attempt.

Transient errors (timeouts, 429, 5xx, resets, short bodies, a wrong checksum) are tried again after a growing, jittered
pause until ``archive.retries`` or the scene's deadline is reached; objects that are missing or forbidden are not.
Listings and the index are retried by obstore itself, as often as is said here.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

from mineral_pipeline import settings
from mineral_pipeline.archive.errors import (
    CorruptError,
    MissingError,
    UnreachableError,
    describe_error,
    http_status,
    is_missing,
)
from mineral_pipeline.archive.fetched import FetchedObject

T = TypeVar("T")

FIRST_PAUSE_S = 0.5
MAX_PAUSE_S = 30.0

TRANSIENT_STATUS = frozenset({408, 425, 429})
"""Transient errors among HTTP status 4xx; every 5xx is transient."""

NO_CLIENT_RETRIES = 0
"""Retries of an obstore client whose requests `fetch_with_retries` repeats: retries of both would multiply."""


def client_retries(archive: settings.Archive) -> int:
    """Retries that an obstore client makes itself: of pages of a listing and of ranges of the index."""
    return archive.retries


def look_retries(archive: settings.Archive) -> int:
    """Retries of a client that only looks whether an archive is there: who works without it must not wait long."""
    return min(archive.retries, 3)


def scene_deadline(archive: settings.Archive) -> float:
    """Time, on the monotonic clock, after which no further attempt is made for a scene that is begun now."""
    return time.monotonic() + archive.deadline_s


def fetch_with_retries(
    read: Callable[[], FetchedObject], archive: settings.Archive, name: str, deadline: float
) -> FetchedObject:
    """Read an object, again after transient errors.

    Args:
        read: reads the object in one request; it raises whatever the client raises.
        archive: settings of the archive.
        name: name of the object in errors.
        deadline: time on the monotonic clock after which no further attempt is made.

    Raises:
        MissingError: the object does not exist.
        UnreachableError: the archive refuses it, or transient errors outlasted the retries.
        CorruptError: the bytes never had the checksum that the store promises.
    """
    attempts = 0
    while True:
        attempts += 1
        rest = pause(attempts, random.random())
        try:
            return replace(read(), attempts=attempts)
        except CorruptError as error:
            error.attempts = attempts
            if error.details.checksum_verified or _gives_up(archive, attempts, rest, deadline):
                raise
        except Exception as error:  # stores pass on whatever their clients raise
            if is_missing(error):
                raise MissingError(f"{name} is not in the archive", attempts) from error
            if is_permanent(error) or _gives_up(archive, attempts, rest, deadline):
                raise UnreachableError(f"{name} cannot be read: {describe_error(error)}", attempts) from error
        time.sleep(rest)


def confirm_corrupt(acquire: Callable[[], T], retries: int) -> T:
    """Read a scene again until a verdict of corrupt is confirmed.

    A verdict is confirmed when the store's checksum verifies the bytes, or when two readings in a row gave the same
    bytes. Bytes that the network or a proxy changed are thus read again; an object that is damaged in the archive is
    read twice.

    Args:
        acquire: reads a scene and validates it.
        retries: largest number of further readings.

    Raises:
        CorruptError: the verdict is confirmed, or the readings are used up.
    """
    seen, attempts = "", 0
    while True:
        try:
            return acquire()
        except CorruptError as error:
            attempts += error.attempts
            error.attempts = attempts
            if error.details.checksum_verified or error.details.sha256 == seen or retries < 1:
                raise
            seen, retries = error.details.sha256, retries - 1


def is_permanent(error: Exception) -> bool:
    """Whether the archive would refuse the same request again."""
    status = http_status(error)
    is_refused = isinstance(error, (PermissionError, PermissionDeniedError, UnauthenticatedError))
    return is_refused or (400 <= status < 500 and status not in TRANSIENT_STATUS)


def pause(attempts: int, jitter: float) -> float:
    """Seconds to wait after a number of attempts: they double each time, less up to half for a ``jitter`` of 0 to 1."""
    return min(FIRST_PAUSE_S * 2.0 ** (attempts - 1), MAX_PAUSE_S) * (1 - jitter / 2)


def _gives_up(archive: settings.Archive, attempts: int, rest: float, deadline: float) -> bool:
    """Whether the retries are used up, or a pause of ``rest`` seconds would end after the deadline."""
    return attempts > archive.retries or time.monotonic() + rest > deadline
