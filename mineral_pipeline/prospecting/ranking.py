"""Places without a known deposit, ranked by the richness that an ensemble of networks predicts.

A place is a location bucket (WRS-2 path/row) seen by one or more chips. Each member of the ensemble gives a place
the mean of its predictions over the place's chips; the place's richness is the mean of these over the members, and
its uncertainty their standard deviation (n - 1 in the denominator): what the members disagree about. It does not
hold what all of them get wrong in the same way.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from pykdtree.kdtree import KDTree

from mineral_pipeline.errors import DataError
from mineral_pipeline.geometry import CRS, EARTH_RADIUS_KM, unit_vectors
from mineral_pipeline.geometry.antimeridian import cut_at_antimeridian

COLUMNS = ["rank", "location_id", "chip", "product_id", "richness", "uncertainty", "distance_km", "lon", "lat", "geometry"]
"""Of ``prospects.parquet``."""

OF_CHIP = ["location_id", "chip", "product_id", "lon", "lat", "geometry"]
"""Of these, those of a place's best chip."""


def without_known_deposit(labels: pd.DataFrame) -> pd.DataFrame:
    """Chips of the places of which no chip, on any date, holds a known deposit.

    Args:
        labels: with ``location_id`` and ``n_deposits``, one row per chip.
    """
    most = labels.groupby("location_id")["n_deposits"].transform("max")
    return labels[most == 0]


def rank(chips: gpd.GeoDataFrame, predictions: np.ndarray, deposits: np.ndarray) -> gpd.GeoDataFrame:
    """Rank places by predicted richness, the richest first; ties by smaller uncertainty, then by bucket.

    Args:
        chips: ``chip``, ``product_id``, ``location_id``, ``lon``, ``lat`` and footprint ``geometry``, one row per chip.
        predictions: (members, chips) predicted richness, 0 to 1.
        deposits: (m, 2) lon/lat of the known deposits.

    Returns:
        One row per place with `COLUMNS`: ``rank`` from 1; ``chip``, ``product_id``, ``lon``, ``lat`` and ``geometry``
        (cut at the antimeridian) of the place's best chip, the one of the highest mean prediction;
        ``distance_km`` along the great circle from its centre to the nearest known deposit.

    Raises:
        DataError: no chips, fewer than two members, a shape that does not fit, or no deposits.
    """
    if len(chips) == 0:
        raise DataError(
            "no chip without a known deposit: there is nothing to prospect; widen the settings' catalogue section"
        )
    if predictions.ndim != 2 or predictions.shape[0] < 2 or predictions.shape[1] != len(chips):
        raise DataError(f"predictions must be (members >= 2, {len(chips)} chips), not {predictions.shape}")
    members = [f"member {number}" for number in range(len(predictions))]
    by_place = pd.DataFrame(predictions.T, columns=members).groupby(chips["location_id"].to_numpy(), sort=True).mean()
    scores = pd.DataFrame({"richness": by_place.mean(axis=1), "uncertainty": by_place.std(axis=1, ddof=1)})
    predicted = chips[OF_CHIP].assign(predicted=predictions.mean(axis=0))
    best = predicted.sort_values(["predicted", "chip"], ascending=[False, True])
    places = best.drop_duplicates("location_id").merge(scores, left_on="location_id", right_index=True)
    places = places.sort_values(["richness", "uncertainty", "location_id"], ascending=[False, True, True], ignore_index=True)
    places["rank"] = np.arange(1, len(places) + 1)
    places["distance_km"] = nearest_deposit_km(places[["lon", "lat"]].to_numpy(), deposits)
    places["geometry"] = cut_at_antimeridian(places.geometry.to_numpy())
    return gpd.GeoDataFrame(places[COLUMNS], geometry="geometry", crs=CRS)


def nearest_deposit_km(points: np.ndarray, deposits: np.ndarray) -> np.ndarray:
    """Great-circle distance in kilometres from each point to the nearest deposit.

    The nearest by chord between unit vectors is the nearest by arc, so one k-d tree in space serves the sphere:
    ``arc = 2 R asin(chord / 2)``.

    Args:
        points: (n, 2) lon/lat.
        deposits: (m, 2) lon/lat.

    Raises:
        DataError: there are no deposits.
    """
    if len(deposits) == 0:
        raise DataError("no known deposit to measure the distance to: check label.deposits")
    tree = KDTree(np.ascontiguousarray(unit_vectors(deposits)))
    chords, _ = tree.query(np.ascontiguousarray(unit_vectors(points)), k=1)
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(np.clip(chords / 2, 0, 1)))
