"""Prospects beside the truth of a simulated planet."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from mineral_pipeline import prospecting


def test_true_prospects_are_counted_beside_what_chance_would_give() -> None:
    names = [f"{number:06d}" for number in range(40)]
    # the first, the third and the last of 40 hold undiscovered deposits; the table is not in their order
    undiscovered = pd.Series(0, index=[*names, "999999"])
    undiscovered[[names[0], names[2], names[39], "999999"]] = [5, 1, 2, 7]
    prospects = gpd.GeoDataFrame({"location_id": names[::-1], "rank": range(40, 0, -1)})

    found = prospecting.judge(prospects, undiscovered, 20)
    assert found == "2 of the first 20 hold undiscovered deposits, 1.5 expected by chance"
    assert prospecting.judge(prospects, undiscovered, 100).startswith("3 of the first 40 hold")
