"""Batches of a training store for a network: ours against other loaders and against decompression alone.

    python -m benchmarks.batches [--json FILE] [--chart FILE] [--check] [--small]

Images of 64 and of 512 pixels, with the noise of a sensor, are read in batches of 16, all methods by turns. Seconds are
those of the processor, because loaders that work ahead in threads only hide them. Ours mixes 16 batches in the smallest
memory in which that can be done, so that nothing of an earlier epoch is kept: an epoch of a stream that has seen all
images, and the first of a new one, which compares every image with its digest. The last table trains a network and
tells the share of its time that it waits for batches. xbatcher and grain take part where they are installed (`pip
install xbatcher grain`); the project does not need them.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.rivals import batch_loaders
from benchmarks.rivals.batch_loaders import Epoch
from benchmarks.support.harness import alternate, command_line
from benchmarks.support.results import BenchmarkResult, Claim, Row, row
from mineral_pipeline.modelling.dataset import SAMPLE_COLUMNS, Subset
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store
from mineral_pipeline.workspace.digests import digest_array
from mineral_pipeline.workspace.zarr_store import ImageLayout

BATCH = 16
KEPT_BATCHES = 2 * 16 + 1
"""Batches in the smallest memory in which 16 are mixed: those in use, those ahead, and the one that is made."""
LATER, FIRST, CACHED = "ours, an epoch", "ours, the first epoch", "ours, all kept in memory"
DECOMPRESSION = "decompression alone (numcodecs)"
IN_MEMORY = "tf.data from memory"
OPTIONAL = ("xbatcher", "grain")
OF_DECOMPRESSION = {64: {LATER: 0.3, FIRST: 0.2}, 512: {LATER: 0.7, FIRST: 0.4}}
"""Claimed shares of the speed of decompression by the size of the images. A batch of 64 pixels is decompressed in some
hundred microseconds; what Python does for it, and its way from the thread that decodes to the one that learns, take
longer. Without threads the share would be a half, but a network would wait for all of it."""
OF_FASTEST = {64: 1.5, 512: 0.85}
"""Claimed ratio to the fastest that reads from a disk, which may be one that decompresses nothing."""
PACKAGES = ("keras", "numcodecs", "numpy", "tensorflow-cpu", "xarray", "zarr")
NOTES = (
    "seconds of the processor are medians of the runs; claims compare medians of the same turns",
    "all but decompression, xbatcher and grain give images in a random order; grain's batches hold always the same",
    "ours compares every image with a digest in its first epoch, and every file with its checksum in all",
)


@dataclass(frozen=True)
class Store:
    """A training store and its images."""

    subset: Subset
    path: str
    images: np.ndarray


def measure(small: bool) -> list[BenchmarkResult]:
    """Measure reading at both sizes, and the waiting of a network."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sizes = ((64, 64), (96, 64)) if small else ((64, 20_000), (512, 960))
    with tempfile.TemporaryDirectory() as folder:
        stores = [make_store(Path(folder, str(number)), *size) for number, size in enumerate(sizes)]
        return [*(reading(store, small) for store in stores), waiting(stores[-1], small)]


