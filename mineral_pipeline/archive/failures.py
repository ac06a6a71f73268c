"""How fetching a scene can fail: three exceptions, one for each failed state of the ledger."""

from __future__ import annotations

from mineral_pipeline.errors import ArchiveError


class FetchError(ArchiveError):
    """A scene that the archive did not give."""

    def __init__(self, reason: str, attempts: int = 1) -> None:
        """Keep the reason.

        Args:
            reason: one line that names the object.
            attempts: requests made for the object that failed.
        """
        super().__init__(reason)
        self.attempts = attempts


class Missing(FetchError):
    """The archive does not have the object."""


class Corrupt(FetchError):
    """The archive gave other bytes than it promised."""


class Unreachable(FetchError):
    """The archive refused, or its errors outlasted the retries."""
