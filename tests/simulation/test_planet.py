"""The planet: islands far apart, half of the locations barren, and a link between rock and deposits that can be cut."""

from __future__ import annotations

import numpy as np
import pytest

from mineral_pipeline import simulation
from mineral_pipeline.errors import SettingsError
from mineral_pipeline.settings import Simulate
from mineral_pipeline.simulation import Planet, orbit, tables

SMALL = Simulate(locations=60, dates=2, islands=6)


@pytest.fixture(scope="module")
def planet() -> Planet:
    return simulation.create(SMALL, 0)


def great_circle_km(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Haversine, the long way round from the unit vectors of the code."""
    (lon1, lat1), (lon2, lat2) = np.radians(a).T, np.radians(b).T
    h = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    return np.asarray(2 * 6371.0088 * np.arcsin(np.sqrt(h)))


def test_as_many_locations_as_asked_for_and_a_few_at_sea(planet: Planet) -> None:
    on_land = [location for location in planet.locations if location.on_land]

    assert len(on_land) == SMALL.locations
    assert len(planet.locations) - len(on_land) == round(0.05 * SMALL.locations)
    path_rows = {(location.swath.path, location.swath.row) for location in planet.locations}
    assert len(path_rows) == len(planet.locations)
    assert len({location.island for location in on_land}) == SMALL.islands


def test_half_of_the_locations_are_barren_and_hold_no_deposit(planet: Planet) -> None:
    truth = tables.truth(planet)
    land = truth[truth["on_land"]]

    assert land["fertile"].mean() == pytest.approx(0.5, abs=0.05)
    assert (land.loc[~land["fertile"], "n_deposits"] == 0).all()
    assert (land.loc[land["fertile"], "n_deposits"] > 0).all()


def test_locations_of_different_islands_share_no_ground(planet: Planet) -> None:
    projections = [location.swath.projection for location in planet.locations]
    centres = np.array([[projection.longitude, projection.latitude] for projection in projections])
    islands = np.array([location.island for location in planet.locations])
    i, j = np.triu_indices(len(centres), 1)
    apart = islands[i] != islands[j]

    assert great_circle_km(centres[i][apart], centres[j][apart]).min() > 400


def test_the_same_seed_is_the_same_planet_and_another_is_not(planet: Planet) -> None:
    again = simulation.create.__wrapped__(SMALL, 0)

    np.testing.assert_array_equal(again.deposits, planet.deposits)
    assert again.locations == planet.locations
    assert simulation.create(SMALL, 1).locations != planet.locations


@pytest.mark.parametrize(("signal", "lowest", "highest"), [(1.0, 0.9, 1.01), (0.0, -0.35, 0.35)])
def test_patches_are_informative_only_where_there_is_a_signal(signal: float, lowest: float, highest: float) -> None:
    truth = tables.truth(simulation.create(SMALL.model_copy(update={"signal": signal}), 0))
    land = truth[truth["on_land"]]
    patches, deposits = np.log1p(land["n_patches"]), np.log1p(land["n_deposits"])

    assert lowest < float(np.corrcoef(patches, deposits)[0, 1]) < highest


def test_more_islands_than_fit_are_refused() -> None:
    with pytest.raises(SettingsError, match="islands"):
        simulation.create(Simulate(locations=3000, islands=24), 0)


@pytest.mark.parametrize(
    ("path", "row", "longitude", "latitude"),
    # centres of the WRS-2 grid as USGS publishes them (descending)
    [(44, 34, -122.4, 37.5), (92, 84, 146.7, -34.6), (1, 26, -51.7, 48.9)],
)
def test_the_orbit_is_that_of_the_worldwide_reference_system(
    path: int, row: int, longitude: float, latitude: float
) -> None:
    np.testing.assert_allclose(orbit.centre(path, row), [longitude, latitude], atol=0.5)
