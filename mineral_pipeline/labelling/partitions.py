"""The steps from the ledger to labels, each a function of one Dask partition of chips.

A chip is positive when it holds at least ``label.min_deposits`` deposits. One that holds fewer, but at least one, is
ambiguous and belongs to neither class, because not all deposits are known. Counting needs one partition of the ledger
at a time; richness needs the largest count of all partitions, so that labels are made in two steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import geopandas as gpd
import numpy as np
import pandas as pd

from mineral_pipeline import geometry
from mineral_pipeline.geometry import SphericalPolygons
from mineral_pipeline.labelling.membership import sum_inside
from mineral_pipeline.labelling.targets import Deposits, richness
from mineral_pipeline.learning import subject_column
from mineral_pipeline.workspace import Workspace, artefacts, ledger
from mineral_pipeline.workspace.identities import KEYS

EMPTY_CHIPS = ledger.to_table([])
"""Empty partition of chips: the ``meta`` of what `read_chips` returns."""

CHIP_BYTES, DEPOSIT_BYTES = 2_500, 600
"""Memory of a chip and of a deposit while they are counted (measured: 2,300 with 42 counts, and 510 to 580 where the
deposits lie everywhere; half of it where they lie together)."""


def partition_bytes(chips: float, deposits: int) -> float:
    """Memory in bytes that counting ``deposits`` in a partition of ``chips`` takes beside the program's own."""
    return CHIP_BYTES * chips + DEPOSIT_BYTES * deposits


def empty_counts(deposits: Deposits) -> pd.DataFrame:
    """Return an empty partition of counts: the ``meta`` of what `count_deposits` returns."""
    return count_deposits(EMPTY_CHIPS, deposits)


def read_chips(shards: Sequence[int], workspace: Workspace) -> gpd.GeoDataFrame:
    """Read the chips of some shards: the rows of the ledger whose status is ``ok``."""
    if not len(shards):
        return EMPTY_CHIPS
    chips: gpd.GeoDataFrame = workspace.read_tables([artefacts.ledger_part(shard) for shard in shards])
    return chips[chips["status"] == ledger.State.OK].reset_index(drop=True)


def count_deposits(chips: gpd.GeoDataFrame, deposits: Deposits) -> pd.DataFrame:
    """Count the deposits in the footprints of chips: the first step to labels.

    Args:
        chips: rows of the ledger with status ``ok``.
        deposits: deposits to count.

    Returns:
        One row per chip: chip_id, scene_id, location_id, chip_index, lon and lat of the footprint's centre, n_deposits,
        has_open_mine, is_barren (an explored place without a deposit lies inside, and no deposit), a count per
        commodity and group, and ``footprint_error``, which says why a footprint is no polygon. Such a footprint
        contains nothing.
    """
    footprints = SphericalPolygons.of(chips.geometry)
    place = pd.factorize(chips["location_id"])[0]
    sums = sum_inside(footprints, deposits.positions, deposits.weights, place)
    explored = sum_inside(footprints, deposits.barren, np.ones((len(deposits.barren), 1), dtype=np.int32), place)
    centres = geometry.lonlat(footprints.centres)
    labels = {
        **{key: chips[key].astype("str").to_numpy() for key in KEYS},
        "chip_index": chips["chip_index"].to_numpy(np.int64),
        "lon": centres[:, 0],
        "lat": centres[:, 1],
        "n_deposits": sums[:, 0],
        "has_open_mine": sums[:, 1] > 0,
        "is_barren": (explored[:, 0] > 0) & (sums[:, 0] == 0),
    }
    counts = dict(zip(deposits.columns, sums[:, 2:].T, strict=True))
    errors = [footprints.errors.get(row, "") for row in range(len(chips))]
    return pd.DataFrame({**labels, **counts, "footprint_error": errors}).astype(
        dict.fromkeys([*KEYS, "footprint_error"], "str")
    )


def summarise_counts(counts: pd.DataFrame, subjects: Sequence[str]) -> tuple[list[int], dict[str, list[str]]]:
    """Return the largest number of deposits of every subject, and chips whose footprint is no polygon, by reason."""
    broken = counts[counts["footprint_error"] != ""]
    chips = {str(reason): rows["chip_id"].tolist() for reason, rows in broken.groupby("footprint_error")}
    largest = counts[[subject_column("n_deposits", subject) for subject in subjects]].max().fillna(0)
    return largest.astype(int).tolist(), chips


def finish_labels(
    counts: pd.DataFrame, max_deposits: int, min_deposits: int = 1, subjects: Mapping[str, int] | None = None
) -> pd.DataFrame:
    """Make labels from counts: the second step.

    Args:
        counts: table of `count_deposits`.
        max_deposits: largest ``n_deposits`` of all chips.
        min_deposits: smallest number of deposits of a positive chip.
        subjects: what tasks are about, with the largest count of it of all chips.

    Returns:
        chip_id, scene_id, location_id, chip_index, lon, lat, n_deposits, has_deposit, richness, max_deposits,
        is_ambiguous (some deposits, but fewer than ``min_deposits``), has_open_mine, is_barren and the counts per
        commodity and group; and of each of ``subjects``, has_gold, richness_gold and is_ambiguous_gold, which tell of
        its deposits what has_deposit, richness and is_ambiguous tell of all; sorted by chip_index.
    """
    every = _targets(counts["n_deposits"], max_deposits, min_deposits)
    commodities = [name for name in counts.columns if name.startswith("n_") and name != "n_deposits"]
    about = [
        _targets(counts[subject_column("n_deposits", subject)], largest, min_deposits).rename(
            columns=partial(subject_column, subject=subject)
        )
        for subject, largest in (subjects or {}).items()
    ]
    labels = counts[[*KEYS, "chip_index", "lon", "lat", "n_deposits"]].assign(
        has_deposit=every["has_deposit"],
        richness=every["richness"],
        max_deposits=max_deposits,
        is_ambiguous=every["is_ambiguous"],
        has_open_mine=counts["has_open_mine"],
        is_barren=counts["is_barren"],
    )
    return pd.concat([labels, counts[commodities], *about], axis=1).sort_values("chip_index", ignore_index=True)


def _targets(found: pd.Series, largest: int, min_deposits: int) -> pd.DataFrame:
    """What numbers of deposits (chip,) mean to the tasks."""
    return pd.DataFrame(
        {
            "has_deposit": found >= min_deposits,
            "richness": richness(found.to_numpy(), largest),
            "is_ambiguous": (found > 0) & (found < min_deposits),
        }
    )


def write_labels(
    counts: pd.DataFrame, partition: int, largest: Mapping[str, int], min_deposits: int, workspace: Workspace
) -> int:
    """Finish the labels of a partition and write them as one part; return their number.

    Args:
        counts: table of `count_deposits`.
        partition: number of the partition.
        largest: largest number of deposits of all chips by subject: of all deposits, which is empty, and of the tasks.
        min_deposits: smallest number of deposits of a positive chip.
        workspace: the workspace.
    """
    if len(counts):
        subjects = {subject: number for subject, number in largest.items() if subject}
        labels = finish_labels(counts, largest[""], min_deposits, subjects)
        workspace.write_table(artefacts.labels_part(partition), labels)
    return len(counts)
