"""Deposits that are hidden for a back-test."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

from mineral_pipeline.errors import DataError, SettingsError
from mineral_pipeline.labelling import DepositTable, hide


def make_table() -> DepositTable:
    points = gpd.points_from_xy([0, 1, 2], [0, 0, 0])
    return DepositTable(gpd.GeoDataFrame({"id": ["a", "b", "c"]}, geometry=points, crs="EPSG:4326"), {}, 0)


def save(path: Path, *ids: str) -> str:
    pd.DataFrame({"id": list(ids)}).to_parquet(path)
    return str(path)


def test_those_that_a_table_names_are_left_out(tmp_path: Path) -> None:
    found = hide(make_table(), save(tmp_path / "hidden.parquet", "b"))
    assert found.table["id"].tolist() == ["a", "c"]
    assert found.table.index.tolist() == [0, 1]
    assert (found.hidden, found.reading()["hidden"]) == (1, 1)
    assert hide(make_table(), None).table["id"].tolist() == ["a", "b", "c"]


def test_what_cannot_be_hidden_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"names 1 deposits that label.deposits lack, such as 'x': .* run backtest again"
    ):
        hide(make_table(), save(tmp_path / "hidden.parquet", "a", "x"))
    with pytest.raises(DataError, match="hides every deposit"):
        hide(make_table(), save(tmp_path / "hidden.parquet", "c", "b", "a"))
    with pytest.raises(SettingsError, match=r"label\.hidden: .*absent\.parquet cannot be read"):
        hide(make_table(), str(tmp_path / "absent.parquet"))
    (tmp_path / "text.parquet").write_text("id\na\n")
    with pytest.raises(SettingsError, match=r"label\.hidden: .*text\.parquet cannot be read"):
        hide(make_table(), str(tmp_path / "text.parquet"))
