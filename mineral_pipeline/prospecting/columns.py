"""Columns of the prospects by which they are shown: the one that ranks them, and those that become a raster."""

from __future__ import annotations

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
