"""Locations without a known deposit, ranked by the richness that an ensemble of networks predicts.

One or more chips show a location. Each member of the ensemble gives a location the mean of its predictions over the
location's chips. The location's richness is the mean of these over the members; its uncertainty is their standard
deviation (n - 1 in the denominator): the disagreement between members, without errors that all of them share.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from pykdtree.kdtree import KDTree

from mineral_pipeline.errors import DataError
from mineral_pipeline.geometry import CRS, EARTH_RADIUS_KM, cut_at_antimeridian, unit_vectors

COLUMNS = [
    "rank", "location_id", "chip_id", "scene_id", "richness", "uncertainty", "distance_km", "lon", "lat", "geometry",
]  # fmt: skip
"""Columns of ``prospects.parquet``."""

CANDIDATE_COLUMNS = ["location_id", "chip_id", "chip_index", "scene_id", "lon", "lat", "geometry"]
"""Columns of a chip that are needed to rank its location."""


def without_known_deposit(labels: pd.DataFrame) -> pd.DataFrame:
    """Chips of the locations of which no chip, on any date, holds a known deposit.

    Args:
        labels: ``location_id`` and ``n_deposits``, one row per chip.
    """
    largest = labels.groupby("location_id")["n_deposits"].transform("max")
    return labels[largest == 0]


def rank(chips: gpd.GeoDataFrame, predictions: np.ndarray, deposits: np.ndarray) -> gpd.GeoDataFrame:
    """Rank locations by predicted richness, the richest first; ties by smaller uncertainty, then by ``location_id``.

    Args:
        chips: `CANDIDATE_COLUMNS` with the footprint as ``geometry``, one row per chip.
        predictions: (members, chips) predicted richness, 0 to 1; nan where the ensemble of a chip has fewer members,
            which are then the same for all chips of a location.
        deposits: (m, 2) lon/lat of the known deposits.

    Returns:
        One row per location with `COLUMNS`: ``rank`` from 1; ``chip_id``, ``scene_id``, ``lon``, ``lat`` and
        ``geometry`` (cut at the antimeridian) of the location's best chip, the one of the highest mean prediction;
        ``distance_km`` along the great circle from its centre to the nearest known deposit.

    Raises:
        DataError: there are no chips, fewer than two members of one or no deposits, or a shape does not fit.
    """
    if len(chips) == 0:
        raise DataError(
            "no chip without a known deposit: there is nothing to prospect; widen the settings' catalogue section"
        )
    if predictions.ndim != 2 or predictions.shape[0] < 2 or predictions.shape[1] != len(chips):
        raise DataError(f"predictions must be (members >= 2, {len(chips)} chips), not {predictions.shape}")
    if (np.isfinite(predictions).sum(axis=0) < 2).any():
        raise DataError("predictions of a chip must be of two members or more")
    by_location = pd.DataFrame(predictions.T).groupby(chips["location_id"].to_numpy(), sort=True).mean()
    scores = pd.DataFrame({"richness": by_location.mean(axis=1), "uncertainty": by_location.std(axis=1, ddof=1)})
    ranked = _best_chips(chips, predictions).merge(scores, left_on="location_id", right_index=True)
    order = ["richness", "uncertainty", "location_id"]
    ranked = ranked.sort_values(order, ascending=[False, True, True], ignore_index=True)
    ranked["rank"] = np.arange(1, len(ranked) + 1)
    ranked["distance_km"] = nearest_deposit_km(ranked[["lon", "lat"]].to_numpy(), deposits)
    ranked["geometry"] = cut_at_antimeridian(ranked.geometry.to_numpy())
    return gpd.GeoDataFrame(ranked[COLUMNS], geometry="geometry", crs=CRS)


def _best_chips(chips: gpd.GeoDataFrame, predictions: np.ndarray) -> gpd.GeoDataFrame:
    """One chip of every location: the one of the highest mean prediction, of equals the first of the store."""
    predicted = chips[CANDIDATE_COLUMNS].assign(predicted=np.nanmean(predictions, axis=0))
    best = predicted.sort_values(["predicted", "chip_index"], ascending=[False, True])
    return best.drop_duplicates("location_id")


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
