"""Prospects beside the truth, which only a simulated planet tells."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd


def judge(prospects: gpd.GeoDataFrame, undiscovered: pd.Series, top: int, what: str = "deposits") -> str:
    """Say how many of the first prospects hold undiscovered deposits, and how many would by chance.

    Args:
        prospects: ``location_id`` and ``rank``.
        undiscovered: number of undiscovered deposits by ``location_id``.
        top: number of prospects that count as the first, at most.
        what: which deposits are counted.
    """
    ranked = prospects.sort_values("rank")["location_id"]
    is_true = undiscovered.reindex(ranked).to_numpy() > 0
    top = min(top, len(is_true))
    expected = top * is_true.mean() if top else 0.0
    return f"{is_true[:top].sum():,} of the first {top:,} hold undiscovered {what}, {expected:.1f} expected by chance"