def make_store(folder: Path, size: int, count: int) -> Store:
    """Write images of one band: structures of 8 pixels, and noise."""
    rng = np.random.default_rng(size)
    coarse = rng.normal(0, 1, (256, 256)).repeat(8, 0).repeat(8, 1)
    ground = np.clip(90 + 12 * coarse + rng.normal(0, 5, coarse.shape), 1, 255).astype("uint8")
    corners = rng.integers(0, len(ground) - size, (count, 2))
    images = np.stack([ground[y : y + size, x : x + size] for y, x in corners])[:, None]
    workspace, name = Workspace(str(folder)), artefacts.samples_store("presence", "train")
    zarr_store.create_samples(workspace, name, ImageLayout(("B7",), size, BATCH), {"label": np.zeros(count)})
    for number in range(-(-count // BATCH)):
        zarr_store.write_batch(workspace, name, number, images[number * BATCH : (number + 1) * BATCH])
    stored = zarr_store.open_images(workspace, name, dict(enumerate(digest_array(image) for image in images)))
    table = pd.DataFrame({column: ["0"] * count for column in SAMPLE_COLUMNS})
    label = (np.arange(count) % 2).astype("float32")
    subset = Subset(stored, table, label, np.ones(count, "float32"), np.arange(count))
    return Store(subset, workspace.path(name), images)


def reading(store: Store, small: bool) -> BenchmarkResult:
    """Read an epoch by every method, by turns."""
    shape, count = store.images.shape[1:], len(store.images)
    with tempfile.TemporaryDirectory() as folder:
        epochs = {**our_epochs(store), **their_epochs(store, Path(folder))}
        for epoch in epochs.values():
            _read(epoch)  # fills what is kept, and traces graphs
        runs = 1 if small else 7
        methods = {name: (lambda epoch=epoch: _read(epoch), runs) for name, epoch in epochs.items()}
        seconds, found = alternate(methods, clock=time.process_time)
    rows = [row(name, times, images_per_second=f"{count / np.median(times):,.0f}") for name, times in seconds.items()]
    absent = tuple(f"{name} is not installed" for name in OPTIONAL if not batch_loaders.is_installed(name))
    whole = sum(number == count for number in found.values())
    claims = [Claim(f"{shape[-1]} pixels: methods that read every image", whole, len(epochs))]
    if not small:
        rivals = [name for name in seconds if name not in (LATER, FIRST, CACHED, DECOMPRESSION, IN_MEMORY)]
        fastest = np.min([seconds[name] for name in rivals], axis=0)
        for ours, minimum in OF_DECOMPRESSION[shape[-1]].items():
            share = float(np.median(np.divide(seconds[DECOMPRESSION], seconds[ours])))
            claims.append(Claim(f"{shape[-1]} pixels: {ours}, share of the speed of decompression", share, minimum))
        speed = float(np.median(fastest / np.array(seconds[LATER])))
        claims.append(
            Claim(
                f"{shape[-1]} pixels: an epoch, times the speed of the fastest that reads", speed, OF_FASTEST[shape[-1]]
            )
        )
        speed = float(np.median(np.divide(seconds[IN_MEMORY], seconds[CACHED])))
        claims.append(Claim(f"{shape[-1]} pixels: all kept, times the speed of tf.data from memory", speed, 1))
    return BenchmarkResult(
        f"batches of {BATCH} of {count:,} images of {shape[-1]} pixels", rows, claims, (*NOTES, *absent)
    )


def our_epochs(store: Store) -> dict[str, Epoch]:
    """Ours: first that of a stream that has seen all images."""
    from mineral_pipeline.modelling.batch_sequence import BatchSequence

    memory = KEPT_BATCHES * BATCH * store.images[0].nbytes
    later, cached = BatchSequence(store.subset, 0, max_bytes=memory), BatchSequence(store.subset, 0)

    def of(sequence: Any) -> Iterator[np.ndarray]:
        sequence.on_epoch_begin()
        return (sequence[number][0] for number in range(len(sequence)))

    def first() -> Iterator[np.ndarray]:
        sequence = BatchSequence(store.subset, 0, max_bytes=memory)
        yield from of(sequence)
        sequence.close()

    return {LATER: lambda: of(later), FIRST: first, CACHED: lambda: of(cached)}


def their_epochs(store: Store, folder: Path) -> dict[str, Epoch]:
    """The others, of which those that are not installed are left out."""
    images, shape = store.images, store.images.shape[1:]
    files = {kind: folder / f"images-{kind}.tfrecord" for kind in ("", "GZIP")}
    for compression, file in files.items():
        batch_loaders.write_tf_records(images, file, compression)
    epochs = {
        DECOMPRESSION: batch_loaders.decompression(store.path, shape, BATCH),
        IN_MEMORY: batch_loaders.tf_memory(images, BATCH),
        "tf.data from TFRecord": batch_loaders.tf_records(files[""], shape, BATCH, ""),
        "tf.data from TFRecord, gzip": batch_loaders.tf_records(files["GZIP"], shape, BATCH, "GZIP"),
        "Zarr, image by image": batch_loaders.zarr_by_image(store.path, BATCH),
    }
    loaders = {"xbatcher": batch_loaders.xbatcher_batches, "grain": batch_loaders.grain_chunks}
    for name in filter(batch_loaders.is_installed, OPTIONAL):
        epochs[name] = loaders[name](store.path, BATCH)
    return epochs


def waiting(store: Store, small: bool) -> BenchmarkResult:
    """Train the study's smallest kind of network for an epoch, and measure how long it waits for batches."""
    from mineral_pipeline.modelling.backend import keras
    from mineral_pipeline.modelling.batch_sequence import BatchSequence

    layers = keras.layers
    model = keras.Sequential([
        keras.Input(store.images.shape[1:]), layers.Permute((2, 3, 1)), layers.Rescaling(1 / 255),
        layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(32, 3, activation="relu"),
        layers.GlobalAveragePooling2D(), layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip
    model.compile("adam", "binary_crossentropy")
    sequence = BatchSequence(store.subset, 0, max_bytes=KEPT_BATCHES * BATCH * store.images[0].nbytes)
    sequence.on_epoch_begin()
    model.train_on_batch(*sequence[0])
    waited, steps = [], []
    for number in range(len(sequence) if not small else 3):
        started = time.perf_counter()
        batch = sequence[number]
        waited.append(time.perf_counter() - started)
        model.train_on_batch(*batch)
        steps.append(time.perf_counter() - started)
    sequence.close()
    share = sum(waited) / sum(steps)
    rows: list[Row] = [row("a step", steps), row("of it waiting for the batch", waited, share=1.0)]
    claims = [] if small else [Claim("share of the time in which the network does not wait", 1 - share, 0.95)]
    return BenchmarkResult(f"a network on {store.images.shape[-1]} pixels: waits {share:.1%}", rows, claims)


def _read(epoch: Epoch) -> int:
    """Read an epoch, and count its images."""
    return sum(len(batch) if np.ndim(batch) > 1 else BATCH for batch in epoch())


if __name__ == "__main__":
    sys.exit(command_line("batches", measure, PACKAGES))
