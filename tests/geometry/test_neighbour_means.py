"""Means by a Gaussian kernel: by loops, on the sphere, and in pieces."""

from __future__ import annotations

import math

import numpy as np
import pytest
from haversine import haversine_km
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_pipeline.geometry import neighbour_means as module
from mineral_pipeline.geometry.neighbour_means import WIDEST, neighbour_means

places = st.lists(st.tuples(st.floats(170, 190), st.floats(70, 90), st.floats(-5, 5)), min_size=1, max_size=12)
"""About the antimeridian and the pole."""


@given(places, st.floats(20, 20_000))
@settings(max_examples=80, deadline=None)
def test_it_is_the_mean_of_the_others_by_their_distance(given: list[tuple[float, float, float]], length: float) -> None:
    lonlat, values = np.array([one[:2] for one in given]), np.array([one[2] for one in given])
    found = neighbour_means(lonlat, values, length)
    for k, mean in enumerate(found):
        km = [haversine_km(lonlat[k], other) for other in lonlat]
        if any(abs(one / length - WIDEST) < 1e-6 for one in km):
            continue  # whether it is within reach is rounding
        kernel = [math.exp(-((one / length) ** 2) / 2) if one < WIDEST * length else 0.0 for one in km]
        kernel[k] = 0.0
        if not any(kernel):
            assert math.isnan(mean)
        else:
            expected = math.fsum(w * v for w, v in zip(kernel, values, strict=True)) / math.fsum(kernel)
            assert mean == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    lonlat, values = np.stack([rng.uniform(-180, 180, 300), rng.uniform(-90, 90, 300)], axis=1), rng.random(300)
    whole = neighbour_means(lonlat, values, 500)
    for pairs in (1, 300, 5000):
        monkeypatch.setattr(module, "PAIRS_PER_CALL", pairs)
        np.testing.assert_allclose(neighbour_means(lonlat, values, 500), whole, rtol=1e-12)


def test_a_place_alone_has_no_mean() -> None:
    assert neighbour_means(np.empty((0, 2)), np.empty(0), 100).shape == (0,)
    found = neighbour_means(np.array([[0.0, 0], [0, 0], [50, 0]]), np.array([1.0, 3, 5]), 100)
    np.testing.assert_array_equal(found, [3, 1, np.nan])
