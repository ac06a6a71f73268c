"""Geometry on the sphere, against arithmetic of another kind."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from mineral_pipeline import geometry
from mineral_pipeline.geometry import EARTH_RADIUS_KM

SPHERE_KM2 = 4 * math.pi * EARTH_RADIUS_KM**2
OCTANT = [[0, 0], [90, 0], [0, 90], [0, 90]]
SQUARE = [[10, 40], [12, 40], [12, 42], [10, 42]]

lons, lats = st.floats(-180, 180), st.floats(-90, 90)
positions = st.tuples(lons, lats)


def around(centre: tuple[float, float], radius_km: float, bearings: ArrayLike) -> np.ndarray:
    """Positions at one distance from a centre, (v, 2) lon/lat."""
    centre_vector, bearing = geometry.unit_vectors(centre), np.radians(bearings)[:, None]
    lon, lat = np.radians(centre)
    east = np.array([-math.sin(lon), math.cos(lon), 0])
    north = np.array([-math.sin(lat) * math.cos(lon), -math.sin(lat) * math.sin(lon), math.cos(lat)])
    arc = radius_km / EARTH_RADIUS_KM
    direction = np.cos(bearing) * north + np.sin(bearing) * east
    return geometry.lonlat(math.cos(arc) * centre_vector + math.sin(arc) * direction)


@given(lons, st.floats(-89.9, 89.9))
def test_lonlat_undoes_unit_vectors(lon: float, lat: float) -> None:
    vector = geometry.unit_vectors([lon, lat])
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-15)
    there = geometry.lonlat(3 * vector)
    assert there[1] == pytest.approx(lat, abs=1e-9)
    assert (there[0] - lon + 180) % 360 == pytest.approx(180, abs=1e-9)


@given(st.floats(-1000, 1000), st.floats(-90, 90))
def test_unit_vectors_are_right_to_the_last_bits(lon: float, lat: float) -> None:
    with localcontext(prec=60):
        x, y = (complex_of_turn(Fraction(angle) / 360) for angle in (lon, lat))
        expected = [y[0] * x[0], y[0] * x[1], y[1]]
    np.testing.assert_allclose(
        geometry.unit_vectors([lon, lat]), [float(value) for value in expected], rtol=0, atol=4e-16
    )


def complex_of_turn(turns: Fraction) -> tuple[Decimal, Decimal]:
    """Cosine and sine of an angle by its series, in decimal arithmetic."""
    whole = Decimal("6.28318530717958647692528676655900576839433879875021164194988918")
    part = turns - round(turns)
    angle = whole * Decimal(part.numerator) / Decimal(part.denominator)
    sums, term = [Decimal(0), Decimal(0)], Decimal(1)
    for n in range(60):
        sums[n % 2] += term * (-1) ** (n // 2)
        term = term * angle / (n + 1)
    return sums[0], sums[1]


def test_the_antimeridian_has_many_names() -> None:
    vectors = geometry.unit_vectors([[180, 10], [-180, 10], [540, 10], [-36180, 10]])
    np.testing.assert_array_equal(vectors, vectors[:1].repeat(4, axis=0))


def test_quarter_turns_are_exact() -> None:
    vectors = geometry.unit_vectors([[0, 0], [90, 0], [180, 0], [270, 0], [-90, 0], [77, 90], [77, -90]])
    expected = [[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]]
    np.testing.assert_array_equal(vectors, expected)


@pytest.mark.parametrize(
    "position", [[0, 90.1], [0, -91], [math.nan, 0], [0, math.nan], [math.inf, 0], [1e10, 0], [0, math.inf]]
)
def test_what_is_not_on_the_earth_is_nowhere(position: list[float]) -> None:
    assert np.isnan(geometry.unit_vectors(position)).all()


@given(positions, positions)
def test_distances_agree_with_the_haversine(a: tuple[float, float], b: tuple[float, float]) -> None:
    (lon_a, lat_a), (lon_b, lat_b) = np.radians([a, b]).astype(np.longdouble)
    half = np.sin((lat_b - lat_a) / 2) ** 2 + np.cos(lat_a) * np.cos(lat_b) * np.sin((lon_b - lon_a) / 2) ** 2
    expected = float(2 * EARTH_RADIUS_KM * np.arctan2(np.sqrt(half), np.sqrt(max(1 - half, np.longdouble(0)))))
    assert geometry.distances_km(a, b) == pytest.approx(expected, abs=1e-5)


def test_distances_broadcast() -> None:
    distances = geometry.distances_km([[[0, 0]], [[0, 90]]], [[180, 0], [0, 90], [0, 0]])
    np.testing.assert_allclose(distances / (math.pi * EARTH_RADIUS_KM), [[1, 0.5, 0], [0.5, 0, 0.5]], atol=1e-12)


@pytest.mark.parametrize(
    ("footprint", "valid"),
    [
        (SQUARE, True),
        (SQUARE[::-1], True),
        (OCTANT, True),
        ([[179, 0], [181, 0], [181, 2], [179, 2]], True),
        ([[0, 80], [90, 80], [180, 80], [270, 80]], True),
        ([[0, 0], [0, 0], [1, 0], [1, 1]], True),
        ([[10, 40], [12, 40], [10, 42], [12, 42]], False),  # bow tie
        ([[0, 0], [4, 0], [1, 1], [0, 4]], False),  # dart
        ([[0, 0], [1, 0], [1, 0], [1, 0]], False),
        ([[0, 0], [0, 0], [0, 0], [0, 0]], False),
        ([[0, 0], [1, 0], [2, 0], [3, 0]], False),
        ([[0, 0], [1, 0], [1, 1], [1, 0]], False),
        ([[0, 89], [1, 89], [1, 91], [0, 91]], False),
        ([[0, 0], [1, 0], [1, math.nan], [0, 1]], False),
        ([[0, 0], [math.inf, 0], [1, 1], [0, 1]], False),
        ([[0, 0], [90, 0], [180, 0], [270, 0]], False),  # a hemisphere has two insides
    ],
)
def test_what_is_a_convex_polygon(footprint: list[list[float]], valid: bool) -> None:
    halves = geometry.half_spaces([footprint])
    assert halves.valid.tolist() == [valid]
    assert np.isnan(halves.normals).all() != valid
    assert (geometry.intersection_areas([footprint], [footprint]) > 0).tolist() == [valid]


def test_a_pentagram_is_no_convex_polygon() -> None:
    assert not geometry.half_spaces([around((5, 5), 100, 144.0 * np.arange(5))]).valid.any()
    assert geometry.half_spaces([around((5, 5), 100, 72.0 * np.arange(5))]).valid.all()


@given(st.floats(0, 360), st.floats(0, 0.9), st.booleans())
def test_a_slight_dent_is_filled(turn: float, depth: float, clockwise: bool) -> None:
    """Vertices halfway along edges of 200 km, up to a kilometre inside: what map projections make of straight edges."""
    square = around((20, 60), 140, turn + np.array([0, 90, 180, 270]))
    dented = around((20, 60), 99 - depth, turn + np.array([45, 225]))
    shape = np.array([square[0], dented[0], square[1], square[2], dented[1], square[3]])
    halves, hull = geometry.half_spaces([shape[:: -1 if clockwise else 1]]), geometry.half_spaces([square])
    assert halves.valid.all()
    for normal in hull.normals[0]:
        assert np.abs(halves.normals[0] - normal).max(axis=1).min() < 1e-9
    for normal in halves.normals[0]:
        assert np.abs(hull.normals[0] - normal).max(axis=1).min() < 1e-9


def test_edges_without_length_do_not_count() -> None:
    padded = geometry.half_spaces([[*SQUARE, SQUARE[-1], SQUARE[-1]]])
    np.testing.assert_allclose(np.linalg.norm(padded.normals, axis=2), 1)
    assert padded.radii == pytest.approx(geometry.half_spaces([SQUARE]).radii)


@given(positions, st.floats(1, 2000), st.lists(st.floats(0, 359), min_size=1, max_size=8))
def test_the_circle_encloses(centre: tuple[float, float], radius: float, bearings: list[float]) -> None:
    footprint = around(centre, radius, sorted(bearings))
    centres, radii = geometry.enclosing_circles([footprint])
    farthest = geometry.distances_km(geometry.lonlat(centres), footprint).max()
    assert farthest == pytest.approx(radii[0] * EARTH_RADIUS_KM, abs=1e-6)


def test_crowded_vertices_do_not_pull_the_centre() -> None:
    crowded = [[0, 0], *([0, i * 1e-5] for i in range(9)), [0, 2], [2, 2], [2, 0]]
    np.testing.assert_allclose(geometry.lonlat(geometry.enclosing_circles([crowded])[0]), [[1, 1]], atol=1e-3)


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
    area = geometry.areas([around(centre, radius, 60.0 * np.arange(count))])[0]
    assert area == pytest.approx(excess * EARTH_RADIUS_KM**2, rel=1e-7, abs=1e-6)


@given(positions, st.floats(5, 500), st.floats(0, 360), st.floats(0, 1200), st.integers(0, 10**6))
def test_intersection_agrees_with_counting(
    centre: tuple[float, float], radius: float, bearing: float, distance: float, seed: int
) -> None:
    """Random points of the first polygon's circle: the share that lies in both is the area."""
    random = np.random.default_rng(seed)
    other = tuple(around(centre, distance, [bearing])[0])
    a, b = around(centre, radius, [10, 100, 200, 290]), around(other, radius * 1.3, [0, 60, 150, 220, 300])
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
    area = geometry.intersection_areas([a], [b])[0]
    assert area / cap == pytest.approx(share, abs=0.05)
    assert geometry.intersection_areas([b], [a])[0] == pytest.approx(area, rel=1e-6, abs=1e-5)


