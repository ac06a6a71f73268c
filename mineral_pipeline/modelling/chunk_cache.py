"""Reading images in whole chunks, ahead of their use, and orders of samples that suit such reading."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np

from mineral_pipeline.workspace.images import Images

SHUFFLED_CHUNKS = 16
"""Chunks whose samples are mixed with each other, at most."""

NEIGHBOURHOOD = 8
"""Samples of a neighbourhood, near each other, which are learnt together."""

CACHE_BYTES = 512 * 2**20
"""Memory of decoded chunks where no setting says otherwise: a subset smaller than this is decoded once."""

DECODING_THREADS = 4
"""Threads that decode; decompression does not hold the interpreter lock."""

TASK_BYTES = 2**20
"""Decoded bytes of a task of a thread, where chunks are small: to hand over one of 64 kB, 16 images of 64 pixels, takes
half as long as to decode it."""

ALIGNMENT = 64
"""Bytes to a multiple of which chunks and batches begin. Numpy aligns to 16, and copies between places that differ by
16 take seven times as long on some processors (measured on an AMD EPYC: 105 us and 15 us for 512 x 512 pixels)."""


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
    return np.concatenate(list(_buffers(length, chunk, rng, buffer)))


def neighbourhood_rows(vectors: np.ndarray, chunk: int, rng: np.random.Generator, buffer: int) -> np.ndarray:
    """A random order of samples by neighbourhoods, as `shuffle_rows` needing few chunks at a time.

    Chunks are permuted, the samples of a buffer are divided into neighbourhoods of `NEIGHBOURHOOD` samples, and these
    are permuted. A batch of several neighbourhoods, each of another region, holds near pairs and is as a whole much
    like other batches, which the normalisation over a batch asks for.

    Args:
        vectors: (sample, 3) positions on the unit sphere.
        chunk: samples in a chunk.
        rng: source of the permutations and neighbourhoods.
        buffer: chunks whose samples are divided together.

    Returns:
        (sample,) int64.
    """
    found = list[np.ndarray]()
    for rows in _buffers(len(vectors), chunk, rng, buffer):
        neighbourhoods = _bisect(rows, vectors, rng)
        # the last one may be smaller, and comes last, so that it does not shift where batches begin in the others
        found += [neighbourhoods[number] for number in rng.permutation(len(neighbourhoods) - 1)] + neighbourhoods[-1:]
    return np.concatenate(found)


def _buffers(length: int, chunk: int, rng: np.random.Generator, buffer: int) -> Iterator[np.ndarray]:
    """All samples, as many chunks at a time as a buffer has; chunks, and the samples of a buffer, are permuted."""
    chunks = rng.permutation(-(-length // chunk))
    for start in range(0, len(chunks), buffer):
        rows = (chunks[start : start + buffer, None] * chunk + np.arange(chunk)).ravel()
        yield rng.permutation(rows[rows < length])


def _bisect(rows: np.ndarray, vectors: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Rows by neighbourhood, all of `NEIGHBOURHOOD` samples but the last: halved across random directions."""
    count = -(-len(rows) // NEIGHBOURHOOD)
    if count <= 1:
        return [rows]
    rows = rows[np.argsort(vectors[rows] @ rng.normal(size=3), kind="stable")]
    middle = count // 2 * NEIGHBOURHOOD
    return _bisect(rows[:middle], vectors, rng) + _bisect(rows[middle:], vectors, rng)


def batch_rows(rows: np.ndarray, size: int) -> list[np.ndarray]:
    """Rows cut into batches of ``size``, the last one shorter."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]


Decoded = Future[dict[int, np.ndarray]]
"""A task that decodes a few chunks: the images of each, by its number."""


class ChunkCache:
    """Rows of a store by whole files, which are batches or shards, decoded by threads; the latest are kept.

    The memory of a chunk that makes room is used for the next: the system clears new memory page by page.

    Images are compared with their digests when a chunk is decoded first. When it is decoded again, in a later epoch,
    the checksum of its file says that it is the same.
    """

    def __init__(self, images: Images, max_bytes: int = CACHE_BYTES, threads: int = DECODING_THREADS) -> None:
        """Keep as many chunks of ``images`` as ``max_bytes`` hold, but at least one."""
        self._images = images
        self._chunk = images.images_per_file
        self.max_chunks = max(max_bytes // chunk_bytes(images), 1)
        self._per_task = max(min(TASK_BYTES // chunk_bytes(images), self.max_chunks // 2), 1)
        self._chunks: OrderedDict[int, Decoded] = OrderedDict()
        self._ahead: set[int] = set()
        self._checksums: dict[int, bytes] = {}
        self._in_use: list[dict[int, Decoded]] = []
        self._spare: list[np.ndarray] = []
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="pixels")

    @property
    def shuffled(self) -> int:
        """Chunks whose samples are mixed: half of what the memory holds, while the others are read ahead."""
        return min(max(self.max_chunks // 2, 1), SHUFFLED_CHUNKS)

    @property
    def divided(self) -> int:
        """Chunks whose samples are divided into neighbourhoods: all where the memory holds them, else half of that."""
        count = -(-self._images.shape[0] // self._chunk)
        return count if count <= self.max_chunks else max(self.max_chunks // 2, 1)

    def prefetch(self, rows: np.ndarray) -> bool:
        """Start to decode the chunks of ``rows``, as many as there is room for beside those that wait to be used.

        Returns:
            Whether there was room for all of them.
        """
        with self._lock:
            missing = self._renew(self._numbers(rows))
            fitting = missing[: max(self.max_chunks - 1 - len(self._ahead), 0)]
            self._ahead.update(fitting)
            for together in self._tasks(fitting):
                self._decode(together)
        return fitting == missing

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The images of ``rows``, (row, band, y, x), in that order."""
        images = empty_aligned((len(rows), *self._images.shape[1:]), self._images.dtype)
        numbers, places = np.divmod(rows, self._chunk)
        with self._using(rows) as chunks:
            results = {task: task.result() for task in set(chunks.values())}
            decoded = {number: results[task][number] for number, task in chunks.items()}
            for image, number, place in zip(images, numbers.tolist(), places.tolist(), strict=True):
                image[...] = decoded[number][place]
        return images

    def close(self) -> None:
        """Release threads and memory."""
        self._pool.shutdown(cancel_futures=True)
        for kept in (self._chunks, self._ahead, self._spare):
            kept.clear()

    @contextmanager
    def _using(self, rows: np.ndarray) -> Iterator[dict[int, Decoded]]:
        """A block in which no memory of the chunks of ``rows`` is used for others."""
        chunks: dict[int, Decoded] = {}
        with self._lock:
            self._in_use.append(chunks)
            numbers = self._numbers(rows)
            missing = self._renew(numbers)
            chunks |= {number: self._chunks[number] for number in numbers if number in self._chunks}
            for together in self._tasks(missing):
                chunks |= self._decode(together)
            self._ahead.difference_update(numbers)
        try:
            yield chunks
        finally:
            with self._lock:
                self._in_use = [one for one in self._in_use if one is not chunks]

    def _numbers(self, rows: np.ndarray) -> list[int]:
        return sorted(set((rows // self._chunk).tolist()))  # np.unique takes ten times as long for so few

    def _renew(self, numbers: list[int]) -> list[int]:
        """Make those chunks that are there the latest; return the others. Under the lock."""
        missing = list[int]()
        for number in numbers:
            if number in self._chunks:
                self._chunks.move_to_end(number)
            else:
                missing.append(number)
        return missing

    def _tasks(self, numbers: list[int]) -> list[list[int]]:
        """The chunks of each of the tasks that decode ``numbers``."""
        return [numbers[start : start + self._per_task] for start in range(0, len(numbers), self._per_task)]

    def _decode(self, numbers: list[int]) -> dict[int, Decoded]:
        """Start a task that decodes chunks which are not there. Under the lock."""
        self._make_room(len(numbers))
        started = dict.fromkeys(numbers, self._pool.submit(self._read_all, numbers))
        self._chunks |= started
        return started

    def _make_room(self, count: int) -> None:
        """Forget as many of the oldest chunks as stand in the way of others, but none that waits to be used."""
        surplus = max(len(self._chunks) + count - self.max_chunks, 0)
        for oldest in [one for one in self._chunks if one not in self._ahead][:surplus]:
            self._release(oldest, self._chunks.pop(oldest))

    def _release(self, number: int, task: Decoded) -> None:
        """Use the memory of a chunk again, unless somebody copies from it or a thread still writes into it."""
        is_in_use = any(chunks.get(number) is task for chunks in self._in_use)
        if not is_in_use and task.done() and not task.cancelled() and not task.exception():
            self._spare.append(task.result().pop(number))

    def _read_all(self, numbers: list[int]) -> dict[int, np.ndarray]:
        return {number: self._read(number) for number in numbers}

    def _read(self, number: int) -> np.ndarray:
        """The images of a file, in the first places of an array for as many as a file holds."""
        rows = np.arange(number * self._chunk, min((number + 1) * self._chunk, self._images.shape[0]))
        try:
            chunk = self._spare.pop()
        except IndexError:
            chunk = empty_aligned((self._chunk, *self._images.shape[1:]), self._images.dtype)
        images, checksum = chunk[: len(rows)], self._images.decode_file(number, chunk)
        if checksum is None:
            images[...] = self._images.read(rows)
        elif self._checksums.get(number) != checksum:
            if not self._images.are_whole(rows, images):
                images[...] = self._images.read(rows)  # which says what is wrong
            self._checksums[number] = checksum
        return chunk


def empty_aligned(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> np.ndarray:
    """An array of any content that begins at a multiple of `ALIGNMENT` bytes."""
    size = int(np.prod(shape)) * dtype.itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def chunk_bytes(images: Images) -> int:
    """Memory of the decoded images of a file."""
    return images.images_per_file * int(np.prod(images.shape[1:])) * images.dtype.itemsize
