"""Known deposits around a place: their distances against plain trigonometry, and what they tell."""

from __future__ import annotations

from math import acos, cos, log, pi, radians, sin

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from mineral_pipeline.prospecting import fit_proximity, proximity_features
from mineral_pipeline.prospecting.proximity import NEAR_KM, NEIGHBOURS

RADIUS = 6371.0088


def distance_km(one: np.ndarray, other: np.ndarray) -> float:
    """By the spherical law of cosines."""
    (lon, lat), (to_lon, to_lat) = map(radians, one), map(radians, other)
    cosine = sin(lat) * sin(to_lat) + cos(lat) * cos(to_lat) * cos(lon - to_lon)
    return RADIUS * acos(min(max(cosine, -1.0), 1.0))


@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_distances_are_to_deposits_outside_of_a_place(seed: int, n_deposits: int) -> None:
    rng = np.random.default_rng(seed)
    places, deposits = (np.c_[rng.uniform(-180, 180, n), rng.uniform(-90, 90, n)] for n in (7, n_deposits))
    inside = rng.random((7, n_deposits)) < rng.choice([0.0, 0.3, 1.0], (7, 1))
    found = proximity_features(places, csr_array(inside.astype(np.int8)), deposits)
    for place, own, features in zip(places, inside, found, strict=True):
        outer = sorted(distance_km(place, one) for one in deposits[~own]) or [pi * RADIUS]
        expected = [log(outer[min(number, len(outer)) - 1] + NEAR_KM) for number in NEIGHBOURS]
        assert features == pytest.approx(expected, abs=1e-4)


def test_places_of_a_district_are_likelier_and_what_a_place_holds_does_not_count() -> None:
    """A district of 12 x 12 places, of which every other one holds a deposit, in a barren world."""
    lon, lat = (values.ravel() for values in np.meshgrid(np.arange(-60, 60, 2.0), np.arange(-40, 40, 2.0)))
    places = np.c_[lon, lat]
    district = (np.abs(lon) < 12) & (np.abs(lat) < 12)
    holds = district & ((lon + lat) % 4 == 0)
    inside = csr_array(
        (np.ones(holds.sum()), (np.flatnonzero(holds), np.arange(holds.sum()))), (len(places), holds.sum())
    )
    features = proximity_features(places, inside, places[holds])
    probability = fit_proximity(features, holds)(features)
    assert probability[district & ~holds].min() > probability[~district & (np.abs(lon) > 20)].max()
    assert probability[holds].mean() == pytest.approx(probability[district & ~holds].mean(), abs=0.1)
    assert probability.mean() == pytest.approx(holds.mean(), abs=0.005), "it is calibrated"
