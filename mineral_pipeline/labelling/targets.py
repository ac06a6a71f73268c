"""Targets of the chips: presence, richness, and a count per commodity.

Richness is the study's log-normalised score ``ln(n + 1) / max ln(N + 1)``, over all labelled chips. Counting needs
one part of the ledger at a time; the maximum needs all of them, so that labels are made in two steps.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from mineral_pipeline import ledger, sphere
from mineral_pipeline.errors import DataError
from mineral_pipeline.labelling.membership import membership
from mineral_pipeline.sphere import Floats


@dataclass(frozen=True)
class Deposits:
    """What a worker needs of the deposits."""

    positions: Floats
    """(m, 2) lon/lat in degrees."""
    columns: tuple[str, ...]
    """Label columns of the k commodities that are counted, such as ``n_gold``."""
    holds: Any
    """Sparse (m, k) int32, 1 where the deposit holds the commodity."""


def choose_deposits(table: pd.DataFrame, commodities: int | Sequence[str]) -> Deposits:
    """Prepare a deposit table for counting.

    Args:
        table: ``table`` of a `DepositTable`.
        commodities: names of those to count, or how many of the commonest.

    Raises:
        DataError: no deposit holds a commodity of that name.
    """
    names = table["commodities"].str.split(";").explode()
    names = names[names != ""]
    common = names.value_counts()
    ranked = sorted(common.index, key=lambda name: (-common[name], name))
    wanted = ranked[:commodities] if isinstance(commodities, int) else _spelt(commodities, ranked)
    columns = tuple(dict.fromkeys(column_name(name) for name in wanted))
    numbers = {name: columns.index(column_name(name)) for name in wanted}
    found = names[names.isin(wanted)]
    where = (table.index.get_indexer(found.index), found.map(numbers).to_numpy(np.int64))
    holds = csr_array((np.ones(len(found), np.int32), where), shape=(len(table), len(columns)))
    return Deposits(table[["lon", "lat"]].to_numpy(np.float64), columns, holds)


def column_name(commodity: str) -> str:
    """Label column of a commodity: ``Barium-Barite`` is counted in ``n_barium_barite``."""
    return "n_" + re.sub(r"[^a-z0-9]+", "_", commodity.lower()).strip("_")


def count_deposits(chips: gpd.GeoDataFrame, deposits: Deposits) -> pd.DataFrame:
    """Count the deposits in the footprints of chips: the first step to labels.

    Args:
        chips: rows of the ledger with status ``ok``.
        deposits: what to look for.

    Returns:
        One row per chip: chip, product_id, bucket, lon and lat of the footprint's centre, n_deposits, a count per
        commodity, and whether the footprint is ``usable`` (a convex polygon; others hold no deposits).
    """
    footprints = ledger.footprints(chips)
    halves = sphere.half_spaces(footprints)
    path, row = (chips[column].to_numpy(np.int64) for column in ("path", "row"))
    inside = membership(footprints, deposits.positions, path * 1000 + row)
    centres = sphere.lonlat(halves.centres)
    labels = {
        "chip": chips["chip"].to_numpy(np.int64),
        "product_id": chips["product_id"].astype("str").to_numpy(),
        "bucket": [f"{p:03d}{r:03d}" for p, r in zip(path, row, strict=True)],
        "lon": centres[:, 0],
        "lat": centres[:, 1],
        "n_deposits": np.diff(inside.indptr).astype(np.int64),
    }
    counts = (inside.astype(np.int32) @ deposits.holds).toarray().astype(np.int64)
    table = pd.DataFrame({**labels, **dict(zip(deposits.columns, counts.T, strict=True)), "usable": halves.valid})
    return table.astype({"product_id": "str", "bucket": "str"})


def finish_labels(counts: pd.DataFrame, most: int) -> pd.DataFrame:
    """Labels from counts: the second step.

    Args:
        counts: from `count_deposits`.
        most: largest ``n_deposits`` of all chips.

    Returns:
        chip, product_id, bucket, lon, lat, n_deposits, has_deposit, richness, max_deposits and the counts per
        commodity; sorted by chip.
    """
    commodities = [name for name in counts.columns if name.startswith("n_") and name != "n_deposits"]
    labels = counts[["chip", "product_id", "bucket", "lon", "lat", "n_deposits"]].assign(
        has_deposit=counts["n_deposits"] > 0,
        richness=richness(counts["n_deposits"].to_numpy(), most),
        max_deposits=most,
    )
    return pd.concat([labels, counts[commodities]], axis=1).sort_values("chip", ignore_index=True)


def richness(n_deposits: np.ndarray, most: int) -> Floats:
    """Log-normalised richness (n,) in 0..1 of counts (n,), given the largest of all; 0 when that is 0."""
    return np.asarray(np.log1p(n_deposits) / np.log1p(max(most, 1)))


def _spelt(commodities: Sequence[str], known: Sequence[str]) -> list[str]:
    """The commodities as they are spelt in the table."""
    spellings = {column_name(name): name for name in reversed(known)}
    for name in commodities:
        if column_name(name) not in spellings:
            raise DataError(
                f"label.commodities: no deposit holds {name!r}: choose among {', '.join(known[:20]) or 'none'}"
            )
    return [spellings[column_name(name)] for name in commodities]
