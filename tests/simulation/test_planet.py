"""The planet: islands far apart, deposits where ground is fertile and people look, links that can be cut."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.metrics import roc_auc_score

from mineral_pipeline import simulation
from mineral_pipeline.errors import SettingsError
from mineral_pipeline.settings import Simulate
from mineral_pipeline.simulation import Planet, orbit, truth

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


@pytest.fixture(scope="module")
def planets() -> list[Planet]:
    return [simulation.create(Simulate(locations=600, islands=4), seed) for seed in range(2)]


def land(planet: Planet) -> pd.DataFrame:
    table = truth.locations(planet)
    return table[table["on_land"]]


def vary(planet: Planet, **changes: float) -> Planet:
    settings = planet.settings.model_copy(update=changes)
    return planet if settings == planet.settings else simulation.create(settings, planet.seed)


def test_the_planet_has_something_to_find(planets: list[Planet]) -> None:
    for planet in planets:
        table = land(planet)
        unknown = table[table["n_known"] == 0]
        assert 0.35 < (table["n_known"] > 0).mean() < 0.65
        assert 0.1 < (unknown["n_undiscovered"] > 0).mean() < 0.4
        # where altered rock shows, undiscovered deposits are likelier
        assert roc_auc_score(unknown["n_undiscovered"] > 0, unknown["patch_alteration"]) > 0.6


def test_deposits_cluster_as_real_ones(planets: list[Planet]) -> None:
    """Correlation of presence by distance, beside that of 3,014 real places: 0.40, 0.32, 0.26 and 0.20."""
    found = np.mean([presence_correlations(planet, (100, 250, 400, 600, 900)) for planet in planets], axis=0)
    np.testing.assert_allclose(found, [0.40, 0.32, 0.26, 0.20], atol=0.14)
    scattered = np.mean([presence_correlations(vary(one, confounding=0), (250, 600)) for one in planets])
    assert abs(scattered) < 0.06


def presence_correlations(planet: Planet, edges_km: tuple[float, ...]) -> list[float]:
    table = land(planet)
    swaths = [location.swath.projection for location in planet.locations if location.on_land]
    centres = np.array([(one.longitude, one.latitude) for one in swaths])
    i, j = np.triu_indices(len(centres), 1)
    distance, value = great_circle_km(centres[i], centres[j]), (table["n_known"] > 0).to_numpy(float)
    product = (value - value.mean())[i] * (value - value.mean())[j] / value.var()
    pairs = itertools.pairwise(edges_km)
    return [float(product[(low <= distance) & (distance < high)].mean()) for low, high in pairs]


def test_locations_of_different_islands_share_no_ground(planet: Planet) -> None:
    projections = [location.swath.projection for location in planet.locations]
    centres = np.array([[projection.longitude, projection.latitude] for projection in projections])
    islands = np.array([location.island for location in planet.locations])
    i, j = np.triu_indices(len(centres), 1)
    apart = islands[i] != islands[j]

    assert great_circle_km(centres[i][apart], centres[j][apart]).min() > 400


def test_the_same_seed_is_the_same_planet_and_another_is_not(planet: Planet) -> None:
    again = simulation.create.__wrapped__(SMALL, 0)

    np.testing.assert_array_equal(again.deposits.lonlat, planet.deposits.lonlat)
    assert again.locations == planet.locations
    assert simulation.create(SMALL, 1).locations != planet.locations


def alteration_auc(planet: Planet, inside: sparse.csr_array) -> float:
    """How well the altered ground of a location, of the sites ``inside``, tells whether deposits are known there."""
    deposits, patches = planet.deposits, planet.patches
    known = np.bincount(deposits.site[deposits.is_known], minlength=inside.shape[1])
    altered = np.zeros(inside.shape[1])
    altered[planet.sites.is_shown] = patches.area_km2 * patches.strength
    return float(roc_auc_score(inside @ known > 0, inside @ altered))


@pytest.fixture(scope="module")
def grounds(planets: list[Planet]) -> list[tuple[Planet, sparse.csr_array]]:
    """Planets with the sites of each of their locations over land, which no setting changes but the land's."""
    on_land = [np.array([location.on_land for location in planet.locations]) for planet in planets]
    return [(one, truth.membership(one, one.sites.lonlat)[land]) for one, land in zip(planets, on_land, strict=True)]


