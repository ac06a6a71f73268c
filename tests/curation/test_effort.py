"""Search effort: by loops, on the sphere; the weights of samples without a known deposit."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_pipeline.curation.effort import REACH_KM, search_effort
from mineral_pipeline.curation.sampling import _by_effort
from mineral_pipeline.geometry.neighbour_means import WIDEST


def angle_km(a: np.ndarray, b: np.ndarray) -> float:
    (lon_a, lat_a), (lon_b, lat_b) = (map(math.radians, one) for one in (a, b))
    h = math.sin((lat_b - lat_a) / 2) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    return 2 * 6371.0088 * math.asin(min(1.0, math.sqrt(h)))


@given(st.lists(st.tuples(st.floats(170, 190), st.floats(80, 90), st.integers(0, 50)), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_it_is_the_mean_of_what_is_known_around_without_the_place_itself(
    places: list[tuple[float, float, int]],
) -> None:
    """About the antimeridian and the pole."""
    lonlat, number = np.array([one[:2] for one in places]), np.array([one[2] for one in places])
    found = search_effort(lonlat, number)
    for k in range(len(places)):
        kernel = {j: math.exp(-0.5 * (km / REACH_KM) ** 2) for j in range(len(places)) if j != k
                  if (km := angle_km(lonlat[k], lonlat[j])) < WIDEST * REACH_KM - 1e-3}  # fmt: skip
        total = sum(kernel.values())
        expected = sum(one * math.log(1 + number[j]) for j, one in kernel.items()) / total if total else 0.0
        assert found[k] == pytest.approx(expected, rel=1e-6, abs=0.05 if total < 0.02 else 1e-6)


def test_without_places_there_is_no_effort() -> None:
    assert search_effort(np.empty((0, 2)), np.empty(0, int)).shape == (0,)
    assert search_effort(np.zeros((1, 2)), np.array([9])).tolist() == [0]


def samples(n_deposits: list[int], lon: list[float], subset: str | list[str] = "train") -> gpd.GeoDataFrame:
    n = np.array(n_deposits)
    columns = {"subset": subset, "location_id": [f"L{k}" for k in range(len(n))], "lon": lon, "lat": 0.0}
    label = (n > 0).astype(float)
    return gpd.GeoDataFrame(columns | {"n_deposits": n, "label": label, "weight": np.where(n > 0, 1.0, 2.0)})


def test_a_negative_counts_by_what_is_known_around_and_classes_keep_their_sums() -> None:
    table = samples([50, 0, 0, 3], [0.0, 1.0, 40.0, 41.0])
    found = _by_effort(table)
    assert found[[0, 3]].tolist() == [1, 1]
    assert found[1] + found[2] == pytest.approx(4)
    assert found[1] / found[2] == pytest.approx(math.log(51) / math.log(4))


def test_no_subset_tells_of_another() -> None:
    lon = [0.0, 1.0, 2.0, 3.0, 1.5]
    table = samples([5, 0, 0, 1, 400], lon, ["train", "train", "train", "train", "test"])
    alone = _by_effort(table.iloc[:4])
    pd.testing.assert_series_equal(_by_effort(table)[:4], alone)


def test_where_nothing_is_known_around_any_weights_stay() -> None:
    table = samples([0, 0, 7], [0.0, 60.0, 120.0])
    assert _by_effort(table).tolist() == [2, 2, 1]
