"""Areas of polygons on the sphere and of their intersections, against closed forms and counting."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import shapely
from convex_clipping import intersection_areas
from hypothesis import given
from hypothesis import strategies as st
from rings import OCTANT, SQUARE, positions, ring

from mineral_pipeline import geometry
from mineral_pipeline.geometry import EARTH_RADIUS_KM, polygon_area

SPHERE_KM2 = 4 * math.pi * EARTH_RADIUS_KM**2


def test_areas_of_known_polygons() -> None:
    third = [[0, 0], [120, 0], [0, 90], [0, 90]]
    np.testing.assert_allclose(geometry.areas([OCTANT, OCTANT[::-1], third]), SPHERE_KM2 / np.array([8, 8, 6]))
    assert geometry.areas([[[0, 0], [1, 0], [1, 0]]]) == pytest.approx(0)
    assert np.isnan(geometry.areas([[[0, 0], [1, 0], [1, math.nan]]]))


@given(positions, st.floats(0.1, 3000))
def test_area_of_a_regular_polygon(centre: tuple[float, float], radius: float) -> None:
    """From the angles: excess = sum of the angles - (v - 2) pi, each by Napier's rules, in long double."""
    arc, count = np.longdouble(radius) / EARTH_RADIUS_KM, 6
    half = np.arctan2(1, np.cos(arc) * np.tan(np.longdouble(math.pi) / count))
    excess = float(2 * count * half - (count - 2) * np.longdouble(math.pi))
    area = geometry.areas([ring(centre, radius, 60.0 * np.arange(count))])[0]
    assert area == pytest.approx(excess * EARTH_RADIUS_KM**2, rel=1e-7, abs=1e-6)


def solid_angle(west: float, south: float, east: float, north: float) -> float:
    """Of a rectangle at distance 1, seen from the Earth's centre."""
    return sum(
        sign * math.asin(x * y / math.sqrt((1 + x * x) * (1 + y * y)))
        for x, y, sign in [(east, north, 1), (west, north, -1), (east, south, -1), (west, south, 1)]
    )


sides = st.tuples(st.floats(-9, 9), st.floats(-9, 9)).map(sorted).filter(lambda ends: ends[1] - ends[0] > 1e-3)


@given(sides, sides, st.booleans())
def test_rectangles_of_a_gnomonic_plane_have_their_solid_angle(x: list[float], y: list[float], clockwise: bool) -> None:
    corners = [(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1])]
    area = polygon_area.gnomonic_areas(np.array([shapely.Polygon(corners[::-1] if clockwise else corners)]))
    expected = solid_angle(x[0], y[0], x[1], y[1]) * EARTH_RADIUS_KM**2
    assert area == pytest.approx([expected], rel=1e-6, abs=1e-6)


@given(st.tuples(st.floats(-170, 0), st.floats(0, 170)), st.tuples(st.floats(-90, 90), st.floats(-90, 90)).map(sorted))
def test_boxes_in_longitude_and_latitude_have_the_area_of_archimedes(
    lon: tuple[float, float], lat: list[float]
) -> None:
    area = polygon_area.lonlat_areas(np.array([shapely.box(lon[0], lat[0], lon[1], lat[1])]))
    south, north = np.sin(np.radians(np.array(lat, np.longdouble)))
    expected = float(EARTH_RADIUS_KM**2 * np.radians(lon[1] - lon[0]) * (north - south))
    assert area == pytest.approx([expected], rel=1e-9, abs=1e-4)


@given(st.floats(-60, 60), st.floats(-80, 80), st.floats(1, 80), st.floats(-80, 80))
def test_slanted_edges_are_straight_in_longitude_and_latitude(lon: float, lat: float, width: float, top: float) -> None:
    """A triangle above or below a parallel, by quadrature of the cosine of the latitude over its rows."""
    triangle = shapely.Polygon([(lon, lat), (lon + width, lat), (lon + width / 3, top)])
    nodes, weights = np.polynomial.legendre.leggauss(20)
    share = (1 + nodes) / 2
    rows = np.cos(np.radians(lat + share * (top - lat))) * np.radians(width) * (1 - share)
    expected = (rows @ weights) / 2 * abs(math.radians(top - lat)) * EARTH_RADIUS_KM**2
    assert polygon_area.lonlat_areas(np.array([triangle])) == pytest.approx([expected], rel=1e-9, abs=1e-3)


