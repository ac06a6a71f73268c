"""The chip store and the training stores: created once, written a whole shard at a time, opened with xarray.

Metadata is written before any task runs. A task owns whole shards and writes each in one piece: two tasks that
touch one shard lose data without an error, so a write that is not a whole shard is refused here.
"""

from __future__ import annotations

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
from zarr.codecs import BloscCodec
from zarr.errors import ZarrUserWarning
from zarr.storage import MemoryStore

from mineral_pipeline.errors import DataError, WorkspaceError
from mineral_pipeline.workspace import artefacts
from mineral_pipeline.workspace.identities import CHIP_COLUMNS
from mineral_pipeline.workspace.workspace import Workspace

ZARR_FORMAT: Literal[3] = 3
"""Version of the Zarr format; without it every opening also requests the documents of format 2."""
GROUP_METADATA = "zarr.json"
"""Document of a group. It is written last, with all others consolidated in it: the store is complete."""

COMPRESSOR = BloscCodec(cname="zstd", clevel=3, shuffle="noshuffle")
"""Zstandard decodes fast; shuffling gains nothing with single bytes."""


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


def create_chips(
    workspace: Workspace, chips: pd.DataFrame, layout: ImageLayout, attributes: Mapping[str, Any] | None = None
) -> None:
    """Create the empty ``chips.zarr``: ``image`` (chip, band, y, x), inner chunk one chip, 0 = fill.

    Args:
        workspace: the workspace.
        chips: `identities.CHIP_COLUMNS`, one row per chip in the order of ``chip_index``.
        layout: layout of the images; a shard is written in one piece.
        attributes: provenance, kept with the group.
    """
    shape = (len(chips), len(layout.bands), layout.size, layout.size)
    with _created(workspace, artefacts.CHIPS, attributes) as group:
        group.create_array(
            "image",
            shape=shape,
            dtype=layout.dtype,
            chunks=(1, *shape[1:]),
            shards=(layout.images_per_write, *shape[1:]),
            compressors=COMPRESSOR,
            fill_value=0,
            dimension_names=("chip", "band", "y", "x"),
        )
        for name in CHIP_COLUMNS:
            _coordinate(group, name, chips[name].tolist(), "chip")
        _coordinate(group, "band", list(layout.bands), "band")
        group["image"].attrs["coordinates"] = " ".join(CHIP_COLUMNS)


def is_complete(workspace: Workspace, name: str = artefacts.CHIPS) -> bool:
    """Whether a store was created to the end: the group's own document, with all others in it, is written last."""
    if not workspace.exists(f"{name}/{GROUP_METADATA}"):
        return False
    try:
        group = zarr.open_group(workspace.zarr(name), mode="r", zarr_format=ZARR_FORMAT)
    except (ValueError, KeyError, FileNotFoundError):  # half a document; it was damaged since
        return False
    return group.metadata.consolidated_metadata is not None


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
            compressors=COMPRESSOR,
            fill_value=0,
            dimension_names=("sample", "band", "y", "x"),
        )
        _coordinate(group, "band", list(layout.bands), "band")
        for key, values in coordinates.items():
            _coordinate(group, key, values, "sample")
        group["image"].attrs["coordinates"] = " ".join(key for key in coordinates if key != "label")


def write_batch(workspace: Workspace, name: str, batch: int, images: np.ndarray) -> None:
    """Write one whole chunk of a training store; ``images`` as in `write_shard`."""
    with workspace.writing(name):
        array = zarr.open_array(workspace.zarr(name), path="image", mode="r+", zarr_format=ZARR_FORMAT)
        _write_aligned(array, batch, images, name)


def open_dataset(workspace: Workspace, name: str = artefacts.CHIPS) -> xr.Dataset:
    """Open a store lazily, as ``xarray.open_zarr`` would.

    Raises:
        WorkspaceError: it is absent or not a Zarr group.
    """
    try:
        dataset: xr.Dataset = xr.open_zarr(workspace.zarr(name), chunks=None, zarr_format=ZARR_FORMAT)
    except (FileNotFoundError, KeyError, ValueError) as error:
        raise WorkspaceError(f"{workspace.uri(name)} cannot be opened: run the job that makes it ({error})") from error
    return dataset


def open_images(workspace: Workspace, name: str = artefacts.CHIPS) -> zarr.Array[Any]:
    """The ``image`` array of a store, without xarray: for the hot path."""
    try:
        return zarr.open_array(workspace.zarr(name), path="image", mode="r", zarr_format=ZARR_FORMAT)
    except (FileNotFoundError, ValueError) as error:
        raise WorkspaceError(f"{workspace.uri(name)} cannot be opened: run the job that makes it ({error})") from error


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
        dimension_names=(dimension,),
    )
    if len(array):
        created[:] = array.astype(object) if text else array


@contextmanager
def _created(workspace: Workspace, name: str, attributes: Mapping[str, Any] | None) -> Iterator[zarr.Group]:
    """A group to be filled in the block; at its end it takes the place of what was there.

    It is made in memory and then written file by file, the group's own document last: on an object store that is a
    third of the requests that Zarr makes for it, and a store is complete when that document exists.
    """
    files: dict[str, Buffer] = {}
    group = zarr.create_group(MemoryStore(files), zarr_format=ZARR_FORMAT, attributes=dict(attributes or {}))
    yield group
    with warnings.catch_warnings():
        # Zarr 3 has no consolidated metadata in its specification yet; xarray warns on opening without it.
        warnings.simplefilter("ignore", ZarrUserWarning)
        zarr.consolidate_metadata(group.store, zarr_format=ZARR_FORMAT)
    workspace.remove(
        f"{name}/{GROUP_METADATA}"
    )  # first: a removal that is cut short leaves nothing that looks complete
    workspace.remove(name)
    for key in sorted(files, key=lambda key: key == GROUP_METADATA):
        workspace.write_bytes(f"{name}/{key}", files[key].to_bytes())
