"""The sides of a task's samples, and reading their pixels in whole chunks ahead of whoever wants them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import zarr

from mineral_pipeline.errors import DataError
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store

SubsetName = Literal["train", "validation", "test"]

SHUFFLED_CHUNKS = 16
"""Chunks whose samples are mixed with each other."""

KEPT_BYTES = 512 * 2**20
"""Decoded chunks kept in memory: a side smaller than this is decoded once."""

THREADS = 4
"""Chunks decoded at once; zarr decompresses without holding the interpreter."""


@dataclass(frozen=True)
class Subset:
    """One side of a task's samples: everything but the pixels in memory."""

    images: zarr.Array[Any]
    """(sample, band, y, x), on disk."""
    label: np.ndarray
    """(sample,) float32 in 0..1."""
    weight: np.ndarray
    """(sample,) float32 with mean 1."""
    location_id: np.ndarray
    """(sample,) location bucket, such as ``092084``."""
    chip: np.ndarray
    """(sample,) index in ``chips.zarr``."""

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.label)


def open_subset(workspace: Workspace, task: str, side: SubsetName) -> Subset:
    """Open one side of a task's samples.

    Raises:
        WorkspaceError: the task is not curated.
        DataError: the side is empty, or a label lies outside 0..1.
    """
    name = artefacts.samples(task, side)
    table = zarr_store.open_dataset(workspace, name)
    label, weight = (table[key].to_numpy().astype("float32") for key in ("label", "weight"))
    if not len(label):
        raise DataError(f"{workspace.uri(name)} holds no samples: give curate more places")
    if not ((label >= 0) & (label <= 1)).all() or not weight.sum() > 0:
        raise DataError(f"{workspace.uri(name)}: labels must lie in 0..1 and weights be positive: run curate again")
    bucket, chip = table["location_id"].to_numpy().astype(object), table["chip"].to_numpy()
    return Subset(zarr_store.open_images(workspace, name), label, weight / weight.mean(), bucket, chip)


def permute_labels(side: Subset, seed: int) -> Subset:
    """The side with the labels of whole places exchanged.

    The chips of a place show the same ground: exchanged one by one they would contradict each other, and a network
    would be worse off than with labels that only say nothing.
    """
    places, place = np.unique(side.location_id, return_inverse=True)
    chips = [np.flatnonzero(place == number) for number in range(len(places))]
    label = np.empty_like(side.label)
    for receiver, giver in zip(chips, np.random.default_rng(seed).permutation(len(places)), strict=True):
        label[receiver] = np.resize(side.label[chips[giver]], len(receiver))
    return replace(side, label=label)


def shuffled(length: int, chunk: int, rng: np.random.Generator, buffer: int = SHUFFLED_CHUNKS) -> np.ndarray:
    """A random order of samples that needs few chunks at a time: chunks are permuted, then samples within a buffer.

    Args:
        length: number of samples.
        chunk: samples in a chunk.
        rng: decides.
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


class ChunkCache:
    """Rows of an image array, by whole chunks (shards, where there are): decoded by threads, the latest kept."""

    def __init__(
        self, images: zarr.Array[Any], least: int = 2, kept_bytes: int = KEPT_BYTES, threads: int = THREADS
    ) -> None:
        """Read ``images``; keep ``least`` chunks at least, and as many as ``kept_bytes`` hold."""
        self._images = images
        self._chunk = (images.shards or images.chunks)[0]
        chunk_bytes = self._chunk * int(np.prod(images.shape[1:])) * images.dtype.itemsize
        self._kept = max(kept_bytes // chunk_bytes, least)
        self._chunks: OrderedDict[int, Future[np.ndarray]] = OrderedDict()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="pixels")

    def prefetch(self, rows: np.ndarray) -> None:
        """Start to decode what ``rows`` need."""
        for number in np.unique(rows // self._chunk):
            self._decoded(int(number))

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The images of ``rows``, (row, band, y, x), in that order."""
        self.prefetch(rows)
        numbers = rows // self._chunk
        images = np.empty((len(rows), *self._images.shape[1:]), self._images.dtype)
        for number in np.unique(numbers):
            wanted = numbers == number
            images[wanted] = self._decoded(int(number)).result()[rows[wanted] - number * self._chunk]
        return images

    def close(self) -> None:
        """Let go of threads and memory."""
        self._pool.shutdown(cancel_futures=True)
        self._chunks.clear()

    def _decoded(self, number: int) -> Future[np.ndarray]:
        with self._lock:
            if number not in self._chunks:
                self._chunks[number] = self._pool.submit(self._read, number)
            self._chunks.move_to_end(number)
            while len(self._chunks) > self._kept:
                self._chunks.popitem(last=False)
            return self._chunks[number]

    def _read(self, number: int) -> np.ndarray:
        return np.asarray(self._images[number * self._chunk : (number + 1) * self._chunk])


def batches(rows: Sequence[int] | np.ndarray, size: int) -> list[np.ndarray]:
    """Rows cut into batches, the last one shorter."""
    whole = np.asarray(rows, dtype=np.int64)
    return [whole[start : start + size] for start in range(0, len(whole), size)]