@pytest.mark.parametrize("measure", [polygon_area.gnomonic_areas, polygon_area.lonlat_areas])
def test_parts_add_up_and_holes_do_not_count(measure: Callable[[Any], np.ndarray]) -> None:
    west, east, hole = shapely.box(-0.2, 0, 0, 0.3), shapely.box(0.1, 0, 0.3, 0.2), shapely.box(-0.1, 0.1, -0.05, 0.2)
    holed = west.difference(hole)
    nothing = [shapely.Point(1, 1), shapely.LineString([(0, 0), (1, 1)]), shapely.Polygon(), None]
    found = measure(np.array([west, east, hole, holed, shapely.MultiPolygon([holed, east]), *nothing]))
    assert found[3] == pytest.approx(found[0] - found[2])
    assert found[4] == pytest.approx(found[3] + found[1])
    assert found[5:].tolist() == [0, 0, 0, 0]


@given(positions, st.floats(5, 500), st.floats(0, 360), st.floats(0, 1200), st.integers(0, 10**6))
def test_intersection_agrees_with_counting(
    centre: tuple[float, float], radius: float, bearing: float, distance: float, seed: int
) -> None:
    """Random points of the first polygon's circle: the share that lies in both is the area."""
    random = np.random.default_rng(seed)
    other = tuple(ring(centre, distance, [bearing])[0])
    a, b = ring(centre, radius, [10, 100, 200, 290]), ring(other, radius * 1.3, [0, 60, 150, 220, 300])
    vector = geometry.unit_vectors(centre)
    cap = 2 * math.pi * (1 - math.cos(radius / EARTH_RADIUS_KM)) * EARTH_RADIUS_KM**2
    heights = random.uniform(math.cos(radius / EARTH_RADIUS_KM), 1, 4000)
    east = np.linalg.svd(vector[None])[2][1:]
    turn = random.uniform(0, 2 * math.pi, 4000)
    rim = np.sqrt(1 - heights**2)
    points = heights[:, None] * vector + rim[:, None] * (
        np.cos(turn)[:, None] * east[0] + np.sin(turn)[:, None] * east[1]
    )
    inside = [(points @ geometry.half_spaces([shape]).normals[0].T >= 0).all(axis=1) for shape in (a, b)]
    share = (inside[0] & inside[1]).mean()
    area = intersection_areas([a], [b])[0]
    assert area / cap == pytest.approx(share, abs=0.05)
    assert intersection_areas([b], [a])[0] == pytest.approx(area, rel=1e-6, abs=1e-5)


def test_intersections_of_known_polygons() -> None:
    east, far = [[11, 40], [13, 40], [13, 42], [11, 42]], [[50, 0], [51, 0], [51, 1], [50, 1]]
    neighbour = [[12, 40], [14, 40], [14, 42], [12, 42]]
    inner = [[10.5, 40.5], [11, 40.5], [11, 41], [10.5, 41]]
    whole = geometry.areas([SQUARE])[0]
    shared = intersection_areas([SQUARE] * 5, [SQUARE, far, neighbour, inner, east])
    assert shared[0] == pytest.approx(whole)
    assert shared[1] == shared[2] == 0  # what merely touches shares nothing
    assert shared[3] == pytest.approx(geometry.areas([inner])[0])
    assert 0.4 * whole < shared[4] < 0.6 * whole


def test_intersections_across_the_antimeridian_and_the_pole() -> None:
    west, east = [[179, 0], [181, 0], [181, 2], [179, 2]], [[-181, 0], [-179, 0], [-179, 2], [-181, 2]]
    assert intersection_areas([west], [east]) == pytest.approx(geometry.areas([west]))
    polar, turned = [[0, 80], [90, 80], [180, 80], [270, 80]], [[45, 80], [135, 80], [225, 80], [315, 80]]
    octagon = intersection_areas([polar], [turned])[0]
    assert octagon == pytest.approx(0.8284 * geometry.areas([polar])[0], rel=0.01)


def test_many_pairs_at_once_equal_one_by_one() -> None:
    random = np.random.default_rng(0)
    a = np.array([ring(centre, 100, [10, 100, 190, 280]) for centre in random.uniform(-60, 60, (40, 2))])
    b = a[:, [0, 0, 1, 2, 3]] + random.uniform(-0.6, 0.6, (40, 1, 2))
    together = intersection_areas(a, b)
    alone = [intersection_areas(a[i : i + 1], b[i : i + 1])[0] for i in range(40)]
    np.testing.assert_allclose(together, alone, rtol=1e-12)
    assert intersection_areas(a[:0], b[:0]).shape == (0,)
