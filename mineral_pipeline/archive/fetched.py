"""What was fetched: the bytes of an object, and the details that are kept of a corrupt one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

FIRST_BYTES = 64
"""Bytes of a corrupt object that are kept: enough to tell an HTML page from a TIFF."""


@dataclass(frozen=True)
class CorruptionDetails:
    """What is kept of a corrupt object."""

    size: int
    """Size of the object in bytes."""
    first_bytes: bytes
    """First bytes of the object, at most `FIRST_BYTES`."""
    sha256: str
    """SHA-256 of the whole object; empty when it was not read."""
    checksum_verified: bool = False
    """Whether the store's own checksum confirms that these are the bytes it holds."""

    @classmethod
    def of(cls, *contents: bytes, checksum_verified: bool = False) -> CorruptionDetails:
        """Describe the concatenation of the contents of one or more objects."""
        digest = hashlib.sha256()
        for content in contents:
            digest.update(content)
        first_bytes = contents[0][:FIRST_BYTES] if contents else b""
        return cls(sum(map(len, contents)), first_bytes, digest.hexdigest(), checksum_verified)


@dataclass(frozen=True)
class FetchedObject:
    """The bytes of an object, and the number of requests that they took."""

    content: bytes
    """All bytes of the object."""
    checksum_verified: bool = False
    """Whether the store's own checksum confirms the bytes."""
    attempts: int = 1
    """Requests made for the object, retries included."""

    @property
    def details(self) -> CorruptionDetails:
        """What is kept of the object if it is corrupt."""
        return CorruptionDetails.of(self.content, checksum_verified=self.checksum_verified)
