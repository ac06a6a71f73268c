"""The ledger of acquire: what became of every chip, in one Parquet part per shard.

A shard is done when its part exists, because the part is written last and in one piece. Outcomes are data: every scene
of the catalogue ends in exactly one state.
"""

from __future__ import annotations

import builtins
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import shapely

from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.geometry import CRS
from mineral_pipeline.workspace import artefacts, ledger_copy, tables
from mineral_pipeline.workspace.counts import Counts
from mineral_pipeline.workspace.workspace import THREADS, Workspace


class State(StrEnum):
    """How the acquisition of a scene ended."""

    OK = "ok"
    MISSING = "missing"  # the archive does not have it (404)
    CORRUPT = "corrupt"  # bytes that are not the promised raster or metadata
    REJECTED = "rejected"  # readable but unusable: all fill, no georeference
    UNREACHABLE = "unreachable"  # transient errors outlasted the retries


FAILED_STATES = frozenset({State.MISSING, State.CORRUPT, State.UNREACHABLE})
"""States that count as failures, and that ``--retry-failed`` tries again; ``rejected`` is a verdict."""


@dataclass(frozen=True)
class Outcome:
    """One row of the ledger: one chip, or the scene of which no chip could be made."""

    chip_id: str
    """Key of the chip; see `mineral_pipeline.workspace.identities`."""
    scene_id: str
    """Key of the scene that the chip is cut from."""
    location_id: str
    """Key of the scene's location."""
    chip_index: int
    """Index along the chip dimension of ``chips.zarr``."""
    product_id: str
    """Product identifier of the scene."""
    status: State
    """How it ended."""
    reason: str = ""
    """Why it did not end ``ok``, in one line; empty for ``ok``."""
    attempts: int = 1
    """Largest number of requests that one of the scene's objects took, repeated readings included."""
    bytes: int = 0
    """Bytes read from the archive; those of the damaged object when it is corrupt."""
    first_bytes: builtins.bytes = b""
    """Beginning of the damaged object of a corrupt scene."""
    seconds: float = 0.0
    """Wall time from request to chip."""
    sha256: str = ""
    """Digest of the band files' bytes, in the order of the bands."""
    image_sha256: str = ""
    """Digest of the chip's pixels, as `digests.digest_array` makes it; empty when it has none."""
    geometry: shapely.Polygon | None = None
    """Footprint, lon/lat WGS 84, counter-clockwise; longitudes are continuous across the antimeridian."""
    footprint_source: str = ""
    """``image`` (hull of the valid pixels) or ``metadata`` (corners of the MTL)."""
    valid_fraction: float = math.nan
    """Valid pixels over all pixels of the source raster, before padding."""
    brightness: float = math.nan
    """Mean value of the chip's valid pixels in the first band."""
    crs: str = ""
    """Coordinate reference system of the chip, ``EPSG:`` and a number or WKT; empty when it has no pixels."""
    geo_transform: str = ""
    """From (column, row) of its pixel corners to coordinates of ``crs``: GDAL's six numbers as text."""
    path: int = 0
    """WRS-2 path, from the MTL."""
    row: int = 0
    """WRS-2 row, from the MTL."""
    acquired: str = ""
    """Date of acquisition, ISO 8601, from the MTL."""
    cloud_cover: float = math.nan
    """Cloud cover in percent, from the MTL; nan when unknown."""
    host: str = ""
    """Name of the machine that acquired it."""
    worker: str = ""
    """Name of the Dask worker there, by default its address."""


PART = re.compile(r"part-(\d{5,})\.parquet")
COLUMNS = [column.name for column in fields(Outcome)]


CONTENT = [
    "chip_id", "scene_id", "location_id", "chip_index", "product_id", "sha256", "image_sha256", "geometry",
    "footprint_source", "valid_fraction", "brightness", "path", "row", "acquired", "cloud_cover",
]  # fmt: skip
"""What a chip is; the other columns tell how it was acquired, which two acquisitions of one chip do differently."""


def write_part(workspace: Workspace, shard: int, outcomes: Sequence[Outcome]) -> None:
    """Write a shard's part: the shard is done from here on."""
    workspace.write_table(artefacts.ledger_part(shard), to_table(outcomes))


def to_table(outcomes: Iterable[Outcome]) -> gpd.GeoDataFrame:
    """Ledger rows as GeoDataFrame with the columns of `Outcome`."""
    rows = [{**asdict(outcome), "status": str(outcome.status)} for outcome in outcomes]
    return gpd.GeoDataFrame(pd.DataFrame(rows, columns=COLUMNS), geometry="geometry", crs=CRS)


