"""The errors of an archive: one exception for each failed state of the ledger, and a reading of its clients' errors."""

from __future__ import annotations

import re

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from mineral_pipeline.archive.fetched import CorruptionDetails
from mineral_pipeline.errors import ArchiveError, one_line


class FetchError(ArchiveError):
    """A scene, or one of its objects, could not be fetched."""

    def __init__(self, reason: str, attempts: int = 1) -> None:
        """Keep the reason.

        Args:
            reason: one line that names the object.
            attempts: requests made for the object that failed.
        """
        super().__init__(reason)
        self.attempts = attempts


class MissingError(FetchError):
    """The archive does not have the object."""


class UnreachableError(FetchError):
    """The archive refused the object, or transient errors outlasted the retries."""


class CorruptError(FetchError):
    """The archive gave other bytes than it promised. Only `mineral_pipeline.archive.validation` raises it."""

    def __init__(self, reason: str, details: CorruptionDetails | None = None, attempts: int = 1) -> None:
        """Keep the reason and the details of the object.

        Args:
            reason: one line that names the object.
            details: details of the corrupt object.
            attempts: requests made for the object.
        """
        super().__init__(reason, attempts)
        self.details = details or CorruptionDetails.of()


def is_missing(error: Exception) -> bool:
    """Whether a client's error says that the object does not exist."""
    is_absent = isinstance(error, (FileNotFoundError, IsADirectoryError, NotADirectoryError))
    return is_absent or http_status(error) in (404, 410)


def describe_error(error: Exception) -> str:
    """Describe a client's error in a few words.

    The URL of the request and the server's own words are left out, because they may hold credentials.
    """
    status = http_status(error)
    if is_missing(error):
        return "not there"
    if isinstance(error, PermissionDeniedError | UnauthenticatedError) or status in (401, 403):
        return "permission denied (public data need archive.anonymous: true, others false and credentials)"
    if status:
        return f"HTTP {status}"
    text = one_line(str(error).partition("Debug source")[0], 200)
    if isinstance(error, TimeoutError) or "timed out" in text:
        return "timed out"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return text if text and "://" not in text else "the connection failed or was cut"


def http_status(error: Exception) -> int:
    """HTTP status that the text of an obstore error mentions; 0 without one."""
    found = re.search(r"status code: (\d{3})\b", str(error)) if isinstance(error, BaseError | OSError) else None
    return int(found[1]) if found else 0
