"""Locations without a known deposit, ranked by the number of deposits that is to be expected of them.

The expected number is the calibrated probability of at least one deposit times the number to expect where there is one.
What the models say of a location is made elsewhere, as `Scores`; here it becomes a list.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from pykdtree.kdtree import KDTree

from mineral_pipeline.errors import DataError
from mineral_pipeline.geometry import CRS, EARTH_RADIUS_KM, cut_at_antimeridian, unit_vectors
from mineral_pipeline.prospecting.columns import COMMODITY

SCORES = [
    "probability", "expected_given_one", "expected_number", "expected_low", "expected_high", "spread", "first_10",
    "dissimilarity", "applicable",
]  # fmt: skip
"""What is said of a location; see the data contract in docs/architecture.md."""

COLUMNS = ["rank", "location_id", "chip_id", "scene_id", *SCORES, "distance_km", "lon", "lat", "geometry"]
"""Columns of ``prospects.parquet``."""

CANDIDATE_COLUMNS = ["location_id", "chip_id", "chip_index", "scene_id", "lon", "lat", "geometry"]
"""Columns of a chip that are needed to rank its location."""

FIRST = 10
"""Places among which ``first_10`` counts a location."""


@dataclass(frozen=True)
class Candidates:
    """Chips of the locations that are to be ranked, and by which of them each is shown."""

    chips: gpd.GeoDataFrame
    """`CANDIDATE_COLUMNS` with the footprint as ``geometry``, one row per chip."""
    promise: np.ndarray
    """(chip,) what the models expect of a chip; a location is shown by its most promising one."""


def without_known_deposit(labels: pd.DataFrame) -> pd.DataFrame:
    """Chips of the locations of which no chip, on any date, holds a known deposit.

    Args:
        labels: ``location_id`` and ``n_deposits``, one row per chip.
    """
    largest = labels.groupby("location_id")["n_deposits"].transform("max")
    return labels[largest == 0]


def rank(
    candidates: Candidates, scores: pd.DataFrame, deposits: np.ndarray, commodity: str | None = None
) -> gpd.GeoDataFrame:
    """Rank locations by their expected number of deposits; ties by smaller spread, then by ``location_id``.

    Args:
        candidates: the chips of the locations.
        scores: `SCORES` of every location, indexed by ``location_id``.
        deposits: (m, 2) lon/lat of the known deposits, of the commodity where there is one.
        commodity: what is looked for, which becomes a column before the geometry; None for all deposits.

    Returns:
        One row per location with `COLUMNS`: ``rank`` from 1; ``chip_id``, ``scene_id``, ``lon``, ``lat`` and
        ``geometry`` (cut at the antimeridian) of the location's most promising chip; ``distance_km`` along the great
        circle from its centre to the nearest known deposit.

    Raises:
        DataError: there are no chips or no deposits, a location has no scores, or an expected number is not known.
    """
    chips = candidates.chips
    if len(chips) == 0:
        raise DataError(
            "no chip without a known deposit: there is nothing to prospect; widen the settings' catalogue section"
        )
    if unknown := sorted({*chips["location_id"]} - {*scores.index[scores["expected_number"].notna()]}):
        raise DataError(f"locations without an expected number: {', '.join(map(str, unknown[:3]))} of {len(unknown):,}")
    ranked = _most_promising(candidates).merge(scores[SCORES], left_on="location_id", right_index=True)
    order, ascending = ["expected_number", "spread", "location_id"], [False, True, True]
    ranked = ranked.sort_values(order, ascending=ascending, na_position="last", ignore_index=True)
    ranked["rank"] = np.arange(1, len(ranked) + 1)
    ranked["distance_km"] = nearest_deposit_km(ranked[["lon", "lat"]].to_numpy(), deposits)
    ranked["geometry"] = cut_at_antimeridian(ranked.geometry.to_numpy())
    found = gpd.GeoDataFrame(ranked[COLUMNS], geometry="geometry", crs=CRS)
    if commodity is not None:
        found.insert(len(COLUMNS) - 1, COMMODITY, commodity)
    return found


def _most_promising(candidates: Candidates) -> gpd.GeoDataFrame:
    """One chip of every location, of equals the first of the store."""
    promising = candidates.chips[CANDIDATE_COLUMNS].assign(promise=candidates.promise)
    best = promising.sort_values(["promise", "chip_index"], ascending=[False, True])
    return best.drop_duplicates("location_id").drop(columns="promise")


def among_first(resampled: np.ndarray, first: int = FIRST) -> np.ndarray:
    """Share of the resamples in which each location is among the first; of equals all that tie with the last are.

    Args:
        resampled: (resample, location) what ranks the locations.
        first: number of places that count.
    """
    if not resampled.size:
        return np.full(resampled.shape[1], np.nan)
    first = min(first, resampled.shape[1])
    least = np.partition(resampled, -first, axis=1)[:, -first]
    return np.asarray((resampled >= least[:, None]).mean(axis=0))


def nearest_deposit_km(points: np.ndarray, deposits: np.ndarray) -> np.ndarray:
    """Great-circle distance in kilometres from each point to the nearest deposit.

    The nearest by chord between unit vectors is the nearest by arc, so a k-d tree of unit vectors finds it:
    ``arc = 2 R asin(chord / 2)``.

    Args:
        points: (n, 2) lon/lat in degrees.
        deposits: (m, 2) lon/lat in degrees.

    Raises:
        DataError: there are no deposits.
    """
    if len(deposits) == 0:
        raise DataError("no known deposit to measure the distance to: check label.deposits")
    tree = KDTree(np.ascontiguousarray(unit_vectors(deposits)))
    chords, _ = tree.query(np.ascontiguousarray(unit_vectors(points)), k=1)
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(np.clip(chords / 2, 0, 1)))
