"""The ledger of acquire: what became of every chip, in one Parquet part per shard.

A shard is done when its part exists: the part is written last, in one piece. Outcomes are data: every scene of
the catalogue ends in exactly one state.
"""

from __future__ import annotations

import builtins
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.workspace import CRS, LEDGER, Workspace


class State(StrEnum):
    """How the acquisition of a scene ended."""

    OK = "ok"
    MISSING = "missing"  # the archive does not have it (404)
    CORRUPT = "corrupt"  # bytes that are not the promised raster or metadata
    REJECTED = "rejected"  # readable but unusable: all fill, no georeference
    UNREACHABLE = "unreachable"  # transient errors outlasted the retries


FAILED = frozenset({State.MISSING, State.CORRUPT, State.UNREACHABLE})
"""States that count as failures; ``rejected`` is a verdict."""

RETRYABLE = frozenset({State.MISSING, State.CORRUPT, State.UNREACHABLE})
"""States that ``--retry-failed`` tries again: an archive can be mended."""


@dataclass(frozen=True)
class Outcome:
    """One row of the ledger: one chip."""

    chip: int
    """Index along the chip dimension of ``chips.zarr``."""
    product_id: str
    """Landsat product identifier."""
    status: State
    """How it ended."""
    reason: str = ""
    """Why it did not end ``ok``, in one line; empty for ``ok``."""
    attempts: int = 1
    """Most requests that one of the scene's objects took, readings to confirm a verdict included."""
    bytes: int = 0
    """Bytes read from the archive; those of the damaged object when it is corrupt."""
    first_bytes: builtins.bytes = b""
    """Beginning of the damaged object of a corrupt scene."""
    seconds: float = 0.0
    """Wall time from request to chip."""
    sha256: str = ""
    """Digest of the band files' bytes, in the order of the bands."""
    geometry: shapely.Polygon | None = None
    """Footprint, lon/lat WGS 84, counter-clockwise; longitudes are continuous across the antimeridian."""
    footprint_source: str = ""
    """``image`` (hull of the valid pixels) or ``metadata`` (corners of the MTL)."""
    valid_fraction: float = math.nan
    """Valid pixels over all pixels of the source raster, before padding."""
    brightness: float = math.nan
    """Mean value of the chip's valid pixels in the first band."""
    path: int = 0
    """WRS-2 path, from the MTL."""
    row: int = 0
    """WRS-2 row, from the MTL."""
    acquired: str = ""
    """Date of acquisition, ISO 8601, from the MTL."""
    cloud_cover: float = math.nan
    """Cloud cover in percent, from the MTL; nan when unknown."""


PART = re.compile(r"part-(\d{5,})\.parquet")
NO_SCENES = pd.Series([], dtype=str)
COLUMNS = [column.name for column in fields(Outcome)]


@dataclass(frozen=True)
class Counts:
    """What a stage set out to do and what became of it, in the stage's own unit."""

    unit: str
    """What is counted: ``scenes``, ``chips``, ``models``."""
    planned: int = 0
    """All that the stage is asked for, skipped ones included."""
    done: int = 0
    """Done in this run."""
    skipped: int = 0
    """Done by an earlier run."""
    failed: int = 0
    """Failed, in this run or an earlier one."""
    reasons: dict[str, int] = field(default_factory=dict)
    """Failures and verdicts by state."""

    @property
    def failed_fraction(self) -> float:
        """Failed over planned; 0 when nothing was planned."""
        return self.failed / self.planned if self.planned else 0.0


def part_name(shard: int) -> str:
    """Name of a shard's ledger part."""
    return f"{LEDGER}/part-{shard:05d}.parquet"


def write_part(workspace: Workspace, shard: int, outcomes: Sequence[Outcome]) -> None:
    """Write a shard's part: the shard is done from here on."""
    workspace.write_table(part_name(shard), to_table(outcomes))


def to_table(outcomes: Iterable[Outcome]) -> gpd.GeoDataFrame:
    """Ledger rows as GeoDataFrame with the columns of `Outcome`."""
    rows = [{**asdict(outcome), "status": str(outcome.status)} for outcome in outcomes]
    return gpd.GeoDataFrame(pd.DataFrame(rows, columns=COLUMNS), geometry="geometry", crs=CRS)


def finished_shards(workspace: Workspace) -> list[int]:
    """Numbers of the shards whose ledger part exists; `read_states` tells which of them can be trusted."""
    return [int(match[1]) for name in workspace.list(LEDGER) if (match := PART.fullmatch(name))]


def read_states(workspace: Workspace, catalogue: pd.DataFrame) -> tuple[dict[int, list[str]], dict[int, str]]:
    """What the finished shards hold, as far as their parts are whole and of the catalogue's scenes.

    Args:
        workspace: where.
        catalogue: ``product_id`` and ``shard``; its row number is the chip.

    Returns:
        States of the scenes in the order of their chips, by shard; and of every other part what is wrong, by shard.
    """
    scenes = dict(list(catalogue.groupby("shard")["product_id"]))
    states, faults = {}, {}
    for name, part in workspace.read_parts(LEDGER, ["chip", "product_id", "status"]).items():
        if not (match := PART.fullmatch(name)):
            continue
        shard = int(match[1])
        wanted = scenes.get(shard, NO_SCENES)
        if isinstance(part, WorkspaceError):
            faults[shard] = f"{workspace.link(part_name(shard))} is not a whole table ({_line(part.__cause__)})"
        elif part["chip"].to_pylist() != wanted.index.tolist() or part["product_id"].to_pylist() != wanted.tolist():
            faults[shard] = f"{workspace.link(part_name(shard))}: its rows are not the catalogue's scenes of its shard"
        else:
            states[shard] = part["status"].to_pylist()
    return states, faults


def _line(error: object) -> str:
    return " ".join(str(error).split())


def read(workspace: Workspace) -> gpd.GeoDataFrame:
    """The whole ledger, in the order of the chips."""
    return workspace.read_table(LEDGER)


def shards_to_redo(states: Mapping[int, Iterable[str]]) -> list[int]:
    """Shards, of those that `read_states` found, that hold a failure which may be gone by now."""
    return [shard for shard, statuses in states.items() if not RETRYABLE.isdisjoint(statuses)]


def count(statuses: Iterable[str], planned: int, skipped: int = 0) -> Counts:
    """Counts of a (partial) acquisition from the states of its scenes; ``skipped`` of them from earlier runs."""
    tally = Counter(statuses)
    return Counts(
        unit="scenes",
        planned=planned,
        done=max(sum(tally.values()) - skipped, 0),
        skipped=skipped,
        failed=sum(tally[state] for state in FAILED),
        reasons={str(state): tally[state] for state in State if state is not State.OK and tally[state]},
    )


def footprints(ledger: gpd.GeoDataFrame) -> np.ndarray:
    """Vertices of the ledger's footprints, (n, v, 2) lon/lat; shorter ones repeat their last, absent ones are nan."""
    corners, owner = shapely.get_coordinates(shapely.get_exterior_ring(ledger.geometry.to_numpy()), return_index=True)
    counts = np.bincount(owner, minlength=len(ledger))
    last = np.maximum(counts - 2, 0)  # a ring ends where it begins
    column = np.minimum(np.arange(last.max(initial=0) + 1), last[:, None])
    corners = np.vstack([corners, np.full((1, 2), np.nan)])
    return corners[np.where(counts[:, None] > 0, np.cumsum(counts)[:, None] - counts[:, None] + column, -1)]
