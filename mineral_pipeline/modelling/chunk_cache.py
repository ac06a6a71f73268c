"""Reading images in whole chunks, ahead of their use, and orders of samples that suit such reading."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from mineral_pipeline.workspace.images import Images

SHUFFLED_CHUNKS = 16
"""Chunks whose samples are mixed with each other."""

CACHE_BYTES = 512 * 2**20
"""Decoded chunks kept in memory: a subset smaller than this is decoded once."""

DECODING_THREADS = 4
"""Chunks decoded at once; zarr decompresses without holding the interpreter lock."""


def shuffle_rows(length: int, chunk: int, rng: np.random.Generator, buffer: int = SHUFFLED_CHUNKS) -> np.ndarray:
    """A random order of samples that needs few chunks at a time: chunks are permuted, then samples within a buffer.

    Args:
        length: number of samples.
        chunk: samples in a chunk.
        rng: source of the permutations.
        buffer: chunks whose samples are mixed.

    Returns:
        (length,) int64.
    """
    chunks = rng.permutation(-(-length // chunk))
    pieces = []
    for start in range(0, len(chunks), buffer):
        rows = (chunks[start : start + buffer, None] * chunk + np.arange(chunk)).ravel()
        pieces.append(rng.permutation(rows[rows < length]))
    return np.concatenate(pieces)


def batch_rows(rows: np.ndarray, size: int) -> list[np.ndarray]:
    """Rows cut into batches of ``size``, the last one shorter."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]


class ChunkCache:
    """Rows of a store by whole files, which are batches or shards, decoded by threads; the latest are kept."""

    def __init__(
        self,
        images: Images,
        min_chunks: int = 2,
        max_bytes: int = CACHE_BYTES,
        threads: int = DECODING_THREADS,
    ) -> None:
        """Cache as many chunks of ``images`` as ``max_bytes`` hold, but at least ``min_chunks``."""
        self._images = images
        self._chunk = images.images_per_file
        chunk_bytes = self._chunk * int(np.prod(images.shape[1:])) * images.dtype.itemsize
        self._max_chunks = max(max_bytes // chunk_bytes, min_chunks)
        self._chunks: OrderedDict[int, Future[np.ndarray]] = OrderedDict()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="pixels")

    def prefetch(self, rows: np.ndarray) -> None:
        """Start to decode the chunks of ``rows``."""
        for number in np.unique(rows // self._chunk):
            self._decoded(int(number))

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The images of ``rows``, (row, band, y, x), in that order."""
        self.prefetch(rows)
        numbers = rows // self._chunk
        images = np.empty((len(rows), *self._images.shape[1:]), self._images.dtype)
        for number in np.unique(numbers):
            in_chunk = numbers == number
            images[in_chunk] = self._decoded(int(number)).result()[rows[in_chunk] - number * self._chunk]
        return images

    def close(self) -> None:
        """Release threads and memory."""
        self._pool.shutdown(cancel_futures=True)
        self._chunks.clear()

    def _decoded(self, number: int) -> Future[np.ndarray]:
        with self._lock:
            if number not in self._chunks:
                self._chunks[number] = self._pool.submit(self._read, number)
            self._chunks.move_to_end(number)
            while len(self._chunks) > self._max_chunks:
                self._chunks.popitem(last=False)
            return self._chunks[number]

    def _read(self, number: int) -> np.ndarray:
        rows = np.arange(number * self._chunk, min((number + 1) * self._chunk, self._images.shape[0]))
        return self._images.read(rows)
