"""The gnomonic projection keeps great circles straight and can be undone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rings import positions, ring

from mineral_pipeline import geometry
from mineral_pipeline.geometry import gnomonic


@given(positions, st.floats(1, 5000))
def test_projection_and_back(centre: tuple[float, float], radius: float) -> None:
    vectors = geometry.unit_vectors([ring(centre, radius, [0, 50, 170, 300])])
    planes = gnomonic.tangent_planes(3 * geometry.unit_vectors([centre]))  # of any length
    np.testing.assert_allclose(planes[0] @ planes[0].T, np.eye(3), atol=1e-15)
    flat = gnomonic.to_plane(vectors, planes)
    # a circle around the centre stays a circle, of the tangent of its radius
    np.testing.assert_allclose(np.hypot(*flat[0].T), np.tan(radius / geometry.EARTH_RADIUS_KM), rtol=1e-9)
    back = gnomonic.from_plane(flat, planes)
    np.testing.assert_allclose(back / np.linalg.norm(back, axis=2, keepdims=True), vectors, atol=1e-14)


@pytest.mark.parametrize("centre", [(0, 0), (180, 0), (12, 89.9), (0, -90)])
def test_great_circles_are_straight_lines(centre: tuple[float, float]) -> None:
    start, end = geometry.unit_vectors(ring(centre, 900, [20, 250]))
    between = start + np.linspace(0, 1, 9)[:, None] * (end - start)
    planes = gnomonic.tangent_planes(geometry.unit_vectors([centre]))
    flat = gnomonic.to_plane(between[None], planes)[0]
    way = flat - flat[0]
    np.testing.assert_allclose(way[:, 0] * way[-1, 1] - way[:, 1] * way[-1, 0], 0, atol=1e-15)
