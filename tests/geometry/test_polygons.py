"""Convex polygons as half-spaces, and the circles that enclose them."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from convex_clipping import intersection_areas
from hypothesis import given
from hypothesis import strategies as st
from rings import OCTANT, SQUARE, positions, ring

from mineral_pipeline import geometry
from mineral_pipeline.errors import DataError
from mineral_pipeline.geometry import EARTH_RADIUS_KM, TOLERANCE, _numba


def test_only_edges_without_length_take_the_normal_of_another() -> None:
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    normals = np.stack([axes, np.where(np.arange(6)[:, None] == 2, 0, axes), np.zeros((6, 3))])
    before = normals.copy()
    _numba.repeat_edges(normals)
    assert normals[1, 2].tolist() in np.delete(axes, 2, axis=0).tolist()
    normals[1, 2] = 0
    assert normals.tolist() == before.tolist()


@pytest.mark.parametrize("shape", [(4, 2), (1, 4, 3), (1, 2, 4, 2), (1, 4, 2, 2)])
def test_an_array_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=re.escape(f"must be (n, v, 2) lon/lat or shapely polygons, not {shape}")):
        geometry.to_shapes(np.ones(shape))


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
    assert (intersection_areas([footprint], [footprint]) > 0).tolist() == [valid]


def test_a_pentagram_is_no_convex_polygon() -> None:
    assert not geometry.half_spaces([ring((5, 5), 100, 144.0 * np.arange(5))]).valid.any()
    assert geometry.half_spaces([ring((5, 5), 100, 72.0 * np.arange(5))]).valid.all()


def test_edges_without_length_do_not_count() -> None:
    padded = geometry.half_spaces([[*SQUARE, SQUARE[-1], SQUARE[-1]]])
    np.testing.assert_allclose(np.linalg.norm(padded.normals, axis=2), 1)
    assert padded.radii == pytest.approx(geometry.half_spaces([SQUARE]).radii)


@given(positions, st.floats(1, 2000), st.lists(st.floats(0, 359), min_size=1, max_size=8))
def test_the_circle_encloses(centre: tuple[float, float], radius: float, bearings: list[float]) -> None:
    footprint = ring(centre, radius, sorted(bearings))
    centres, radii = geometry.enclosing_circles([footprint])
    farthest = geometry.distances_km(geometry.lonlat(centres), footprint).max()
    assert farthest == pytest.approx(radii[0] * EARTH_RADIUS_KM, abs=1e-6)


def test_crowded_vertices_do_not_pull_the_centre() -> None:
    crowded = [[0, 0], *([0, i * 1e-5] for i in range(9)), [0, 2], [2, 2], [2, 0]]
    np.testing.assert_allclose(geometry.lonlat(geometry.enclosing_circles([crowded])[0]), [[1, 1]], atol=1e-3)


def test_a_point_nearer_than_the_tolerance_to_an_edge_is_on_it_also_in_the_middle_of_the_plane() -> None:
    planes = np.array([[[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]])
    corners = np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    rings = _numba.Rings(np.array([0, 3]), planes, np.hstack([corners, np.roll(corners, -1, axis=0)]))
    for x in (0.0, 1e-4, -0.5):
        for below, expected in ((-0.5, True), (0.5, True), (0.9, True), (2.0, False)):
            point = np.array([1.0, x, -below * TOLERANCE])
            assert _numba.is_in_rings(point / np.linalg.norm(point), 0, rings) == expected
