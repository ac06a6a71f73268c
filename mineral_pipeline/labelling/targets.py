"""Targets of the chips: presence, richness, and counts per commodity and group of commodities.

A chip is positive when it holds at least ``label.min_deposits``. One that holds fewer, but not none, is ambiguous and
belongs to neither class: the known deposits are not all there are. Richness is the study's log-normalised score
``ln(n + 1) / max ln(N + 1)``, over all labelled chips. Counting needs one part of the ledger at a time; the maximum
needs all of them, so that labels are made in two steps.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.sparse import csr_array, hstack

from mineral_pipeline import geometry
from mineral_pipeline.errors import DataError
from mineral_pipeline.geometry import Flags, Floats
from mineral_pipeline.labelling.commodities import split_commodities, vocabulary
from mineral_pipeline.labelling.membership import sum_inside


@dataclass(frozen=True)
class Deposits:
    """What a worker needs of the deposits."""

    positions: Floats
    """(m, 2) lon/lat in degrees."""
    columns: tuple[str, ...]
    """Label columns of the k commodities and groups that are counted, such as ``n_gold`` and ``n_group_precious``."""
    holds: Any
    """Sparse (m, k) int32, 1 where the deposit holds the commodity, or one of the group."""
    open_mine: Flags
    """(m,) whether it is a large open mine."""

    @cached_property
    def weights(self) -> Any:
        """Sparse (m, 2 + k) int32, 1 for being a deposit, an open mine, and each commodity or group that it holds."""
        own = csr_array(np.column_stack([np.ones(len(self.positions)), self.open_mine]), dtype=np.int32)
        return hstack([own, self.holds], format="csr")


def choose_deposits(table: pd.DataFrame, commodities: int | Sequence[str], groups: Sequence[str] = ()) -> Deposits:
    """Prepare a deposit table for counting.

    Args:
        table: ``table`` of a `DepositTable`.
        commodities: names of those to count, or how many of the commonest.
        groups: of the vocabulary, to count as well.

    Raises:
        DataError: no deposit holds a commodity of that name.
    """
    names = table["commodities"].str.split(";").explode()
    names = names[names != ""]
    common = names.value_counts()
    ranked = sorted(common.index, key=lambda name: (-common[name], name))
    wanted = ranked[:commodities] if isinstance(commodities, int) else _spelt(commodities, ranked)
    members = {column_name(name): frozenset([name]) for name in wanted}
    members |= {column_name(f"group {group}"): vocabulary().groups[group] for group in groups}
    holds = np.column_stack([np.zeros((len(table), 0)), *(_holds(table, names, sought) for sought in members.values())])
    return Deposits(
        table[["lon", "lat"]].to_numpy(np.float64),
        tuple(members),
        csr_array(holds, dtype=np.int32),
        table["open_mine"].to_numpy(bool) if "open_mine" in table else np.zeros(len(table), dtype=bool),
    )


def _holds(table: pd.DataFrame, names: pd.Series[str], sought: frozenset[str]) -> Flags:
    """Whether each deposit (m,) holds one of the commodities sought; ``names`` are all that they hold."""
    found = np.zeros(len(table), dtype=bool)
    found[table.index.get_indexer(names.index[names.isin(sought)])] = True
    return found


def column_name(commodity: str) -> str:
    """Label column of a commodity: ``Barium-Barite`` is counted in ``n_barium_barite``."""
    return "n_" + re.sub(r"[^a-z0-9]+", "_", commodity.lower()).strip("_")


def count_deposits(chips: gpd.GeoDataFrame, deposits: Deposits) -> pd.DataFrame:
    """Count the deposits in the footprints of chips: the first step to labels.

    Args:
        chips: rows of the ledger with status ``ok``.
        deposits: what to look for.

    Returns:
        One row per chip: chip, product_id, bucket, lon and lat of the footprint's centre, n_deposits, has_open_mine,
        a count per commodity and group, and whether the footprint is ``usable`` (a convex polygon; others hold no
        deposits).
    """
    footprints = geometry.vertex_array(chips.geometry)
    halves = geometry.half_spaces(footprints)
    path, row = (chips[column].to_numpy(np.int64) for column in ("path", "row"))
    sums = sum_inside(footprints, deposits.positions, deposits.weights, path * 1000 + row)
    centres = geometry.lonlat(halves.centres)
    labels = {
        "chip": chips["chip"].to_numpy(np.int64),
        "product_id": chips["product_id"].astype("str").to_numpy(),
        "location_id": [f"{p:03d}{r:03d}" for p, r in zip(path, row, strict=True)],
        "lon": centres[:, 0],
        "lat": centres[:, 1],
        "n_deposits": sums[:, 0],
        "has_open_mine": sums[:, 1] > 0,
    }
    counts = dict(zip(deposits.columns, sums[:, 2:].T, strict=True))
    table = pd.DataFrame({**labels, **counts, "usable": halves.valid})
    return table.astype({"product_id": "str", "location_id": "str"})


def finish_labels(counts: pd.DataFrame, most: int, floor: int = 1) -> pd.DataFrame:
    """Labels from counts: the second step.

    Args:
        counts: from `count_deposits`.
        most: largest ``n_deposits`` of all chips.
        floor: fewest deposits of a positive chip.

    Returns:
        chip, product_id, bucket, lon, lat, n_deposits, has_deposit, richness, max_deposits, is_ambiguous (some
        deposits, but fewer than ``floor``), has_open_mine and the counts per commodity and group; sorted by chip.
    """
    n_deposits = counts["n_deposits"]
    commodities = [name for name in counts.columns if name.startswith("n_") and name != "n_deposits"]
    labels = counts[["chip", "product_id", "location_id", "lon", "lat", "n_deposits"]].assign(
        has_deposit=n_deposits >= floor,
        richness=richness(n_deposits.to_numpy(), most),
        max_deposits=most,
        is_ambiguous=(n_deposits > 0) & (n_deposits < floor),
        has_open_mine=counts["has_open_mine"],
    )
    return pd.concat([labels, counts[commodities]], axis=1).sort_values("chip", ignore_index=True)


def richness(n_deposits: np.ndarray, most: int) -> Floats:
    """Log-normalised richness (n,) in 0..1 of counts (n,), given the largest of all; 0 when that is 0."""
    return np.asarray(np.log1p(n_deposits) / np.log1p(max(most, 1)))


def _spelt(commodities: Sequence[str], known: Sequence[str]) -> list[str]:
    """The commodities as they are spelt in the table."""
    spellings = {column_name(name): name for name in reversed(known)}
    found = []
    for name in commodities:
        meant = [spellings.get(column_name(one)) for one in split_commodities(name)]
        if not meant or None in meant:
            raise DataError(
                f"label.commodities: no deposit holds {name!r}: choose among {', '.join(known[:20]) or 'none'}"
            )
        found += [one for one in meant if one is not None]
    return list(dict.fromkeys(found))
