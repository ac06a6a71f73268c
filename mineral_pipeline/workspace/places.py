"""Where chips are on the Earth, beside their pixels in ``chips.zarr``: their reference systems and transforms.

Chips of several zones lie in one array, so that no grid mapping of CF's conventions holds for all of them: each chip
has its own, in the coordinates ``crs`` and ``geo_transform``. They say what the ledger says, and are written as pixels
are: the task that owns a shard writes the whole chunk of each in one piece. Stores of earlier versions have none.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec

from mineral_pipeline.errors import DataError, WorkspaceError, one_line
from mineral_pipeline.workspace import artefacts
from mineral_pipeline.workspace.workspace import Workspace

NAMES = ["crs", "geo_transform"]
"""Names of the coordinates, which are those of the ledger's columns."""

MEANINGS = {
    "crs": "coordinate reference system of the chip: EPSG: and a number, or WKT",
    "geo_transform": "from (column, row) of the chip's pixel corners to coordinates of crs: GDAL's six numbers",
}
"""What each coordinate says of itself; a chip without pixels has empty texts."""


def create_places(group: zarr.Group, chips: int, chips_per_write: int) -> None:
    """Create the empty coordinates of a store, a chunk for each shard."""
    for name, meaning in MEANINGS.items():
        array = group.create_array(
            name, shape=(chips,), dtype=str, chunks=(chips_per_write,), dimension_names=("chip",),
            compressors=(ZstdCodec(), Crc32cCodec()),
        )  # fmt: skip
        array.attrs["long_name"] = meaning


def has_places(workspace: Workspace) -> bool:
    """Whether the store tells where its chips are."""
    return NAMES[0] in _open(workspace, "r")


def write_places(workspace: Workspace, shard: int, places: pd.DataFrame) -> None:
    """Write where the chips of one whole shard are; nothing in a store of an earlier version.

    Args:
        workspace: where.
        shard: number of the shard.
        places: `NAMES` of its chips, as in the ledger, in the order of ``chip_index``.

    Raises:
        DataError: ``places`` are not of exactly that shard.
        WorkspaceError: they cannot be written.
    """
    group = _open(workspace, "r+")
    if NAMES[0] not in group:
        return
    for name in NAMES:
        array, values = _array(group, name), places[name].to_numpy(object)
        rows = _rows(array, shard)
        if len(values) != rows.stop - rows.start:
            raise DataError(f"{artefacts.CHIPS}/{name}: shard {shard} has other chips: write whole shards only")
        workspace.remove_file(
            place_file(name, shard)
        )  # Zarr reads a last chunk that it replaces, and fails if it is damaged
        with workspace.writing(artefacts.CHIPS):
            array[rows] = values


def read_places(workspace: Workspace, shard: int) -> pd.DataFrame:
    """Where the chips of a shard are, as `write_places` takes it.

    Raises:
        WorkspaceError: a file cannot be read or is damaged; the message begins with its name.
    """
    group, found = _open(workspace, "r"), {}
    for name in NAMES:
        array = _array(group, name)
        with workspace.reading(artefacts.CHIPS):
            try:
                found[name] = np.asarray(array[_rows(array, shard)]).astype(object)
            except OSError:
                raise
            except Exception as error:  # damaged bytes raise errors of any kind
                raise WorkspaceError(f"{place_file(name, shard)} is damaged ({one_line(error)})") from error
    return pd.DataFrame(found)


def place_file(name: str, shard: int) -> str:
    """Name of the file with one of `NAMES` of the chips of a shard."""
    return f"{artefacts.CHIPS}/{name}/c/{shard}"


def _open(workspace: Workspace, mode: Literal["r", "r+"]) -> zarr.Group:
    with workspace.reading(artefacts.CHIPS):
        return zarr.open_group(workspace.zarr(artefacts.CHIPS), mode=mode, zarr_format=3, use_consolidated=True)


def _array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    array = group[name]
    assert isinstance(array, zarr.Array)
    return array


def _rows(array: zarr.Array[Any], shard: int) -> slice:
    """The chips of a shard."""
    return slice(shard * array.chunks[0], min((shard + 1) * array.chunks[0], array.shape[0]))
