"""The chip store and the training stores: created once, written a whole shard at a time, opened with xarray.

Metadata is written before any task runs. A task owns whole shards and writes each in one piece: two tasks that
touch one shard lose data without an error, so a write that is not a whole shard is refused here.

Every chunk ends in its checksum (CRC-32C), and the document of the group holds the digests of all other metadata and of
the coordinates, and one of itself: what is damaged is refused. `Images` tells what became of the pixels.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
import zarr
from zarr.abc.buffer import Buffer
from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec
from zarr.errors import ZarrUserWarning
from zarr.storage import MemoryStore, StorePath

from mineral_pipeline.errors import DataError, WorkspaceError, one_line
from mineral_pipeline.workspace import artefacts, ledger
from mineral_pipeline.workspace.documents import digest_document
from mineral_pipeline.workspace.identities import CHIP_COLUMNS
from mineral_pipeline.workspace.images import Images
from mineral_pipeline.workspace.pixels import REFLECTANCE, PixelScale
from mineral_pipeline.workspace.places import NAMES as PLACE_NAMES
from mineral_pipeline.workspace.places import create_places
from mineral_pipeline.workspace.workspace import REPAIR, Workspace

ZARR_FORMAT: Literal[3] = 3
"""Version of the Zarr format; without it every opening also requests the documents of format 2."""
GROUP_METADATA = "zarr.json"
"""Document of a group. It is written last, with all others consolidated in it: the store is complete."""

COMPRESSORS = (BloscCodec(cname="zstd", clevel=3, shuffle="noshuffle"), Crc32cCodec())
"""Zstandard decodes fast; shuffling gains nothing with single bytes. The checksum is of the compressed bytes."""

FILES, DIGEST = "files", "digest"
"""Attributes of a group: SHA-256 of the files of its arrays by name, without the images; digest of its document."""


@dataclass(frozen=True)
class ImageLayout:
    """Layout of the images of a store."""

    bands: tuple[str, ...]
    """Names of the bands, such as ``B7``."""
    size: int
    """Edge of an image in pixels."""
    images_per_write: int
    """Images that are written in one piece: the chips of a shard, or the samples of a batch."""
    dtype: str = "uint8"
    """Type of the pixels: ``uint8`` or ``uint16``."""
    is_reflectance: bool = False
    """Whether the pixels are reflectance, as `pixels.REFLECTANCE` packs it, and not digital numbers."""

    @property
    def attributes(self) -> dict[str, Any]:
        """Attributes of the images."""
        return {"bands": list(self.bands), **(REFLECTANCE.attributes if self.is_reflectance else {})}


def create_chips(
    workspace: Workspace,
    chips: pd.DataFrame,
    layout: ImageLayout,
    attributes: Mapping[str, Any] | None = None,
    *,
    keep_shards: bool = False,
) -> None:
    """Create the empty ``chips.zarr``: ``image`` (chip, band, y, x), inner chunk one chip, 0 = fill; and `places`.

    Args:
        workspace: the workspace.
        chips: `identities.CHIP_COLUMNS`, one row per chip in the order of ``chip_index``.
        layout: layout of the images; a shard is written in one piece.
        attributes: provenance, kept with the group.
        keep_shards: whether the pixels of a store of the same layout stay, whose metadata are damaged.
    """
    shape = (len(chips), len(layout.bands), layout.size, layout.size)
    with _created(workspace, artefacts.CHIPS, attributes, keep_images=keep_shards) as group:
        group.create_array(
            "image",
            shape=shape,
            dtype=layout.dtype,
            chunks=(1, *shape[1:]),
            shards=(layout.images_per_write, *shape[1:]),
            compressors=COMPRESSORS,
            fill_value=0,
            dimension_names=("chip", "band", "y", "x"),
        )
        for name in CHIP_COLUMNS:
            _coordinate(group, name, chips[name].tolist(), "chip")
        _coordinate(group, "band", list(layout.bands), "band")
        create_places(group, len(chips), layout.images_per_write)
        group["image"].attrs.update({"coordinates": " ".join([*CHIP_COLUMNS, *PLACE_NAMES]), **layout.attributes})


def is_complete(workspace: Workspace, name: str = artefacts.CHIPS) -> bool:
    """Whether a store was created to the end: the group's own document, with all others in it, is written last."""
    if not workspace.exists(f"{name}/{GROUP_METADATA}"):
        return False
    try:
        read_attributes(workspace, name)
    except WorkspaceError:  # half a document; it was damaged since
        return False
    return True


def read_attributes(workspace: Workspace, name: str = artefacts.CHIPS) -> dict[str, Any]:
    """What is kept with the group of a store.

    Raises:
        WorkspaceError: its document is absent or damaged.
    """
    attributes: dict[str, Any] = _read_document(workspace, name)["attributes"]
    return attributes


