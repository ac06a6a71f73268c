"""How fetching a scene can fail: three exceptions, one for each failed state of the ledger."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from mineral_pipeline.errors import ArchiveError

FIRST_BYTES = 64
"""Bytes of a corrupt object that are kept: enough to tell an HTML page from a TIFF."""


@dataclass(frozen=True)
class CorruptionDetails:
    """What is kept of a corrupt object."""

    size: int
    """Its bytes."""
    first_bytes: bytes
    """Its beginning, at most `FIRST_BYTES`."""
    sha256: str
    """Digest of all of it."""
    checksum_verified: bool = False
    """The store's own checksum says that these are its bytes."""

    @classmethod
    def of(cls, *contents: bytes, checksum_verified: bool = False) -> CorruptionDetails:
        """The evidence that objects give together, one after the other."""
        digest = hashlib.sha256()
        for content in contents:
            digest.update(content)
        first_bytes = contents[0][:FIRST_BYTES] if contents else b""
        return cls(sum(map(len, contents)), first_bytes, digest.hexdigest(), checksum_verified)


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


class MissingError(FetchError):
    """The archive does not have the object."""


class UnreachableError(FetchError):
    """The archive refused, or its errors outlasted the retries."""


class CorruptError(FetchError):
    """The archive gave other bytes than it promised."""

    evidence: CorruptionDetails

    def __init__(self, reason: str, evidence: CorruptionDetails | None = None, attempts: int = 1) -> None:
        """Keep the reason and what was found.

        Args:
            reason: one line that names the object.
            evidence: of the object.
            attempts: requests made for it.
        """
        super().__init__(reason, attempts)
        self.evidence = evidence or CorruptionDetails.of()
