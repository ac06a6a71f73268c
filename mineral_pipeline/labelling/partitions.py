"""The parts of the ledger and of the labels, as Dask's workers read and write them."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import pandas as pd

from mineral_pipeline.labelling.targets import Deposits, count_deposits, finish_labels
from mineral_pipeline.workspace import Workspace, ledger

CHIPS = ledger.to_table([])
"""Empty partition of chips: the ``meta`` of what `read_chips` returns."""


def empty_counts(deposits: Deposits) -> pd.DataFrame:
    """Empty partition of counts: the ``meta`` of what `count_deposits` returns."""
    return count_deposits(CHIPS, deposits)


def read_chips(shards: Sequence[int], workspace: Workspace) -> gpd.GeoDataFrame:
    """Rows of the ledger's parts whose status is ``ok``."""
    parts = (workspace.read_table(ledger.part_name(shard)) for shard in shards)
    usable = [part[part["status"] == ledger.State.OK] for part in parts]
    filled = [part for part in usable if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else CHIPS


def write_labels(counts: pd.DataFrame, part: int, most: int, floor: int, workspace: Workspace) -> int:
    """Finish the labels of a partition, write them as one part, and return how many there are."""
    if len(counts):
        workspace.write_table(f"{artefacts.LABELS}/part-{part:05d}.parquet", finish_labels(counts, most, floor))
    return len(counts)
