"""The planet: islands far apart, half of the places barren, and a link between rock and deposits that can be cut."""

from __future__ import annotations

import numpy as np
import pytest

from mineral_pipeline import simulation
from mineral_pipeline.errors import SettingsError
from mineral_pipeline.settings import Simulate
from mineral_pipeline.simulation import Planet, orbit, tables

SMALL = Simulate(places=60, dates=2, islands=6)


@pytest.fixture(scope="module")
def planet() -> Planet:
    return simulation.create(SMALL, 0)


def great_circle_km(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Haversine, the long way round from the unit vectors of the code."""
    (lon1, lat1), (lon2, lat2) = np.radians(a).T, np.radians(b).T
    h = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    return np.asarray(2 * 6371.0088 * np.arcsin(np.sqrt(h)))


def test_as_many_places_as_asked_for_and_a_few_at_sea(planet: Planet) -> None:
    on_land = [place for place in planet.places if place.on_land]

    assert len(on_land) == SMALL.places
    assert len(planet.places) - len(on_land) == round(0.05 * SMALL.places)
    assert len({(place.swath.path, place.swath.row) for place in planet.places}) == len(planet.places)
    assert len({place.island for place in on_land}) == SMALL.islands


def test_half_of_the_places_are_barren_and_hold_no_deposit(planet: Planet) -> None:
    truth = tables.truth(planet)
    land = truth[truth["on_land"]]

    assert land["fertile"].mean() == pytest.approx(0.5, abs=0.05)
    assert (land.loc[~land["fertile"], "n_deposits"] == 0).all()
    assert (land.loc[land["fertile"], "n_deposits"] > 0).all()


def test_places_of_different_islands_share_no_ground(planet: Planet) -> None:
    centres = np.array([[place.swath.frame.longitude, place.swath.frame.latitude] for place in planet.places])
    islands = np.array([place.island for place in planet.places])
    i, j = np.triu_indices(len(centres), 1)
    apart = islands[i] != islands[j]

    assert great_circle_km(centres[i][apart], centres[j][apart]).min() > 400


def test_the_same_seed_is_the_same_planet_and_another_is_not(planet: Planet) -> None:
    again = simulation.create.__wrapped__(SMALL, 0)

    np.testing.assert_array_equal(again.deposits, planet.deposits)
    assert again.places == planet.places
    assert simulation.create(SMALL, 1).places != planet.places


@pytest.mark.parametrize(("signal", "least", "most"), [(1.0, 0.9, 1.01), (0.0, -0.35, 0.35)])
def test_what_is_seen_tells_of_deposits_only_where_there_is_a_signal(signal: float, least: float, most: float) -> None:
    truth = tables.truth(simulation.create(SMALL.model_copy(update={"signal": signal}), 0))
    land = truth[truth["on_land"]]
    seen, made = np.log1p(land["n_patches"]), np.log1p(land["n_deposits"])

    assert least < float(np.corrcoef(seen, made)[0, 1]) < most


def test_more_islands_than_fit_are_refused() -> None:
    with pytest.raises(SettingsError, match="islands"):
        simulation.create(Simulate(places=3000, islands=24), 0)


@pytest.mark.parametrize(
    ("path", "row", "longitude", "latitude"),
    # centres of the WRS-2 grid as USGS publishes them (descending)
    [(44, 34, -122.4, 37.5), (92, 84, 146.7, -34.6), (1, 26, -51.7, 48.9)],
)
def test_the_orbit_is_that_of_the_worldwide_reference_system(
    path: int, row: int, longitude: float, latitude: float
) -> None:
    np.testing.assert_allclose(orbit.centre(path, row), [longitude, latitude], atol=0.5)