def read(workspace: Workspace, columns: Sequence[str] | None = None) -> Any:
    """The ledger in the order of the chips, or some of its columns: a GeoDataFrame where the footprint is among them.

    Raises:
        WorkspaceError: it is absent, or a part is damaged or lacks a column.
    """
    return tables.to_frame(_read_whole(workspace, columns))


def read_content(workspace: Workspace) -> pd.DataFrame:
    """What later jobs read of the ledger: `CONTENT` of the chips that are ``ok``, in their order, footprints as WKB.

    Raises:
        WorkspaceError: a part is not a whole table.
    """
    table: pd.DataFrame = pa.concat_tables(
        _read_whole(workspace, [*CONTENT, "status"]), promote_options="permissive"
    ).to_pandas()
    return table.loc[table["status"] == State.OK, CONTENT]


def _read_whole(workspace: Workspace, columns: Sequence[str] | None) -> list[pa.Table]:
    parts = list(ledger_copy.read_parts(workspace, columns).values())
    if not parts:
        raise WorkspaceError(f"{workspace.uri(artefacts.LEDGER)} is absent: run the job that makes it")
    for part in parts:
        if isinstance(part, WorkspaceError):
            raise part
    return parts


def read_digests(workspace: Workspace, shards: Iterable[int]) -> dict[int, str]:
    """``image_sha256`` of the chips of some shards, by ``chip_index``.

    Raises:
        WorkspaceError: a part is absent or damaged.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        parts = pool.map(
            lambda shard: workspace.read_table(artefacts.ledger_part(shard), ["chip_index", "image_sha256"]), shards
        )
        return {
            index: digest
            for part in parts
            for index, digest in zip(part["chip_index"].tolist(), part["image_sha256"], strict=True)
        }


def finished_shards(workspace: Workspace) -> list[int]:
    """Numbers of the shards whose ledger part exists; `read_states` tells which of them can be trusted."""
    return [int(match[1]) for name in workspace.list(artefacts.LEDGER) if (match := PART.fullmatch(name))]


def read_states(workspace: Workspace, catalogue: pd.DataFrame) -> tuple[dict[int, list[str]], dict[int, str]]:
    """States of the scenes of finished shards.

    A part counts when it is a whole table and holds exactly the catalogue's scenes of its shard.

    Args:
        workspace: the workspace.
        catalogue: ``scene_id`` and ``shard``, one row per scene.

    Returns:
        States of the scenes in the order of the catalogue, by shard; and what is wrong with every other part, by shard.
    """
    scenes = {shard: ids.tolist() for shard, ids in catalogue.groupby("shard")["scene_id"]}
    states, faults = {}, {}
    for name, part in ledger_copy.read_parts(workspace, ["scene_id", "status"]).items():
        if not (match := PART.fullmatch(name)):
            continue
        shard = int(match[1])
        uri = workspace.uri(artefacts.ledger_part(shard))
        if isinstance(part, WorkspaceError):
            faults[shard] = f"{uri} {part.__cause__}"
            continue
        found = scene_states(part["scene_id"].to_pylist(), part["status"].to_pylist())
        if list(found) == scenes.get(shard, []):
            states[shard] = list(found.values())
        else:
            faults[shard] = f"{uri}: its rows are not the catalogue's scenes of its shard"
    return states, faults


def scene_states(scene_ids: Sequence[str], statuses: Sequence[str]) -> dict[str, str]:
    """State of every scene by its key, from the rows of its chips: ``ok`` when one of them is, else the first's."""
    states: dict[str, str] = {}
    for scene_id, status in zip(scene_ids, statuses, strict=True):
        if status == State.OK:
            states[scene_id] = status
        else:
            states.setdefault(scene_id, status)
    return states


def shards_to_redo(states: Mapping[int, Iterable[str]]) -> list[int]:
    """Shards, of those that `read_states` found, with a failed scene: the archive may be complete by now."""
    return [shard for shard, statuses in states.items() if not FAILED_STATES.isdisjoint(statuses)]


def count(statuses: Iterable[str], planned: int, skipped: int = 0) -> Counts:
    """Counts of a (partial) acquisition.

    Args:
        statuses: states of the scenes that ended, earlier runs included.
        planned: scenes of the catalogue.
        skipped: scenes that ended in earlier runs.
    """
    by_state = Counter(statuses)
    return Counts(
        unit="scenes",
        planned=planned,
        done=max(by_state.total() - skipped, 0),
        skipped=skipped,
        failed=sum(by_state[state] for state in FAILED_STATES),
        reasons={str(state): by_state[state] for state in State if state is not State.OK and by_state[state]},
    )