def test_intersections_of_known_polygons() -> None:
    east, far = [[11, 40], [13, 40], [13, 42], [11, 42]], [[50, 0], [51, 0], [51, 1], [50, 1]]
    neighbour = [[12, 40], [14, 40], [14, 42], [12, 42]]
    inner = [[10.5, 40.5], [11, 40.5], [11, 41], [10.5, 41]]
    whole = geometry.areas([SQUARE])[0]
    shared = geometry.intersection_areas([SQUARE] * 5, [SQUARE, far, neighbour, inner, east])
    assert shared[0] == pytest.approx(whole)
    assert shared[1] == shared[2] == 0  # what merely touches shares nothing
    assert shared[3] == pytest.approx(geometry.areas([inner])[0])
    assert 0.4 * whole < shared[4] < 0.6 * whole


def test_intersections_across_the_antimeridian_and_the_pole() -> None:
    west, east = [[179, 0], [181, 0], [181, 2], [179, 2]], [[-181, 0], [-179, 0], [-179, 2], [-181, 2]]
    assert geometry.intersection_areas([west], [east]) == pytest.approx(geometry.areas([west]))
    polar, turned = [[0, 80], [90, 80], [180, 80], [270, 80]], [[45, 80], [135, 80], [225, 80], [315, 80]]
    octagon = geometry.intersection_areas([polar], [turned])[0]
    assert octagon == pytest.approx(0.8284 * geometry.areas([polar])[0], rel=0.01)


def test_many_pairs_at_once_equal_one_by_one() -> None:
    random = np.random.default_rng(0)
    a = np.array([around(centre, 100, [10, 100, 190, 280]) for centre in random.uniform(-60, 60, (40, 2))])
    b = a[:, [0, 0, 1, 2, 3]] + random.uniform(-0.6, 0.6, (40, 1, 2))
    together = geometry.intersection_areas(a, b)
    alone = [geometry.intersection_areas(a[i : i + 1], b[i : i + 1])[0] for i in range(40)]
    np.testing.assert_allclose(together, alone, rtol=1e-12)
    assert geometry.intersection_areas(a[:0], b[:0]).shape == (0,)
