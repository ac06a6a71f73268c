"""A large object of a store as a file that is read once, from beginning to end, a range at a time.

The client repeats a failed request for what is left of its own range: a connection that drops costs little, and
``archive.timeout_s`` bounds a range, not the whole object.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor

import obstore
from obstore.exceptions import NotSupportedError
from obstore.store import ObjectStore

from mineral_pipeline import settings
from mineral_pipeline.archive.objects import open_store
from mineral_pipeline.archive.retry import client_retries
from mineral_pipeline.archive.throttling import wait_for_turn

RANGE_BYTES = 2 * 2**20
"""Bytes of one request."""

RANGES_AHEAD = 3
"""Ranges that are requested while one is read, to hide the network's latency."""


class RangeReader(io.RawIOBase):
    """A file of the bytes of an object, in their order."""

    def __init__(self, pieces: Generator[bytes]) -> None:
        """Make a file of consecutive pieces of an object."""
        self._pieces = pieces
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer is of Python 3.12
        """Fill ``buffer`` from the current piece, and return the number of bytes: 0 at the end."""
        if not self._piece:
            self._piece = memoryview(next(self._pieces, b""))
        count = min(len(buffer), len(self._piece))
        buffer[:count], self._piece = self._piece[:count], self._piece[count:]
        return count

    def close(self) -> None:
        """Request no further range."""
        self._pieces.close()
        super().close()


def open_remote(url: str, archive: settings.Archive) -> io.BufferedReader:
    """Open an object as a file whose reads are never short. Errors of the store are raised while it is read.

    Args:
        url: URL of the object.
        archive: settings of the archive, which configure the client.

    Raises:
        ArchiveError: there is no such kind of store, or its options are wrong.
    """
    store, name = open_store(url, archive, client_retries(archive))
    return io.BufferedReader(RangeReader(_pieces(store, name, archive.requests_per_s)))


def _pieces(store: ObjectStore, name: str, requests_per_s: float | None) -> Generator[bytes]:
    wait_for_turn(requests_per_s)
    whole = obstore.get(store, name)
    size = whole.meta["size"]
    wait_for_turn(requests_per_s if size > RANGE_BYTES else None)
    try:
        first = b"" if size <= RANGE_BYTES else _range(store, name, 0, whole.meta)
    except NotSupportedError:  # a web server without ranges
        first = b""
    if not first:
        yield from _checked(whole)
        return
    yield first
    with ThreadPoolExecutor(RANGES_AHEAD) as pool:
        waiting: deque[Future[bytes]] = deque()
        try:
            for start in range(RANGE_BYTES, size, RANGE_BYTES):
                wait_for_turn(requests_per_s)
                waiting.append(pool.submit(_range, store, name, start, whole.meta))
                if len(waiting) == RANGES_AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _range(store: ObjectStore, name: str, start: int, meta: obstore.ObjectMeta) -> bytes:
    """One range of the object, which must still be the one that ``meta`` describes."""
    result = obstore.get(store, name, options={"range": (start, start + RANGE_BYTES)})
    if any(result.meta[key] != meta[key] for key in ("size", "e_tag", "last_modified")):
        raise OSError("it changed while it was read: start again")
    return bytes(result.bytes())


def _checked(whole: obstore.GetResult) -> Generator[bytes]:
    """All bytes of an object in one request, whose number is checked at the end."""
    came = 0
    for piece in whole.stream(RANGE_BYTES):
        came += len(piece)
        yield bytes(piece)
    if came != whole.meta["size"]:
        raise OSError(f"{came:,} of {whole.meta['size']:,} bytes came")
