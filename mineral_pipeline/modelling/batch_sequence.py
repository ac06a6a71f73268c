"""Batches of a subset for Keras, on any backend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from mineral_pipeline.errors import DataError
from mineral_pipeline.geometry import unit_vectors
from mineral_pipeline.modelling.backend import keras
from mineral_pipeline.modelling.chunk_cache import (
    CACHE_BYTES,
    ChunkCache,
    batch_rows,
    chunk_bytes,
    empty_aligned,
    neighbourhood_rows,
    shuffle_rows,
)
from mineral_pipeline.modelling.dataset import Subset

PREFETCHED_BATCHES = 4
"""Batches whose chunks are decoded while one is in use."""


def reorient(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Square images (n, band, y, x), each in one of the eight orientations of a square, all equally likely."""
    turned = empty_aligned(images.shape, images.dtype)
    for image, orientation, target in zip(images, rng.integers(8, size=len(images)), turned, strict=True):
        turns, mirrored = divmod(int(orientation), 2)
        target[:] = np.rot90(image[..., ::-1] if mirrored else image, turns, axes=(-2, -1))
    return turned


class StreamedBatches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras is untyped
    """Batches that are made of images of a store while a network learns.

    Images stay in the sensor's integers until they are on the device. `ChunkCache` reads ahead in threads, never in
    processes: zarr does not survive a fork.
    """

    def __init__(self, cache: ChunkCache, batches: Sequence[np.ndarray], first_epoch: int) -> None:
        """Read the rows of ``batches`` from ``cache``; training goes on with the epoch ``first_epoch``."""
        super().__init__(workers=1, use_multiprocessing=False)
        self._cache, self._batches = cache, batches
        self._epoch = first_epoch - 1
        self._ahead = 0
        self._error: Exception | None = None

    def make(self, number: int, images: np.ndarray, epoch: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The batch of a number in an epoch, from its images (n, band, y, x)."""
        raise NotImplementedError

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self._batches)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One batch."""
        self._read_ahead(number)
        try:
            # Keras looks at a batch before the first epoch begins
            return self.make(number, self._cache.take(self._batches[number]), max(self._epoch, 0))
        except Exception as error:
            self._error = error
            raise

    def _read_ahead(self, number: int) -> None:
        """Prefetch the batches after that of a number, where it was not done for the batch before."""
        end = number + 1 + PREFETCHED_BATCHES
        if not number < self._ahead <= end:
            self._ahead = number + 1
        for rows in self._batches[self._ahead : end]:
            if not self._cache.prefetch(rows):
                break
            self._ahead += 1

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A block in which Keras reads batches, and after which threads and memory are released.

        An error of reading ends it as it is: TensorFlow buries it in one of its own, with a graph.
        """
        try:
            yield
        except Exception:
            if self._error is not None:
                raise self._error from None
            raise
        finally:
            self.close()

    def close(self) -> None:
        """Release threads and memory."""
        self._cache.close()


class BatchSequence(StreamedBatches):
    """The samples of a subset in batches of one chunk each: images, labels (n, 1) and weights (n,).

    In an order by neighbourhoods the labels are (n, 4): the label, and the position as a unit vector.
    """

    def __init__(
        self,
        subset: Subset,
        seed: int | None = None,
        first_epoch: int = 0,
        *,
        augmentation: bool = False,
        neighbourhoods: bool = False,
        max_bytes: int = CACHE_BYTES,
    ) -> None:
        """Read ``subset`` in a new random order in each epoch, or in its own order when ``seed`` is None.

        An order, and with ``augmentation`` the orientation of each image, follows from the seed and the number of its
        epoch, which is ``first_epoch`` where a training goes on. Decoded chunks and the batch that is made of them take
        at most ``max_bytes``: two buffers of chunks, one in use and one read ahead, are as large as the memory allows,
        up to `SHUFFLED_CHUNKS`. With ``neighbourhoods`` an order is that of `neighbourhood_rows`, among as many chunks
        as the memory allows.

        Raises:
            DataError: a batch does not fit in ``max_bytes`` twice.
        """
        self._subset, self._seed, self._augmentation = subset, seed, augmentation
        self._size = subset.images.images_per_file
        self._vectors = unit_vectors(subset.table[["lon", "lat"]].to_numpy()) if neighbourhoods else None
        batch_bytes = chunk_bytes(subset.images)
        if 2 * batch_bytes > max_bytes:
            raise DataError(
                f"{subset.images.workspace.uri(subset.images.name)} has batches of {batch_bytes / 2**20:.0f} MB, which"
                f" do not fit twice in train.memory_mb, {max_bytes // 2**20}: raise it, or lower curate.batch_size"
            )
        cache = ChunkCache(subset.images, max_bytes - batch_bytes)
        super().__init__(cache, batch_rows(np.arange(len(subset)), self._size), first_epoch)

    def make(self, number: int, images: np.ndarray, epoch: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One batch: (n, band, y, x), (n, 1) or (n, 4), (n,)."""
        rows = self._batches[number]
        if self._augmentation:
            images = reorient(images, np.random.default_rng((self._seed or 0, epoch, number)))
        label = self._subset.label[rows, None]
        if self._vectors is not None:
            label = np.concatenate([label, self._vectors[rows]], axis=1, dtype="float32")
        return images, label, self._subset.weight[rows]

    def first_images(self, batches: int) -> Iterator[np.ndarray]:
        """Images of the first batches of the store, which are the same in every epoch: (n, band, y, x) each."""
        pieces = batch_rows(np.arange(min(batches * self._size, len(self._subset))), self._size)
        self._cache.prefetch(np.concatenate(pieces))
        return (self._cache.take(rows) for rows in pieces)

    def on_epoch_begin(self) -> None:
        """Draw the order of the next epoch."""
        self._epoch += 1
        self._ahead = 0
        if self._seed is not None:
            rng = np.random.default_rng((self._seed, self._epoch))
            if self._vectors is None:
                rows = shuffle_rows(len(self._subset), self._size, rng, self._cache.shuffled)
            else:
                rows = neighbourhood_rows(self._vectors, self._size, rng, self._cache.divided)
            self._batches = batch_rows(rows, self._size)
