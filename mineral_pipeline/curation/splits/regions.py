"""The split by regions: whole regions are in the test subset, and blocks within the others in validation.

A group is a block within a region, not the region: an interval over two regions that are left out would have no width.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mineral_pipeline.curation.splits.blocks import turned_grids
from mineral_pipeline.curation.splits.split import Locations, Split, register
from mineral_pipeline.errors import DataError, SettingsError
from mineral_pipeline.geometry import Flags, Floats, Integers
from mineral_pipeline.settings import Curate


def blocks_within_regions(locations: Locations, config: Curate, rng: np.random.Generator) -> Sequence[Integers]:
    """The blocks of turned grids, each cut along the edges of the regions."""
    region = _number(locations)
    return [region * (blocks.max(initial=0) + 1) + blocks for blocks in turned_grids(locations, config, rng)]


def hold_out_regions(locations: Locations, config: Curate) -> Flags:
    """The locations (n,) of the regions in the test subset.

    Without ``curate.test_regions`` regions are added one by one, each time the one that brings the subset nearest to
    ``curate.test_fraction`` of every stratum, as long as it comes nearer and a region is left.

    Raises:
        DataError: a region of ``curate.test_regions`` has no location, or all locations lie in one region.
    """
    names = np.unique(locations.region)
    if absent := sorted({*(config.test_regions or ())} - {*names}):
        raise DataError(f"curate.test_regions: no usable location lies in {', '.join(absent)}: {_describe(locations)}")
    if len(names) < 2:
        raise DataError(f"curate.split: regions needs at least two regions with locations: {_describe(locations)}")
    if config.test_regions:
        return np.isin(locations.region, config.test_regions)
    region = _number(locations)
    return np.isin(region, _nearest_to(_shares(region, locations.strata), config.test_fraction))


def deal_regions(locations: Locations, config: Curate) -> Integers:
    """The fold (n,) in whose test subset each location is, whole regions at a time.

    The largest region goes first, each to the fold with fewest locations so far. Regions that cannot be a test subset
    alone, because they lack locations of a class, go last: they join others.

    Raises:
        SettingsError: ``curate.folds`` is more than the regions that can be a test subset alone.
    """
    table = pd.DataFrame({"region": locations.region, "positive": locations.strata > 0})
    counts = table.groupby("region")["positive"].agg(["size", "sum"])
    smaller_class = np.minimum(counts["sum"], counts["size"] - counts["sum"])
    counts["alone"] = smaller_class >= config.min_locations.test
    folds = config.folds or 0
    if folds > (alone := int(counts["alone"].sum())):
        raise SettingsError(
            f"curate.folds: {folds} folds, but only {alone} regions have enough locations with and without deposits to"
            f" be tested alone ({_describe(locations)}): set curate.folds: {alone} or fewer, or give curate.regions"
        )
    sizes, fold_of = np.zeros(folds), dict[str, int]()
    for name, size in counts.sort_values(["alone", "size"], ascending=False, kind="stable")["size"].items():
        fold_of[str(name)] = int(sizes.argmin())
        sizes[fold_of[str(name)]] += size
    return np.asarray(table["region"].map(fold_of), dtype=np.int64)


def _number(locations: Locations) -> Integers:
    return np.asarray(np.unique(locations.region, return_inverse=True)[1], dtype=np.int64)


def _shares(region: Integers, strata: Integers) -> Floats:
    """Share (region, stratum) of the locations of each stratum that each region holds."""
    content = np.zeros((region.max() + 1, strata.max() + 1))
    np.add.at(content, (region, strata), 1)
    content = content[:, content.any(axis=0)]
    return np.asarray(content / content.sum(axis=0))


def _nearest_to(shares: Floats, fraction: float) -> list[int]:
    """Rows whose sum is near to ``fraction`` in every column, found greedily: at least one, never all."""
    chosen, total, nearest = list[int](), np.zeros(shares.shape[1]), np.inf
    while len(chosen) < len(shares) - 1:
        distance = ((total + shares - fraction) ** 2).sum(axis=1)
        distance[chosen] = np.inf
        best = int(distance.argmin())
        if distance[best] >= nearest:
            break
        chosen, total, nearest = [*chosen, best], total + shares[best], distance[best]
    return chosen


def _describe(locations: Locations) -> str:
    """How many locations each region has, and how many of them deposits."""
    found = pd.Series(locations.strata > 0).groupby(locations.region).agg(["size", "sum"])
    return "; ".join(
        f"{name or 'no region'}: {row.size_} locations, {row.positive} with deposits"
        for name, row in found.set_axis(["size_", "positive"], axis=1).iterrows()
    )


register(Split("regions", blocks_within_regions, buffered=True, hold_out=hold_out_regions, deal_folds=deal_regions))
