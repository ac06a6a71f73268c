"""Other ways to read batches of images, each as its users would write it: an epoch of (batch, band, y, x) each."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from numcodecs import blosc

Epoch = Callable[[], Iterator[Any]]

CHECKSUM_BYTES = 4


def decompression(store: str, shape: tuple[int, ...], batch: int) -> Epoch:
    """Decompress the files one after the other into one place: no checksum, no order, no batch that anyone may keep."""
    files = sorted(path for path in Path(store, "image", "c").rglob("*") if path.is_file())
    place = np.empty(batch * int(np.prod(shape)), "uint8")

    def epoch() -> Iterator[Any]:
        for file in files:
            blosc.decompress(np.frombuffer(file.read_bytes(), np.uint8)[:-CHECKSUM_BYTES], place)
            yield place

    return epoch


def zarr_by_image(store: str, batch: int) -> Epoch:
    """Read image by image in random order."""
    images = zarr.open_array(store, path="image", mode="r")

    def epoch() -> Iterator[Any]:
        order = np.random.default_rng(0).permutation(images.shape[0])
        for start in range(0, len(order), batch):
            yield np.stack([images[int(row)] for row in order[start : start + batch]])

    return epoch


def write_tf_records(images: np.ndarray, path: Path, compression: str) -> None:
    """Write one record per image."""
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression_type=compression)) as writer:
        for image in images:
            writer.write(image.tobytes())


def tf_records(path: Path, shape: tuple[int, ...], batch: int, compression: str) -> Epoch:
    """Read TFRecords through tf.data, shuffled in a buffer of as many images as ours mixes."""
    import tensorflow as tf

    def decode(record: Any) -> Any:
        return tf.reshape(tf.io.decode_raw(record, tf.uint8), shape)

    records = tf.data.TFRecordDataset(str(path), compression_type=compression)
    return _epoch_of(records.shuffle(16 * batch, seed=0).map(decode, tf.data.AUTOTUNE).batch(batch).prefetch(2))


def tf_memory(images: np.ndarray, batch: int) -> Epoch:
    """All images in memory as a tensor, shuffled by tf.data: what no set that is larger than memory can have."""
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices(images)
    return _epoch_of(dataset.shuffle(16 * batch, seed=0).batch(batch).prefetch(2))


def _epoch_of(dataset: Any) -> Epoch:
    return lambda: iter(dataset.as_numpy_iterator())


def xbatcher_batches(store: str, batch: int) -> Epoch:
    """Batches of the store in its order: xbatcher does not shuffle."""
    import xbatcher

    def epoch() -> Iterator[Any]:
        dataset = xr.open_zarr(store, chunks=None)[["image"]]
        sizes = {name: size for name, size in dataset.sizes.items() if name in dataset["image"].dims}
        for part in xbatcher.BatchGenerator(dataset, input_dims={**sizes, "sample": batch}):
            yield part["image"].to_numpy()

    return epoch


def grain_chunks(store: str, batch: int) -> Epoch:
    """Whole chunks in random order, read ahead by grain's threads: images of a batch are always the same."""
    import grain

    images = zarr.open_array(store, path="image", mode="r")
    chunks = -(-images.shape[0] // batch)

    def epoch() -> Iterator[Any]:
        numbers = grain.MapDataset.range(chunks).shuffle(seed=0)
        return iter(numbers.map(lambda one: images[one * batch : (one + 1) * batch]).to_iter_dataset())

    return epoch


def is_installed(package: str) -> bool:
    """Whether a package is there; the project does not need the rivals."""
    return importlib.util.find_spec(package) is not None
