"""Copying chips from an object store into samples in a random order, though each shard is read only once.

A batch holds chips of as many shards as it has samples: read one by one, each would cost two requests. So the copy is
made in two steps. A first task reads a group of shards, each in one request (the last has fewer chips, and Zarr asks
for its index first), and writes the wanted chips side by side, in the order in which they will be asked for. A second
one makes a bundle of batches: of every group it reads one range. Both hold `MAX_BYTES` of pixels. On a disk, where
chips are read where they lie, that would only be a further copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store
from mineral_pipeline.workspace.digests import digest_array
from mineral_pipeline.workspace.workspace import THREADS

MAX_BYTES = 128e6
"""Pixels of the shards of a group, and of the batches of a bundle, as far as one of either is not larger."""

WantedChip = tuple[int, str]
"""A chip that a batch holds: its ``chip_index`` and ``image_sha256``."""


@dataclass(frozen=True)
class Batch:
    """One batch of a training store."""

    store: str
    """Name of the store."""
    number: int
    """Number of the batch in it."""
    chips: Sequence[WantedChip]
    """Its chips, in their order."""


@dataclass(frozen=True)
class Bundle:
    """Batches that one task makes, and where it finds their chips."""

    batches: Sequence[Batch]
    """The batches."""
    ranges: Sequence[tuple[int, int, int]]
    """Of every group that holds some of their chips: its number, and the first and last of its images, exclusive."""
    positions: Sequence[int]
    """Position of every image of the ranges, one after the other, among the chips of the batches."""


@dataclass(frozen=True)
class CopyPlan:
    """Who reads which shards, and who writes which batches."""

    groups: Sequence[Sequence[WantedChip]]
    """Chips of every group of shards, in the order in which they are written side by side."""
    bundles: Sequence[Bundle]
    """The bundles of batches."""


def plan_copy(batches: Sequence[Batch], image_bytes: int, images_per_shard: int) -> CopyPlan:
    """Deal shards into groups and batches into bundles.

    Args:
        batches: all batches to make.
        image_bytes: bytes of one image.
        images_per_shard: images of one shard of ``chips.zarr``.
    """
    per_group = max(int(MAX_BYTES // (image_bytes * images_per_shard)), 1) * images_per_shard
    bundle, held = list[int](), 0.0
    for batch in batches:
        held += len(batch.chips) * image_bytes
        is_full = bool(bundle) and held > MAX_BYTES
        bundle.append(bundle[-1] + is_full if bundle else 0)
        held = len(batch.chips) * image_bytes if is_full else held
    chips = [chip for batch in batches for chip in batch.chips]
    of_bundle = np.repeat(np.array(bundle, np.int64), [len(batch.chips) for batch in batches])
    group_number, of_group = np.unique([index // per_group for index, _ in chips], return_inverse=True)
    order = np.lexsort((of_bundle, of_group))  # stable: within a bundle as its batches have them
    groups = [[chips[one] for one in order[of_group[order] == number]] for number in range(len(group_number))]
    place = np.empty(len(chips), np.int64)  # of every chip in its group
    place[order] = np.arange(len(chips)) - np.searchsorted(of_group[order], of_group[order])
    bundles = []
    for number in range(max(bundle, default=-1) + 1):
        rows = order[of_bundle[order] == number]
        found, start, count = np.unique(of_group[rows], return_index=True, return_counts=True)
        ranges = [
            (int(group), int(place[rows[first]]), int(place[rows[first]]) + int(images))
            for group, first, images in zip(found, start, count, strict=True)
        ]
        of_batches = [batch for batch, one in zip(batches, bundle, strict=True) if one == number]
        bundles.append(Bundle(of_batches, ranges, (rows - np.flatnonzero(of_bundle == number)[0]).tolist()))
    return CopyPlan(groups, bundles)


def gather(workspace: Workspace, group: int, chips: Sequence[WantedChip]) -> int:
    """Write the chips of a group of shards side by side; each shard is one request.

    Returns:
        Their number.

    Raises:
        WorkspaceError: a chip is not what was acquired.
    """
    images = zarr_store.open_images(workspace, artefacts.CHIPS, dict(chips))
    indices = np.array([index for index, _ in chips])
    gathered = np.empty((len(chips), *images.shape[1:]), images.dtype)
    shards = indices // images.images_per_file
    for shard in np.unique(shards).tolist():
        rows, found = images.read_file(shard)
        wanted = np.flatnonzero(shards == shard)
        gathered[wanted] = found[np.searchsorted(rows, indices[wanted])]
    workspace.write_bytes(artefacts.gathered(group), gathered.tobytes())
    return len(chips)


def write_bundle(workspace: Workspace, bundle: Bundle) -> int:
    """Make batches from what `gather` has written.

    Returns:
        Number of samples written.

    Raises:
        WorkspaceError: a chip is not what was acquired.
    """
    layout = zarr_store.open_array(workspace)
    size = layout.dtype.itemsize * int(np.prod(layout.shape[1:]))
    chips = [chip for batch in bundle.batches for chip in batch.chips]
    images = np.empty((len(chips), *layout.shape[1:]), layout.dtype)
    starts = np.cumsum([0, *(stop - start for _, start, stop in bundle.ranges)])

    def read(number: int) -> None:
        group, start, stop = bundle.ranges[number]
        content = workspace.read_range(artefacts.gathered(group), start * size, stop * size)
        rows = bundle.positions[starts[number] : starts[number + 1]]
        images[rows] = np.frombuffer(content, layout.dtype).reshape(len(rows), *images.shape[1:])

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(read, range(len(bundle.ranges))))
    for (index, digest), image in zip(chips, images, strict=True):
        if digest_array(image) != digest:
            raise WorkspaceError(f"chip {index} was gathered otherwise than it was acquired: run curate again")
    start = 0
    for batch in bundle.batches:
        zarr_store.write_batch(workspace, batch.store, batch.number, images[start : start + len(batch.chips)])
        start += len(batch.chips)
    return len(chips)
