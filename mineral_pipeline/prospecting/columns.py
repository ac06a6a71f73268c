"""Columns of the prospects by which they are shown: the one that ranks them, and those that become a raster."""

from __future__ import annotations

import pandas as pd

from mineral_pipeline.errors import DataError

RANKING = ("expected_number", "richness")
"""The column that ranks the prospects, the first that a table has; those of an ensemble of regressors have the last."""

BANDS = {
    "probability": "probability",
    "expected_number": "expected_number",
    "spread": "spread",
    "applicability": "applicable",
    "richness": "richness",
    "uncertainty": "uncertainty",
}
"""Bands of the raster in their order, with the column of each; a table has the first four, or the last two."""

TITLES = {
    "probability": "Probability of a deposit",
    "expected_number": "Expected number of deposits",
    "spread": "Spread of the expected number",
    "applicability": "Where the model applies",
    "richness": "Predicted richness",
    "uncertainty": "Uncertainty of the richness",
}
"""What each band is called for people."""


def ranking_column(prospects: pd.DataFrame) -> str:
    """Name of the column that ranks the prospects.

    Raises:
        DataError: they have none.
    """
    for name in RANKING:
        if name in prospects:
            return name
    raise DataError(f"prospects have no column {RANKING[0]}: run the job prospect again")


def bands_of(prospects: pd.DataFrame) -> dict[str, str]:
    """Bands of the raster of some prospects, with the column of each.

    Raises:
        DataError: they have none.
    """
    found = {band: column for band, column in BANDS.items() if column in prospects}
    if not found:
        raise DataError(f"prospects have none of the columns {', '.join(BANDS.values())}: run the job prospect again")
    return found
