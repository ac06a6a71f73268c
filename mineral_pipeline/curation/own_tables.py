"""Splits and their leakage for tables of footprints that come from anywhere: geometry, and a column or two."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pydantic import ValidationError

from mineral_pipeline import geometry
from mineral_pipeline.curation.leakage import SharedGround, contained_by_subset
from mineral_pipeline.curation.regions import CONTINENTS, assign_regions, read_regions
from mineral_pipeline.curation.splits import find_split, make_split
from mineral_pipeline.curation.splits.assignment import outside_buffer
from mineral_pipeline.errors import DataError, SettingsError, one_line
from mineral_pipeline.geometry import CRS, Integers, Points
from mineral_pipeline.learning import DROPPED, SUBSETS
from mineral_pipeline.settings import Curate

Table: TypeAlias = gpd.GeoSeries | gpd.GeoDataFrame
"""Polygons in any reference system, with columns or without."""


@dataclass(frozen=True)
class SplitOptions:
    """How footprints are divided; the fields are those of the section ``curate`` of a settings file."""

    split: str = "blocks"
    """Name of a registered split: ``blocks``, ``regions`` or ``buckets``."""
    block_size_km: float = 1000
    """Edge length of a block in kilometres."""
    test_fraction: float = 0.2
    """Fraction of the locations in the test subset."""
    validation_fraction: float = 0.2
    """Fraction of the others in the validation subset."""


def split_footprints(
    table: Table,
    options: SplitOptions = SplitOptions(),
    *,
    location: str | None = None,
    richness: str | None = None,
    seed: int = 0,
) -> pd.Series[str]:
    """Divide footprints into training, validation and test, so that no ground is in two of them.

    Args:
        table: polygons in any reference system (WGS 84 when they have none).
        options: how they are divided.
        location: column whose value is the same for footprints that stay together; by default each is by itself.
        richness: column of numbers from 0 of which every subset gets its share.
        seed: seed of the random choices.

    Returns:
        Name of the subset of each row, with the index of the table: ``train``, ``validation``, ``test``, or ``dropped``
        where it shares ground with a subset that comes before its own (test, then validation).

    Raises:
        DataError: there is no row, no geometry, no such column, or a row is no polygon.
        SettingsError: an option is out of range, or there is no such split.
    """
    chips = _chips(table, location, richness)
    try:  # no split reads land, which Curate requires
        config = Curate(land=str(CONTINENTS), **asdict(options))
    except ValidationError as error:
        raise SettingsError(f"options of the split: {one_line(error)}") from None
    split = find_split(options.split)
    made = make_split(assign_regions(chips, read_regions(config)), config, seed)
    names = np.array(SUBSETS, dtype=object)[made.subset]
    if split.buffered:
        names[~outside_buffer(made.subset, made.locations.pairs)] = DROPPED
    subsets = names[made.locations.ids.get_indexer(pd.Index(chips["location_id"]))]
    return pd.Series(subsets, index=table.index, name="subset", dtype="str")


def measure_split(
    table: gpd.GeoDataFrame, subset: str = "subset", deposits: Points | None = None, location: str | None = None
) -> pd.DataFrame:
    """Measure how much ground, and how many deposits, the subsets of a split share.

    Args:
        table: polygons in any reference system (WGS 84 when they have none).
        subset: column that names the subset of each row, in any words; rows that say ``dropped`` are in none.
        deposits: points, (m, 2) lon/lat or in any reference system.
        location: column whose value is the same for footprints of one location; by default each is one by itself.

    Returns:
        A row for each ordered pair of subsets: their names ``subset`` and ``other``, and of the first of them ``area``,
        the share of its ground that lies under footprints of the other; ``locations``, the share of its locations of
        which some ground does; ``worst``, the largest share of one location's ground; ``deposits`` inside both.

    Raises:
        DataError: there is no row, no geometry, no such column, a row without a subset or one that is no polygon, or
            only one subset.
    """
    _check_columns(table, [subset, location])
    named = table[subset].astype("str").str.strip()
    if unnamed := np.flatnonzero(table[subset].isna() | (named == "")).tolist():
        raise DataError(f"rows {unnamed[:10]} name no subset in {subset}: give each one")
    kept = table[named.to_numpy() != DROPPED]
    words, number = np.unique(named[named != DROPPED].to_numpy(dtype=object).astype(str), return_inverse=True)
    if len(words) < 2:
        raise DataError(f"column {subset} names {one_line(', '.join(words)) or 'no subset'} only: a split has several")
    shapes, is_kept = geometry.to_shapes(table), named.to_numpy() != DROPPED
    whole = np.where(is_kept, shapes, np.array(shapely.box(0, 0, 1, 1), dtype=object))  # rows keep their numbers
    geometry.checked(whole, "raise", geometry.REPAIR_OR_REMOVE)
    footprints = shapes[is_kept]
    keys = pd.factorize(kept[location])[0] if location else np.arange(len(kept))
    # A location with footprints in two subsets counts as two locations, one in each.
    pairs, numbers = np.unique(np.stack([number, keys], axis=1), axis=0, return_inverse=True)
    of_footprint: Integers = numbers.reshape(-1)
    compared = list(itertools.permutations(range(len(words)), 2))
    ground = SharedGround(footprints, of_footprint, pairs[:, 0], compared)
    positions = geometry.to_positions(np.empty((0, 2)) if deposits is None else deposits)
    positions = positions[np.isfinite(positions).all(axis=1)]
    contained = contained_by_subset(footprints, of_footprint, pairs[:, 0], positions, len(words))
    rows = [
        {"subset": words[one], "other": words[other], **asdict(ground.compare(one, other, contained))}
        for one, other in compared
    ]
    return pd.DataFrame(rows)


def _chips(table: Table, location: str | None, richness: str | None) -> gpd.GeoDataFrame:
    """The footprints as `make_split` reads chips."""
    _check_columns(table, [location, richness])
    shapes = geometry.to_shapes(table)
    lon, lat = geometry.lonlat(geometry.checked(shapes, "raise", geometry.REPAIR_OR_REMOVE).centres).T
    values = np.zeros(len(table)) if richness is None else pd.to_numeric(table[richness], errors="coerce").to_numpy()
    if not (values >= 0).all():
        raise DataError(f"column {richness} must hold numbers from 0: row {int(np.argmin(values >= 0))} does not")
    keys = np.arange(len(table)) if location is None else table[location].to_numpy()
    facts = {"location_id": keys, "lon": lon, "lat": lat, "richness": values, "drop_reason": ""}
    return gpd.GeoDataFrame(facts, geometry=shapes, crs=CRS)


def _check_columns(table: Table, names: list[str | None]) -> None:
    """Refuse a table without rows, geometry or one of these columns."""
    if not isinstance(table, gpd.GeoSeries | gpd.GeoDataFrame):
        raise DataError(f"footprints must be a GeoDataFrame or a GeoSeries, not a {type(table).__name__}")
    geometry.find_geometry(table)
    columns = list(map(str, table.columns)) if isinstance(table, gpd.GeoDataFrame) else []
    for name in names:
        if name is not None and name not in columns:
            raise DataError(f"the table has no column {name}: its columns are {one_line(', '.join(columns)) or 'none'}")
    if table.empty:
        raise DataError("the table of footprints is empty: give it rows")
