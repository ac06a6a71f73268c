"""Which deposits a back-test hides: those of random locations, of whole regions, or found after a year."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from mineral_pipeline import curation, labelling
from mineral_pipeline.errors import DataError, SettingsError
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts


def choose_hidden(settings: Settings) -> pd.DataFrame:
    """The deposits to hide, those of ``prospect.commodity`` where it is set: their rows of ``deposits.parquet``.

    Raises:
        SettingsError: there is no section curate for regions, or the settings hide nothing.
        DataError: they would hide every deposit.
    """
    workspace = Workspace(settings.workspace)
    deposits: gpd.GeoDataFrame = workspace.read_table(artefacts.DEPOSITS)
    deposits = deposits[labelling.holding(deposits, settings.prospect.commodity or "")]
    if settings.backtest.hide == "year":
        chosen = found_after(deposits, settings.backtest.year or 0)
    else:
        chips = curation.read_chips(workspace)
        if settings.backtest.hide == "regions":
            if settings.curate is None:
                raise SettingsError("backtest.hide: regions needs the section curate, whose regions it takes")
            chips = curation.assign_regions(chips, curation.read_regions(settings.curate))
        chosen = inside_some(chips, deposits, settings)
    if chosen.all():
        raise DataError("backtest: every deposit would be hidden: lower backtest.fraction, or raise backtest.year")
    return pd.DataFrame(deposits[chosen])


def found_after(deposits: pd.DataFrame, year: int) -> np.ndarray:
    """(deposit,) whether each was found after a year; no deposit without a year was.

    Raises:
        SettingsError: none was.
    """
    years = deposits["year"]
    chosen = (years > year).fillna(False).to_numpy(bool)
    if not chosen.any():
        known = f"{years.min()} to {years.max()}" if years.notna().any() else "no year of discovery"
        raise SettingsError(
            f"backtest.year: none of {len(deposits):,} deposits was found after {year} (the tables tell {known}):"
            " give an earlier year, or hide places"
        )
    return np.asarray(chosen)


def inside_some(chips: gpd.GeoDataFrame, deposits: pd.DataFrame, settings: Settings) -> np.ndarray:
    """(deposit,) whether each lies in a location that is drawn, by itself or with all of its region.

    Args:
        chips: chips of the workspace, with ``region`` for regions.
        deposits: lon and lat.
        settings: ``backtest`` tells what is drawn, and how much.
    """
    outlines = curation.find_locations(chips, "outline")
    inside = labelling.membership(outlines, deposits[["lon", "lat"]].to_numpy(np.float64), invalid="warn")
    is_rich = np.diff(inside.indptr) > 0
    if not is_rich.any():
        raise DataError("backtest: no location holds a known deposit: there is nothing to hide")
    by_location = chips.drop_duplicates("location_id").set_index("location_id")
    column = by_location["region"] if settings.backtest.hide == "regions" else by_location.index.to_series()
    keys = outlines["location_id"].map(column).to_numpy(object)
    drawn = np.isin(keys, draw(keys[is_rich], settings.backtest.fraction, settings.backtest.seed))
    hidden = np.zeros(len(deposits), bool)
    hidden[inside[drawn].indices] = True
    return hidden


def draw(keys: np.ndarray, fraction: float, seed: int) -> list[str]:
    """Keys that together have at least a share of the locations; one key at least is not drawn.

    Args:
        keys: (location,) key of each location with known deposits: itself, or its region.
        fraction: share of the locations.
        seed: seed of the order in which keys are drawn.

    Raises:
        SettingsError: all locations have one key.
    """
    names, counts = np.unique(keys.astype(str), return_counts=True)
    if len(names) == 1:
        raise SettingsError(
            f"backtest: all known deposits lie in one place or region, {names[0] or 'none'}: hide places"
        )
    order = np.random.default_rng(seed).permutation(len(names))
    needed = int(np.searchsorted(np.cumsum(counts[order]), fraction * len(keys) - 1e-9)) + 1
    return [str(name) for name in names[order[: min(needed, len(names) - 1)]]]
