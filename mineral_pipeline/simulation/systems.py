"""Mineral systems, the deposits that they made, and which of these are known: point processes over the land.

Sites lie at random over the land. At some a mineral system has made deposits, more often where the ground is fertile.
Its rock is altered, and ``signal`` is the chance that this shows. Other sites are altered and barren, in number by
``difficulty``. A deposit is known when the waiting time of its discovery, which is short where people look, is over.
Every site has its random numbers whatever the settings, so that a lower signal shows a part of what a higher one shows,
and a lower difficulty has a part of the barren sites: what can be attained falls as the one falls and the other rises.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from mineral_pipeline.geometry import Floats
from mineral_pipeline.settings import Simulate
from mineral_pipeline.simulation.geography import Geography
from mineral_pipeline.simulation.islands import Island

SITES_PER_KM2 = 1 / 900.0
"""Density of sites, some 37 in a location."""

BASE_LOGIT, FERTILITY_LOGIT = -3.9, 2.8
"""Logit of the chance of a mineral system where fertility is mean, and what a standard deviation adds."""

DEPOSITS_OF_SIZE = 2.2
"""Deposits of a system beyond the first are as many on average, times the square of its size."""

HAZARD, EFFORT_HAZARD = 0.7, 2.4
"""Discoveries of a deposit expected over all years at mean effort; the rise of their logarithm with effort."""

BARREN = 0.12
"""Chance that the ground of a site is altered and barren, where difficulty is 1."""

FIRST_YEAR, LAST_YEAR = 1850, 1993
"""Years of the first and the last discovery."""

RADIUS_KM, RADIUS_OF_SIZE = 3.5, 2.5
"""Radius of the altered rock of the smallest system, and what its size adds."""


@dataclass(frozen=True, eq=False)
class Sites:
    """Sites where there may be a mineral system; arrays are (n,)."""

    lonlat: Floats
    """(n, 2) degrees."""
    island: np.ndarray
    """Number of the island."""
    size: Floats
    """Size of the system, if there is one: exponential with mean 1."""
    shown_size: Floats
    """Size of the altered rock that shows: of the system, or of barren ground, which is as large."""
    chance: Floats
    """Chance of a mineral system, as the fertility of the ground gives it."""
    hazard: Floats
    """Expected discoveries of a deposit from the first to the last year, as the search effort gives it."""
    is_system: np.ndarray
    """Whether there is a mineral system."""
    is_shown: np.ndarray
    """Whether altered rock shows: of a system, or else of barren ground, which lies anywhere."""

    @property
    def mean_deposits(self) -> Floats:
        """Expected number of deposits, if there is a system: at least 1."""
        return np.asarray(1 + DEPOSITS_OF_SIZE * self.size**2)

    @property
    def known_share(self) -> Floats:
        """Chance that a deposit is known."""
        return np.asarray(-np.expm1(-self.hazard))

    def take(self, chosen: np.ndarray) -> Sites:
        """The chosen sites, by a mask or by indices."""
        return Sites(*(getattr(self, field.name)[chosen] for field in fields(self)))


@dataclass(frozen=True, eq=False)
class Patches:
    """Altered rock that scenes show, whether or not there is a deposit; arrays are (n,)."""

    lonlat: Floats
    """(n, 2) degrees."""
    radius_km: Floats
    """Radius."""
    strength: Floats
    """Degree of alteration, 0 to 1."""

    @property
    def area_km2(self) -> Floats:
        """Area of each."""
        return np.asarray(np.pi * self.radius_km**2)


@dataclass(frozen=True, eq=False)
class Deposits:
    """All deposits, known or not; arrays are (m,)."""

    lonlat: Floats
    """(m, 2) degrees."""
    site: np.ndarray
    """Index of the site."""
    island: np.ndarray
    """Number of the island."""
    year: np.ndarray
    """Year of discovery; 0 for what is not known."""

    @property
    def is_known(self) -> np.ndarray:
        """Whether each is known."""
        return np.asarray(self.year > 0)


def scatter(rng: np.random.Generator, islands: tuple[Island, ...]) -> tuple[Floats, np.ndarray]:
    """Sites over the land: (n, 2) lon/lat, and (n,) the numbers of their islands."""
    found = [island.scatter(rng, SITES_PER_KM2) for island in islands]
    return np.concatenate(found), np.repeat([island.number for island in islands], [len(one) for one in found])


def settle(
    rng: np.random.Generator, lonlat: Floats, island: np.ndarray, geography: Geography, settings: Simulate
) -> Sites:
    """Draw what there is at sites, (n, 2) lon/lat with (n,) numbers of islands."""
    size, barren_size = rng.exponential(size=(2, len(lonlat)))
    system, shown, barren = rng.random((3, len(lonlat)))
    chance = 1 / (1 + np.exp(-BASE_LOGIT - FERTILITY_LOGIT * geography.fertility(lonlat)))
    hazard = HAZARD * np.exp(EFFORT_HAZARD * geography.effort(lonlat))
    is_system = system < chance
    shows = is_system & (shown < settings.signal)
    is_shown = shows | (barren < BARREN * settings.difficulty)
    return Sites(lonlat, island, size, np.where(shows, size, barren_size), chance, hazard, is_system, is_shown)


def patches(sites: Sites) -> Patches:
    """The altered rock that shows; its extent and its strength grow with its size."""
    shown = sites.take(sites.is_shown)
    radius = RADIUS_KM + RADIUS_OF_SIZE * np.sqrt(shown.shown_size)
    return Patches(shown.lonlat, radius, np.asarray(1 - 0.75 * np.exp(-shown.shown_size)))


def make_deposits(rng: np.random.Generator, sites: Sites) -> Deposits:
    """Draw the deposits of every system, within its altered rock, and the years of their discovery."""
    systems = np.flatnonzero(sites.is_system)
    site = np.repeat(systems, 1 + rng.poisson(sites.mean_deposits[systems] - 1))
    waited = rng.exponential(size=site.size) / sites.hazard[site]
    year = np.where(waited < 1, FIRST_YEAR + np.floor(waited * (LAST_YEAR + 1 - FIRST_YEAR)), 0).astype(np.int64)
    distance = 0.7 * (RADIUS_KM + RADIUS_OF_SIZE * np.sqrt(sites.size[site])) * np.sqrt(rng.random(site.size))
    lonlat = displaced(sites.lonlat[site], distance, rng.uniform(0, 2 * np.pi, site.size))
    return Deposits(lonlat, site, sites.island[site], year)


def displaced(lonlat: Floats, distance_km: Floats, azimuth: Floats) -> Floats:
    """Positions some km away from (n, 2) lon/lat, in directions in radians clockwise from north."""
    degrees = distance_km / 111.2
    longitude, latitude = lonlat.T
    longitude = longitude + degrees * np.sin(azimuth) / np.cos(np.radians(latitude))
    return np.column_stack([(longitude + 180) % 360 - 180, latitude + degrees * np.cos(azimuth)])