def _read_document(workspace: Workspace, name: str) -> dict[str, Any]:
    """The document of a group, without its digest: all metadata of the store in one request."""
    content = workspace.read_bytes(f"{name}/{GROUP_METADATA}")
    try:
        document = json.loads(content)
        digest = document["attributes"].pop(DIGEST)
        if digest != digest_document(document):
            raise ValueError("its digest is another")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WorkspaceError(
            f"{workspace.uri(name)}/{GROUP_METADATA} is damaged ({one_line(error)}): {REPAIR}"
        ) from error
    return dict(document)


def find_metadata_faults(workspace: Workspace, name: str = artefacts.CHIPS) -> Iterator[tuple[str, str]]:
    """Yield the files of a store, but for its images, that are not as they were written, each with the reason.

    Raises:
        WorkspaceError: the workspace cannot be read.
    """
    try:
        files = read_attributes(workspace, name)[FILES]
    except WorkspaceError:
        document = f"{name}/{GROUP_METADATA}"
        yield document, "is damaged" if workspace.exists(document) else "is absent"
        return
    found = workspace.sizes(name)
    for file, digest in files.items():
        if file not in found:
            yield f"{name}/{file}", "is absent"
        elif hashlib.sha256(workspace.read_bytes(f"{name}/{file}")).hexdigest() != digest:
            yield f"{name}/{file}", "is damaged"


def read_layout(workspace: Workspace, name: str = artefacts.CHIPS) -> ImageLayout:
    """Layout of the images of a store."""
    array = open_array(workspace, name)
    per_file = (array.shards or array.chunks)[0]
    return ImageLayout(
        tuple(array.attrs["bands"]),  # type: ignore[arg-type]
        array.shape[-1],
        per_file,
        str(array.dtype),
        is_reflectance=PixelScale.of_attributes(array.dtype, array.attrs.asdict()) == REFLECTANCE,
    )


def written_shards(workspace: Workspace, name: str = artefacts.CHIPS) -> set[int]:
    """Numbers of the shards of a store that are there; one that is all fill leaves no object."""
    return {int(key.partition("/")[0]) for key in workspace.sizes(f"{name}/image/c")}


def write_shard(workspace: Workspace, shard: int, images: np.ndarray) -> None:
    """Write one whole shard of ``chips.zarr``.

    Args:
        workspace: where.
        shard: number of the shard.
        images: (chips_per_shard, band, y, x); fewer chips only in the last shard.

    Raises:
        DataError: ``images`` is not exactly that shard.
        WorkspaceError: it cannot be written.
    """
    write_batch(workspace, artefacts.CHIPS, shard, images)