@pytest.mark.parametrize("name", ["signal", "confounding", "difficulty"])
def test_what_patches_tell_is_monotone(grounds: list[tuple[Planet, sparse.csr_array]], name: str) -> None:
    values = (0.0, 0.5, 1.0)
    found = np.array(
        [np.mean([alteration_auc(vary(one, **{name: value}), inside) for one, inside in grounds]) for value in values]
    )
    steps = np.diff(found) if name == "signal" else -np.diff(found)
    assert (steps > 0.005).all(), found


def test_without_signal_altered_rock_tells_nothing(grounds: list[tuple[Planet, sparse.csr_array]]) -> None:
    cut = [(vary(planet, signal=0), inside) for planet, inside in grounds]
    assert abs(np.mean([alteration_auc(planet, inside) for planet, inside in cut]) - 0.5) < 0.04
    for planet, _ in cut:
        table = truth.locations(planet)
        # who knows the geography too learns nothing from a patch
        by_geography = 1 - np.exp(-table["intensity"] * table["effort"])
        assert table["presence"].corr(by_geography, method="spearman") > 0.9


def test_less_signal_shows_a_part_of_what_more_shows(planets: list[Planet]) -> None:
    more, less = planets[0], vary(planets[0], signal=0.3)
    np.testing.assert_array_equal(less.deposits.lonlat, more.deposits.lonlat)
    assert (less.sites.is_shown <= more.sites.is_shown).all()
    assert less.sites.is_shown.sum() < more.sites.is_shown.sum()


def test_the_bayes_predictor_is_calibrated_and_the_best(planets: list[Planet]) -> None:
    table = pd.concat([land(vary(planet, signal=0.5)) for planet in planets])
    is_known, log_known = table["n_known"] > 0, np.log1p(table["n_known"])
    for _, bin_ in table.groupby(np.minimum((5 * table["presence"]).astype(int), 4)):
        share = (bin_["n_known"] > 0).mean()
        error = np.sqrt((bin_["presence"] * (1 - bin_["presence"])).sum()) / len(bin_)
        assert abs(share - bin_["presence"].mean()) < 4 * error + 0.01
    auc = roc_auc_score(is_known, table["presence"])
    errors = {name: (log_known - np.log1p(table[name])).abs().mean() for name in ("median_known", "n_patches")}
    expected = table["intensity"] * table["effort"]  # of the geography alone
    assert auc > max(roc_auc_score(is_known, table["patch_alteration"]), roc_auc_score(is_known, expected))
    assert errors["median_known"] < (log_known - np.log1p(expected)).abs().mean()
    assert errors["median_known"] < errors["n_patches"]


def test_deposits_are_found_where_people_look_and_in_time(planets: list[Planet]) -> None:
    planet = planets[0]
    table = truth.deposits(planet)
    assert table["year"].isna().equals(~table["known"])
    assert table["year"].dropna().between(1850, 1993).all()
    hazard = planet.sites.hazard[planet.deposits.site]
    looked = hazard > np.median(hazard)
    assert table["known"][looked].mean() > 2 * table["known"][~looked].mean()
    assert table["year"][looked].mean() < table["year"][~looked].mean()


def test_more_islands_than_fit_are_refused() -> None:
    with pytest.raises(SettingsError, match="islands"):
        simulation.create(Simulate(locations=3000, islands=24), 0)


@pytest.mark.parametrize("locations", [1800, 3000, 20_000])
def test_more_locations_than_an_island_holds_are_refused(locations: int) -> None:
    with pytest.raises(SettingsError, match=r"simulate\.islands: .* cannot hold .* locations"):
        simulation.create(Simulate(locations=locations, islands=1), 0)


@pytest.mark.parametrize(
    ("path", "row", "longitude", "latitude"),
    # centres of the WRS-2 grid as USGS publishes them (descending)
    [(44, 34, -122.4, 37.5), (92, 84, 146.7, -34.6), (1, 26, -51.7, 48.9)],
)
def test_the_orbit_is_that_of_the_worldwide_reference_system(
    path: int, row: int, longitude: float, latitude: float
) -> None:
    np.testing.assert_allclose(orbit.centre(path, row), [longitude, latitude], atol=0.5)
