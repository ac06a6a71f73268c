"""Ground that is left out besides the ocean: inside polygons of the user's, or under snow and ice."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from mineral_pipeline.curation.chips import drop_chips, drop_locations, find_locations
from mineral_pipeline.curation.polygons import find_containing
from mineral_pipeline.workspace import Workspace, artefacts

INSIDE, SNOW = "inside an excluded area", "snow or ice"
"""Reasons why a chip is dropped."""


def drop_inside(chips: gpd.GeoDataFrame, polygons: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Mark the chips of locations whose centre lies inside any of the polygons, as `find_containing` tells.

    Raises:
        DataError: no chip is left.
    """
    locations = find_locations(chips)
    inside = np.unique(find_containing(locations.get_coordinates().to_numpy(), polygons)[0])
    return drop_locations(chips, locations["location_id"].iloc[inside], INSIDE)


def drop_snow(chips: gpd.GeoDataFrame, shares: pd.Series, fraction: float) -> gpd.GeoDataFrame:
    """Mark the chips of which at least ``fraction`` looks like snow or ice.

    Args:
        chips: chips as `read_chips` gives them.
        shares: share of every usable chip, by ``chip_index``.
        fraction: from 0 to 1.

    Raises:
        DataError: no chip is left.
    """
    return drop_chips(chips, chips["chip_index"].map(shares) >= fraction, SNOW)


def excluded_chips(workspace: Workspace, sample_set: str) -> pd.Series:
    """Keys of the chips that were left out for their ground when a sample set was made."""
    samples = workspace.read_table(artefacts.samples_table(sample_set), ["chip_id", "drop_reason"])
    keys: pd.Series = samples["chip_id"][samples["drop_reason"].isin([INSIDE, SNOW])]
    return keys
