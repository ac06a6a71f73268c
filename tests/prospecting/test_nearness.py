"""Distances to lines and points, against pyproj and against many points of the line."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mineral_pipeline.geometry import distances_km
from mineral_pipeline.prospecting import distance_km

DEGREE_KM = np.pi * 6371.0088 / 180


def test_a_point_and_a_meridian() -> None:
    line = shapely.LineString([(10, -5), (10, 5)])
    found = distance_km(np.array([[12.0, 0.003], [10.0, 7.0], [10.0, 1.2345], [-170, 0]]), np.array([line]))
    assert found == pytest.approx([2 * DEGREE_KM, 2 * DEGREE_KM, 0, 175 * DEGREE_KM], rel=1e-4, abs=1e-3)
    assert distance_km(np.array([[0.0, 0.0]]), np.array([shapely.Point(0, 1)])) == pytest.approx([DEGREE_KM])


def test_the_antimeridian_and_the_pole_are_nothing_special() -> None:
    points = np.array([shapely.Point(-179.9, 10), shapely.Point(30, 89.9)])
    found = distance_km(np.array([[179.9, 10.0], [-150.0, 89.9]]), points)
    assert found == pytest.approx([0.2 * DEGREE_KM * np.cos(np.radians(10)), 0.2 * DEGREE_KM], rel=1e-4)


@given(
    start=st.tuples(st.floats(-20, 20), st.floats(-60, 60)),
    end=st.tuples(st.floats(-20, 20), st.floats(-60, 60)),
    place=st.tuples(st.floats(-20, 20), st.floats(-60, 60)),
)
@hypothesis_settings(max_examples=20)
def test_a_line_is_as_near_as_the_nearest_of_its_points(
    start: tuple[float, float], end: tuple[float, float], place: tuple[float, float]
) -> None:
    points = np.linspace(start, end, 20_001)
    expected = distances_km(points, np.array(place)).min()
    found = distance_km(np.array([place]), np.array([shapely.LineString([start, end])]))
    assert found[0] == pytest.approx(expected, abs=0.4)


def test_other_lines_are_not_joined() -> None:
    lines = np.array([shapely.LineString([(0, 0), (1, 0)]), shapely.LineString([(3, 0), (4, 0)])])
    assert distance_km(np.array([[2.0, 0.0]]), lines) == pytest.approx([DEGREE_KM], rel=1e-4)
