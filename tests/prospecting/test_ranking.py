"""Ranking: means and spreads by hand, order, ties, distances in different arithmetic."""

from __future__ import annotations

import math
import statistics

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_pipeline.errors import DataError
from mineral_pipeline.prospecting import COLUMNS, nearest_deposit_km, rank, without_known_deposit

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
        "richness": 0.0,  # as labels carry it: of known deposits, and so not the predicted one
    }
    return gpd.GeoDataFrame(columns, geometry=shapely.box(lons - 0.5, 9.5, lons + 0.5, 10.5), crs="EPSG:4326")


def test_richness_is_the_mean_and_uncertainty_the_spread_of_the_members() -> None:
    chips = make_chips(["001001", "001001", "002002"])
    predictions = np.array([[0.1, 0.3, 0.9], [0.2, 0.6, 0.7], [0.0, 0.0, 0.8]])
    prospects = rank(chips, predictions, DEPOSITS)
    assert list(prospects.columns) == COLUMNS
    assert prospects["location_id"].tolist() == ["002002", "001001"]
    assert prospects["rank"].tolist() == [1, 2]
    assert prospects["richness"].tolist() == pytest.approx([0.8, (0.2 + 0.4 + 0.0) / 3])
    assert prospects["uncertainty"].tolist() == pytest.approx(
        [statistics.stdev([0.9, 0.7, 0.8]), statistics.stdev([0.2, 0.4, 0.0])]
    )


def test_locations_of_another_fold_may_have_fewer_members() -> None:
    chips = make_chips(["001001", "001001", "002002"])
    predictions = np.array([[0.1, 0.3, 0.9], [0.2, 0.6, 0.7], [np.nan, np.nan, 0.8]])
    prospects = rank(chips, predictions, DEPOSITS)
    assert prospects["richness"].tolist() == pytest.approx([0.8, 0.3])
    assert prospects["uncertainty"].tolist() == pytest.approx([0.1, statistics.stdev([0.2, 0.4])])
    assert prospects["chip_id"].tolist() == ["C2", "C1"]
    with pytest.raises(DataError, match="of two members or more"):
        rank(chips, np.where(predictions > 0.65, predictions, np.nan), DEPOSITS)


def test_a_location_shows_its_best_chip() -> None:
    prospects = rank(make_chips(["001001"] * 3), np.array([[0.1, 0.3, 0.3], [0.1, 0.5, 0.5]]), DEPOSITS)
    assert prospects[["chip_id", "scene_id", "lon"]].to_numpy().tolist() == [["C1", "P1", 1.0]]  # the first of equals
    assert prospects.geometry[0].equals(shapely.box(0.5, 9.5, 1.5, 10.5))


@given(order=st.permutations(range(4)))
@settings(max_examples=10, deadline=None)
def test_ties_fall_to_the_surer_then_to_the_location_whatever_the_order_of_the_chips(order: list[int]) -> None:
    chips = make_chips(["004004", "001001", "003003", "002002"])
    predictions = np.array([[0.5, 0.5, 0.25, 0.5], [0.5, 0.5, 0.75, 0.5]])  # 003003 is less sure
    prospects = rank(chips.iloc[order], predictions[:, order], DEPOSITS)
    assert prospects["location_id"].tolist() == ["001001", "002002", "004004", "003003"]


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
    chips = make_chips(["001001"])
    with pytest.raises(DataError, match="nothing to prospect"):
        rank(chips.iloc[:0], np.zeros((2, 0)), DEPOSITS)
    with pytest.raises(DataError, match="members"):
        rank(chips, np.zeros((1, 1)), DEPOSITS)
    with pytest.raises(DataError, match="no known deposit"):
        rank(chips, np.zeros((2, 1)), np.empty((0, 2)))
