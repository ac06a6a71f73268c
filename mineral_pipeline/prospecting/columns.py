"""Columns of the prospects by which they are shown: the one that ranks them, and those that become a raster."""

from __future__ import annotations

import pandas as pd

from mineral_pipeline.learning import of_subject

RANKING = "expected_number"
"""The column that ranks the prospects."""

BANDS = {
    "probability": "probability",
    "expected_number": "expected_number",
    "spread": "spread",
    "applicability": "applicable",
}
"""Bands of the raster in their order, with the column of each."""

TITLES = {
    "probability": "Probability of a deposit",
    "expected_number": "Expected number of deposits",
    "spread": "Spread of the expected number",
    "applicability": "Where the model applies",
}
"""What each band is called for people."""

COMMODITY = "commodity"
"""Column of a list that is of one commodity or group alone, which it names as the settings do."""


def commodity_of(prospects: pd.DataFrame) -> str:
    """What a list is of, as a task names its subject; empty for all deposits."""
    return str(prospects[COMMODITY].iloc[0]) if COMMODITY in prospects and len(prospects) else ""


def band_title(band: str, commodity: str) -> str:
    """What a band is called for people in a list of a commodity, such as ``Probability of a deposit of gold``."""
    return TITLES[band] + (of_subject(commodity) if band in ("probability", "expected_number") else "")