def create_samples(
    workspace: Workspace,
    name: str,
    layout: ImageLayout,
    coordinates: Mapping[str, np.ndarray],
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Create an empty training store: ``image`` (sample, band, y, x), chunk = one batch, labels beside it.

    Args:
        workspace: the workspace.
        name: as `artefacts.samples_store` gives it.
        layout: layout of the images; a batch is one chunk.
        coordinates: arrays of one length: ``label`` becomes a variable, the others coordinates of ``sample``.
        attributes: provenance, kept with the group.
    """
    samples = len(coordinates["label"])
    shape = (samples, len(layout.bands), layout.size, layout.size)
    with _created(workspace, name, attributes) as group:
        group.create_array(
            "image",
            shape=shape,
            dtype=layout.dtype,
            chunks=(min(layout.images_per_write, max(samples, 1)), *shape[1:]),
            compressors=COMPRESSORS,
            fill_value=0,
            dimension_names=("sample", "band", "y", "x"),
        )
        _coordinate(group, "band", list(layout.bands), "band")
        for key, values in coordinates.items():
            _coordinate(group, key, values, "sample")
        names = " ".join(key for key in coordinates if key != "label")
        group["image"].attrs.update({"coordinates": names, **layout.attributes})


def write_batch(workspace: Workspace, name: str, batch: int, images: np.ndarray) -> None:
    """Write one whole chunk of a training store; ``images`` as in `write_shard`."""
    array = _open(workspace, name, "r+")
    if array.shards:  # Zarr reads the index of a shard that it replaces, and fails where that is damaged
        workspace.remove_file(Images(workspace, name, array, {}).file(batch))
    with workspace.writing(name):
        _write_aligned(array, batch, images, name)


def open_dataset(workspace: Workspace, name: str = artefacts.CHIPS) -> xr.Dataset:
    """Open a store lazily, as ``xarray.open_zarr`` would; the pixels are not compared with their digests.

    They are the numbers that are stored, where ``open_zarr`` by default gives reflectance, with nan for fill.

    Raises:
        WorkspaceError: it is absent or damaged.
    """
    read_attributes(workspace, name)
    dataset: xr.Dataset = xr.open_zarr(workspace.zarr(name), chunks=None, zarr_format=ZARR_FORMAT, mask_and_scale=False)
    return dataset


def open_array(workspace: Workspace, name: str = artefacts.CHIPS) -> zarr.Array[Any]:
    """The ``image`` array of a store, for its shape and type: its pixels are read by `Images`.

    Raises:
        WorkspaceError: it is absent or damaged.
    """
    return _open(workspace, name, "r")


def open_images(workspace: Workspace, name: str, digests: Mapping[int, str]) -> Images:
    """The images of a store, for the hot path.

    Args:
        workspace: the workspace.
        name: name of the store.
        digests: as in `Images`.

    Raises:
        WorkspaceError: it is absent or damaged.
    """
    return Images(workspace, name, open_array(workspace, name), digests)


def open_chips(workspace: Workspace, chip_index: np.ndarray) -> Images:
    """The images of ``chips.zarr``, of which may be read the chips (n,) and all others of their shards.

    Raises:
        WorkspaceError: the store, or the ledger part of one of the shards, is absent or damaged.
    """
    array = open_array(workspace)
    shards = np.unique(chip_index // (array.shards or array.chunks)[0]).tolist()
    return Images(workspace, artefacts.CHIPS, array, ledger.read_digests(workspace, shards))


def _open(workspace: Workspace, name: str, mode: Literal["r", "r+"]) -> zarr.Array[Any]:
    metadata = _read_document(workspace, name)["consolidated_metadata"]["metadata"]["image"]
    with workspace.reading(name):
        store = workspace.zarr(name)
        return zarr.Array.from_dict(StorePath(store.with_read_only(mode == "r"), "image"), metadata)


def _write_aligned(array: zarr.Array[Any], number: int, images: np.ndarray, name: str) -> None:
    unit = (array.shards or array.chunks)[0]
    start = number * unit
    wanted = (min(unit, array.shape[0] - start), *array.shape[1:])
    if start >= array.shape[0] or images.shape != wanted or images.dtype != array.dtype:
        raise DataError(
            f"{name}: piece {number} must be {wanted} {array.dtype}, not {images.shape} {images.dtype}:"
            " write whole pieces only"
        )
    array[start : start + wanted[0]] = images


def _coordinate(group: zarr.Group, name: str, values: Any, dimension: str) -> None:
    array = np.asarray(values)
    text = array.dtype.kind in "UOT"
    created = group.create_array(
        name,
        shape=array.shape,
        dtype=str if text else array.dtype,
        chunks=(max(len(array), 1),),
        compressors=(ZstdCodec(), Crc32cCodec()),
        fill_value=np.nan if array.dtype.kind == "f" else None,  # what is absent looks like no value
        dimension_names=(dimension,),
    )
    if len(array):
        created[:] = array.astype(object) if text else array


@contextmanager
def _created(
    workspace: Workspace, name: str, attributes: Mapping[str, Any] | None, *, keep_images: bool = False
) -> Iterator[zarr.Group]:
    """A group to be filled in the block; at its end it takes the place of what was there, but for images to be kept.

    It is made in memory and then written file by file, the group's own document last: on an object store that is a
    third of the requests that Zarr makes for it, and a store is complete when that document exists.
    """
    buffers: dict[str, Buffer] = {}
    group = zarr.create_group(MemoryStore(buffers), zarr_format=ZARR_FORMAT)
    yield group
    with warnings.catch_warnings():
        # Zarr 3 has no consolidated metadata in its specification yet; xarray warns on opening without it.
        warnings.simplefilter("ignore", ZarrUserWarning)
        zarr.consolidate_metadata(group.store, zarr_format=ZARR_FORMAT)
    files = {key: buffer.to_bytes() for key, buffer in buffers.items()}
    document = json.loads(files.pop(GROUP_METADATA))
    digests = {key: hashlib.sha256(content).hexdigest() for key, content in files.items()}
    document["attributes"] = {**(attributes or {}), FILES: digests}
    document["attributes"][DIGEST] = digest_document(document)
    workspace.remove_file(f"{name}/{GROUP_METADATA}")  # first: a removal cut short leaves nothing that looks complete
    if not keep_images:
        workspace.remove(name)
    for key, content in files.items():
        workspace.write_bytes(f"{name}/{key}", content)
    workspace.write_bytes(f"{name}/{GROUP_METADATA}", json.dumps(document).encode())
