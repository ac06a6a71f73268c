"""A large object of a store as a file that is read once, from beginning to end, a range at a time.

A request that fails is made again for what is left of its own range: a connection that drops costs little, and
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

RANGE = 2 * 2**20  # bytes of one request
AHEAD = 3  # ranges asked for while one is read: they hide the network's latency


class RangeReader(io.RawIOBase):
    """The bytes of an object, in their order."""

    def __init__(self, pieces: Generator[bytes]) -> None:
        """Read what ``pieces`` give one after the other."""
        self._pieces = pieces
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer is of Python 3.12
        """Fill ``buffer`` as far as the present piece goes; 0 at the end."""
        if not self._piece:
            self._piece = memoryview(next(self._pieces, b""))
        count = min(len(buffer), len(self._piece))
        buffer[:count], self._piece = self._piece[:count], self._piece[count:]
        return count

    def close(self) -> None:
        """Ask for nothing more."""
        self._pieces.close()
        super().close()


def open_remote(url: str, archive: settings.Archive) -> io.BufferedReader:
    """The object at ``url``, whose reads are never short; errors come while it is read.

    Args:
        url: of the object.
        archive: how to speak to its store, and how often to try again.

    Raises:
        ArchiveError: no such kind of store, or its options are wrong.
    """
    return io.BufferedReader(RangeReader(_pieces(*open_store(url, archive, archive.retries))))


def _pieces(store: ObjectStore, name: str) -> Generator[bytes]:
    whole = obstore.get(store, name)
    size = whole.meta["size"]
    try:
        first = b"" if size <= RANGE else _range(store, name, 0, whole.meta)
    except NotSupportedError:  # a web server without ranges
        first = b""
    if not first:
        yield from _checked(whole)
        return
    yield first
    with ThreadPoolExecutor(AHEAD) as pool:
        waiting: deque[Future[bytes]] = deque()
        try:
            for start in range(RANGE, size, RANGE):
                waiting.append(pool.submit(_range, store, name, start, whole.meta))
                if len(waiting) == AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _range(store: ObjectStore, name: str, start: int, meta: obstore.ObjectMeta) -> bytes:
    """The bytes from ``start`` on of the very object that ``meta`` describes."""
    result = obstore.get(store, name, options={"range": (start, start + RANGE)})
    if any(result.meta[key] != meta[key] for key in ("size", "e_tag", "last_modified")):
        raise OSError("it changed while it was read: start again")
    return bytes(result.bytes())


def _checked(whole: obstore.GetResult) -> Generator[bytes]:
    """All bytes of an object in one request."""
    came = 0
    for piece in whole.stream(RANGE):
        came += len(piece)
        yield bytes(piece)
    if came != whole.meta["size"]:
        raise OSError(f"{came:,} of {whole.meta['size']:,} bytes came")
