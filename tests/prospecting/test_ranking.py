"""Ranking: means and spreads by hand, order, ties, distances in different arithmetic."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_pipeline.errors import DataError
from mineral_pipeline.prospecting import (
    COLUMNS,
    SCORES,
    Candidates,
    among_first,
    nearest_deposit_km,
    rank,
    without_known_deposit,
)

DEPOSITS = np.array([[10.0, 50.0], [179.9, 0.0]])


def make_chips(location_ids: list[str], lon: float = 0.0) -> gpd.GeoDataFrame:
    lons = lon + np.arange(len(location_ids), dtype=float)
    columns = {
        "chip_id": [f"C{number}" for number in range(len(location_ids))],
        "chip_index": np.arange(len(location_ids)),
        "scene_id": [f"P{number}" for number in range(len(location_ids))],
        "location_id": location_ids,
        "lon": lons,
        "lat": 10.0,
    }
    return gpd.GeoDataFrame(columns, geometry=shapely.box(lons - 0.5, 9.5, lons + 0.5, 10.5), crs="EPSG:4326")


def make_scores(expected: dict[str, float], spread: dict[str, float] | None = None) -> pd.DataFrame:
    table = pd.DataFrame({name: 0.5 for name in SCORES}, index=pd.Index(list(expected), name="location_id"))
    return table.assign(
        expected_number=list(expected.values()), spread=list((spread or dict.fromkeys(expected, 0.1)).values())
    )


def rank_chips(chips: gpd.GeoDataFrame, scores: pd.DataFrame, promise: list[float] | None = None) -> gpd.GeoDataFrame:
    return rank(Candidates(chips, np.array(promise or [0.0] * len(chips))), scores, DEPOSITS)


def test_the_most_deposits_to_expect_come_first() -> None:
    prospects = rank_chips(make_chips(["001001", "001001", "002002"]), make_scores({"001001": 0.2, "002002": 3.5}))
    assert list(prospects.columns) == COLUMNS
    assert prospects["location_id"].tolist() == ["002002", "001001"]
    assert prospects["rank"].tolist() == [1, 2]
    assert prospects["expected_number"].tolist() == [3.5, 0.2]


def test_a_location_shows_its_most_promising_chip() -> None:
    prospects = rank_chips(make_chips(["001001"] * 3), make_scores({"001001": 1.0}), [0.1, 0.4, 0.4])
    assert prospects[["chip_id", "scene_id", "lon"]].to_numpy().tolist() == [["C1", "P1", 1.0]]  # the first of equals
    assert prospects.geometry[0].equals(shapely.box(0.5, 9.5, 1.5, 10.5))


@given(order=st.permutations(range(4)))
@settings(max_examples=10, deadline=None)
def test_ties_fall_to_the_surer_then_to_the_location_whatever_the_order_of_the_chips(order: list[int]) -> None:
    chips = make_chips(["004004", "001001", "003003", "002002"])
    spread = {"004004": 0.0, "001001": 0.0, "003003": 0.3, "002002": math.nan}  # of a single model: not known
    prospects = rank_chips(chips.iloc[order], make_scores(dict.fromkeys(spread, 0.5), spread))
    assert prospects["location_id"].tolist() == ["001001", "004004", "003003", "002002"]


def test_the_share_of_resamples_in_which_a_location_is_among_the_first() -> None:
    resampled = np.array([[3.0, 2.0, 1.0, 0.0], [0.0, 1.0, 1.0, 3.0]])
    assert among_first(resampled, 2).tolist() == [0.5, 1.0, 0.5, 0.5]  # the two that tie for the second place both are
    assert among_first(resampled, 9).tolist() == [1.0] * 4
    assert np.isnan(among_first(np.empty((0, 3)))).all()


def test_only_locations_without_any_known_deposit_remain() -> None:
    labels = pd.DataFrame({"location_id": ["a", "a", "b", "b", "c"], "n_deposits": [0, 1, 0, 0, 2]})
    assert without_known_deposit(labels).index.tolist() == [2, 3]


@given(
    points=st.lists(st.tuples(st.floats(-180, 180), st.floats(-89, 89)), min_size=1, max_size=5),
    deposits=st.lists(st.tuples(st.floats(-180, 180), st.floats(-89, 89)), min_size=1, max_size=8),
)
@settings(max_examples=60, deadline=None)
def test_distances_agree_with_haversines(
    points: list[tuple[float, float]], deposits: list[tuple[float, float]]
) -> None:
    def haversine(a: tuple[float, float], b: tuple[float, float]) -> float:
        (lon_a, lat_a), (lon_b, lat_b) = (tuple(map(math.radians, position)) for position in (a, b))
        h = math.sin((lat_b - lat_a) / 2) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
        return 2 * 6371.0088 * math.asin(min(1.0, math.sqrt(h)))

    expected = [min(haversine(point, deposit) for deposit in deposits) for point in points]
    assert nearest_deposit_km(np.array(points), np.array(deposits)) == pytest.approx(expected, rel=1e-6, abs=1e-3)


def test_the_nearest_deposit_may_lie_across_the_antimeridian() -> None:
    assert nearest_deposit_km(np.array([[-179.9, 0.0]]), DEPOSITS) == pytest.approx([0.2 * math.pi / 180 * 6371.0088])


def test_what_cannot_be_ranked_is_refused() -> None:
    chips, scores = make_chips(["001001"]), make_scores({"001001": 1.0})
    with pytest.raises(DataError, match="nothing to prospect"):
        rank_chips(chips.iloc[:0], scores)
    with pytest.raises(DataError, match="without an expected number: 001001 of 1"):
        rank_chips(chips, make_scores({"002002": 1.0}))
    with pytest.raises(DataError, match="without an expected number"):
        rank_chips(chips, make_scores({"001001": math.nan}))
    with pytest.raises(DataError, match="no known deposit"):
        rank(Candidates(chips, np.zeros(1)), scores, np.empty((0, 2)))
