"""The hash of the list: the same for the same list, another for any other."""

from __future__ import annotations

from collections.abc import Callable

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from prospect_tables import make_prospects

from mineral_pipeline import prospecting
from mineral_pipeline.errors import DataError
from mineral_pipeline.workspace import Workspace, artefacts

Change = Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame]


def with_value(column: str, value: object) -> Change:
    def change(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        changed = table.copy()
        changed.loc[1, column] = value
        return changed

    return change


def test_the_order_of_rows_and_columns_does_not_matter() -> None:
    table = make_prospects([20.0, 179.8, -60.0])
    turned = table.iloc[::-1][list(table.columns[::-1])]
    assert prospecting.digest(turned) == prospecting.digest(table)


@pytest.mark.parametrize(
    "change",
    [
        with_value("probability", np.nextafter(0.5, 1)),
        with_value("location_id", "001002"),
        with_value("applicable", False),
        with_value("expected_high", 1e300),
        with_value("geometry", shapely.box(179, 11.2, 180, 12.8)),
        lambda table: table.iloc[:2],
        lambda table: table.assign(rank=[2, 1, 3]),
        lambda table: table.rename(columns={"spread": "spreads"}),
        lambda table: table.assign(tenement=""),
    ],
)
def test_any_change_is_another_list(change: Change) -> None:
    table = make_prospects([20.0, 179.8, -60.0])
    assert prospecting.digest(change(table)) != prospecting.digest(table)


def test_a_changed_list_and_changed_deposits_are_refused(workspace: Workspace) -> None:
    workspace.write_table(artefacts.DEPOSITS, pd.DataFrame({"lon": [1.0], "lat": [2.0]}))
    table = make_prospects([20.0, 30.0, -60.0])
    frozen = prospecting.write(workspace, table)
    found, document = prospecting.read_frozen(workspace, frozen.upper())
    assert (len(found), document["list"], document["locations"]) == (3, frozen, 3)
    with pytest.raises(DataError, match=r"its SHA-256 is .*, not abc: restore that list"):
        prospecting.read_frozen(workspace, "abc")
    workspace.write_table(artefacts.PROSPECTS, table.assign(rank=[3, 2, 1]))
    with pytest.raises(DataError, match=r"is not the list that was frozen"):
        prospecting.read_frozen(workspace)
    workspace.write_table(artefacts.PROSPECTS, table)
    workspace.write_table(artefacts.DEPOSITS, pd.DataFrame({"lon": [1.0], "lat": [2.5]}))
    with pytest.raises(DataError, match="has changed since the prospects were made"):
        prospecting.read_frozen(workspace)
