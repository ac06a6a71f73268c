"""Unit vectors, positions and distances, against arithmetic of another kind."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rings import lons, positions

from mineral_pipeline import geometry
from mineral_pipeline.geometry import EARTH_RADIUS_KM


@given(lons, st.floats(-89.9, 89.9))
def test_lonlat_undoes_unit_vectors(lon: float, lat: float) -> None:
    vector = geometry.unit_vectors([lon, lat])
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-15)
    there = geometry.lonlat(3 * vector)
    assert there[1] == pytest.approx(lat, abs=1e-9)
    assert (there[0] - lon + 180) % 360 == pytest.approx(180, abs=1e-9)


def test_a_vector_without_length_has_no_direction() -> None:
    vectors = np.array([[[0.0, 0.0, 0.0], [0.0, -3.0, 4.0]]])
    assert geometry.vectors.normalise(vectors).tolist() == [[[0, 0, 0], [0, -0.6, 0.8]]]


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


@given(positions, positions)
def test_chords_are_the_straight_distances_of_positions(a: tuple[float, float], b: tuple[float, float]) -> None:
    straight = float(np.linalg.norm(geometry.unit_vectors(a) - geometry.unit_vectors(b)))
    assert geometry.chord_length(float(geometry.distances_km(a, b))) == pytest.approx(straight, abs=1e-12)


def test_distances_broadcast() -> None:
    distances = geometry.distances_km([[[0, 0]], [[0, 90]]], [[180, 0], [0, 90], [0, 0]])
    np.testing.assert_allclose(distances / (math.pi * EARTH_RADIUS_KM), [[1, 0.5, 0], [0.5, 0, 0.5]], atol=1e-12)
