"""Batches of a side for Keras, on any backend."""

from __future__ import annotations

import numpy as np

from mineral_pipeline.modelling.backend import keras
from mineral_pipeline.modelling.dataset import SHUFFLED_CHUNKS, ChunkCache, Subset, batches, shuffled

AHEAD = 4
"""Batches whose chunks are being decoded while one is in use."""


class BatchSequence(keras.utils.PyDataset):  # type: ignore[misc]  # Keras is untyped
    """The samples of a side in batches of one chunk each: (images, labels, weights).

    Images stay in the sensor's integers until they are on the device. Reading ahead is done by threads of `Pixels`,
    never by processes: zarr does not survive a fork.
    """

    def __init__(self, side: Subset, seed: int | None = None) -> None:
        """Stream ``subset`` in a new random order each epoch, or in its own order when ``seed`` is None."""
        super().__init__(workers=1, use_multiprocessing=False)
        self._side, self._seed = side, seed
        self._size = side.images.chunks[0]
        # two buffers: the one in use, and the one read ahead
        self._pixels = ChunkCache(side.images, least=2 * SHUFFLED_CHUNKS)
        self._epoch = -1
        self._batches = batches(np.arange(len(side)), self._size)

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self._batches)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One batch: (n, band, y, x), (n, 1), (n,)."""
        for later in self._batches[number + 1 : number + 1 + AHEAD]:
            self._pixels.prefetch(later)
        rows = self._batches[number]
        return self._pixels.take(rows), self._side.label[rows, None], self._side.weight[rows]

    def on_epoch_begin(self) -> None:
        """Draw the order of the next epoch."""
        self._epoch += 1
        if self._seed is not None:
            rng = np.random.default_rng((self._seed, self._epoch))
            self._batches = batches(shuffled(len(self._side), self._size, rng), self._size)

    def close(self) -> None:
        """Let go of threads and memory."""
        self._pixels.close()
