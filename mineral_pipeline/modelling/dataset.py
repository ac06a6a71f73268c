"""The subsets of a sample set, and chips as models see them: facts in a table, pixels read in whole chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from mineral_pipeline.errors import DataError
from mineral_pipeline.learning import SubsetName
from mineral_pipeline.modelling.chunk_cache import ChunkCache, batch_rows, chunk_bytes
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store
from mineral_pipeline.workspace.identities import KEYS
from mineral_pipeline.workspace.images import Images

SAMPLE_COLUMNS = [*KEYS, "lon", "lat"]
"""Columns of the table of samples: the keys of a chip, and its centre in degrees."""

METADATA_COLUMNS = ["acquired", "cloud_cover", "tier", "level", "sensor", "visits"]
"""Columns of the catalogue that tell of a scene what its pixels do not."""

LIKE_SIZED = 3
"""Groups among which labels are exchanged, fewest."""

PIXELS_AT_ONCE = 2**21
"""Pixels of a band in a batch of `Samples.read_images`: networks make some hundred bytes of one, statistics 25."""


def images_at_once(shape: Sequence[int]) -> int:
    """Number of images (image, band, y, x) in a batch of `Samples.read_images`."""
    return max(PIXELS_AT_ONCE // (shape[2] * shape[3]), 1)


@dataclass(frozen=True)
class Samples:
    """Chips without their labels: all from which a model may predict."""

    images: Images
    """(chip, band, y, x), on disk."""
    rows: np.ndarray
    """(sample,) index of each sample along the first dimension of ``images``."""
    read_table: Callable[[], pd.DataFrame]
    """Reads ``table``; networks never call it."""

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.rows)

    @cached_property
    def table(self) -> pd.DataFrame:
        """`SAMPLE_COLUMNS`, one row per sample."""
        return self.read_table()

    @cached_property
    def metadata(self) -> pd.DataFrame:
        """`METADATA_COLUMNS` of each sample's scene, one row per sample; nan where the catalogue has no such column.

        Raises:
            DataError: the catalogue lacks a scene.
        """
        workspace, scenes = self.images.workspace, self.table["scene_id"]
        catalogue = workspace.read_table(artefacts.CATALOGUE).set_index("scene_id")
        if not scenes.isin(catalogue.index).all():
            raise DataError(f"{workspace.uri(artefacts.CATALOGUE)} lacks some of the samples' scenes: run curate again")
        return pd.DataFrame(catalogue).reindex(index=scenes, columns=METADATA_COLUMNS).reset_index(drop=True)

    def read_images(self) -> Iterator[np.ndarray]:
        """Batches of images, (n, band, y, x) in the sensor's integers, in the order of the samples.

        What is kept are the files of a batch, the one before and the next: in the order of the store each is decoded
        once.
        """
        images = self.images
        pieces = batch_rows(self.rows, images_at_once(images.shape))
        near = (np.concatenate(pieces[number : number + 3]) for number in range(len(pieces)))
        most = max((len(np.unique(rows // images.images_per_file)) for rows in near), default=1)
        cache = ChunkCache(images, most * chunk_bytes(images))
        try:
            for number, piece in enumerate(pieces):
                for next_piece in pieces[number + 1 : number + 2]:
                    cache.prefetch(next_piece)
                yield cache.take(piece)
        finally:
            cache.close()


@dataclass(frozen=True)
class Subset:
    """One subset of a sample set: everything but the pixels in memory."""

    images: Images
    """(sample, band, y, x), on disk."""
    table: pd.DataFrame
    """`SAMPLE_COLUMNS`, one row per sample."""
    label: np.ndarray
    """(sample,) float32 in 0..1."""
    weight: np.ndarray
    """(sample,) float32 with mean 1."""
    group: np.ndarray
    """(sample,) number of the group, such as the block, that the split kept together."""

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.label)

    @property
    def samples(self) -> Samples:
        """The samples without labels and weights."""
        return Samples(self.images, np.arange(len(self)), lambda: self.table)


def open_subset(workspace: Workspace, sample_set: str, subset: SubsetName) -> Subset:
    """Open one subset of a sample set: pixels of its store, all else of the table, as `Subset` has it.

    Raises:
        WorkspaceError: the set is not curated, or an artefact is damaged.
        DataError: the subset is empty, a label lies outside 0..1, or store and table are of different runs of curate.
    """
    name, columns = (
        artefacts.samples_table(sample_set),
        ["sample", "subset", "label", "weight", "group", "image_sha256"],
    )
    table = workspace.read_table(name, [*columns, *SAMPLE_COLUMNS])
    table = table[table["subset"] == subset].sort_values("sample", ignore_index=True)
    label, weight = (table[key].to_numpy("float32") for key in ("label", "weight"))
    if not len(label):
        raise DataError(f"{workspace.uri(name)} holds no samples of {subset}: give curate more locations")
    if not ((label >= 0) & (label <= 1)).all() or not weight.sum() > 0:
        raise DataError(f"{workspace.uri(name)}: labels must lie in 0..1 and weights be positive: run curate again")
    store = artefacts.samples_store(sample_set, subset)
    images = zarr_store.open_images(workspace, store, dict(enumerate(table["image_sha256"])))
    if len(table) != images.shape[0]:
        raise DataError(f"{workspace.uri(name)} is not of the same run as {store}: run curate again")
    return Subset(images, table[SAMPLE_COLUMNS], label, weight / weight.mean(), table["group"].to_numpy())


def open_chips(workspace: Workspace, chip_index: Sequence[int] | np.ndarray) -> Samples:
    """Labelled chips of ``chips.zarr`` as samples.

    Args:
        workspace: the workspace.
        chip_index: (n,) indices along the chip dimension.

    Raises:
        WorkspaceError: there are no chips, or their store or ledger is damaged.
    """
    rows = np.asarray(chip_index, dtype=np.int64)

    def read_table() -> pd.DataFrame:
        labels: pd.DataFrame = workspace.read_table(artefacts.LABELS, ["chip_index", *SAMPLE_COLUMNS]).set_index(
            "chip_index"
        )
        if not np.isin(rows, labels.index).all():
            raise DataError(f"{workspace.uri(artefacts.LABELS)} lacks some of the chips: run label again")
        return labels.loc[rows].reset_index(drop=True)

    return Samples(zarr_store.open_chips(workspace, rows), rows, read_table)


def permute_labels(subset: Subset, seed: int) -> Subset:
    """The subset with the labels of whole groups exchanged, each with another of like size.

    Neighbours have like labels: exchanged one by one, labels would have no structure in space, and chips of a location,
    which show the same ground, would contradict each other; a network would find them harder to learn than labels that
    only hold no information. The locations of a group keep their order, path by path, and are stretched or thinned when
    the other group has fewer or more. Of a single group the locations are exchanged, in which case only the structure
    within a location is kept. Classes weigh afterwards what they weighed before.
    """
    locations, location = np.unique(subset.table["location_id"].to_numpy(), return_inverse=True)
    group = np.zeros(len(locations), dtype=np.int64)
    group[location] = np.unique(subset.group, return_inverse=True)[1]
    members = [np.flatnonzero(group == number) for number in range(group.max() + 1)]
    if len(members) == 1:
        members = list(np.arange(len(locations))[:, None])
    chips = np.split(np.argsort(location, kind="stable"), np.cumsum(np.bincount(location))[:-1])
    label = subset.label.copy()
    for receiver, giver in _pair_by_size([len(one) for one in members], np.random.default_rng(seed)):
        source = np.arange(len(members[receiver])) * len(members[giver]) // len(members[receiver])
        for taken, given in zip(members[receiver], members[giver][source], strict=True):
            label[chips[taken]] = np.resize(subset.label[chips[given]], len(chips[taken]))
    return replace(subset, label=label, weight=_weigh_classes(subset, label))


def _weigh_classes(subset: Subset, label: np.ndarray) -> np.ndarray:
    """(sample,) weights under which each class of other labels counts as much as with the subset's own; mean 1."""
    if not np.isin(label, (0, 1)).all():
        return subset.weight
    weight = subset.weight.astype("float64")
    for value in np.unique(label):
        weight[label == value] *= subset.weight[subset.label == value].sum() / weight[label == value].sum()
    return np.asarray(weight / weight.mean(), "float32")


def _pair_by_size(sizes: Sequence[int], rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Receiver and giver of every group, itself only when it is alone: those next to each other in size exchange."""
    order = np.lexsort((rng.random(len(sizes)), np.array(sizes)))
    for few in np.array_split(order, max(len(sizes) // LIKE_SIZED, 1)):
        drawn = rng.permutation(few)
        yield from zip(drawn, np.roll(drawn, 1), strict=True)
