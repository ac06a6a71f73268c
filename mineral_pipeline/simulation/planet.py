"""The simulated planet: islands, their locations, and the mineral systems that make deposits and alteration.

Half of the locations are barren, in districts finer than an island: their scenes show no mineral system. Every mineral
system is a patch of altered rock with the deposits that it made. With ``signal`` below 1 some patches belong to an
independent draw of systems instead, so that they are uninformative about deposits.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np

from mineral_pipeline.geometry import Floats
from mineral_pipeline.settings import Simulate
from mineral_pipeline.simulation import islands as land
from mineral_pipeline.simulation import texture
from mineral_pipeline.simulation.islands import Island
from mineral_pipeline.simulation.swath import LENGTH_KM, WIDTH_KM, Swath

MAX_EXPECTED_DEPOSITS = 60.0
"""Expected deposits of a location with the most systems; their logarithm is linear in the number of systems."""

MIN_SYSTEMS, MAX_SYSTEMS = 7, 36
"""Number of systems of a fertile location."""

SYSTEM_SPACING_KM = 12.0
"""Smallest distance between two systems of a location, so that their patches do not merge."""

CANDIDATES = 1200
"""Points among which the systems of a location are chosen."""

NEIGHBOUR_KM = 300
"""Locations farther apart than this share no ground."""

SEA_FRACTION = 0.05
"""Number of locations at sea over that of locations on land."""


@dataclass(frozen=True)
class Location:
    """A path/row of which there are scenes."""

    swath: Swath
    """Ground of its scenes."""
    island: int
    """Number of its island, or of the nearest."""
    on_land: bool
    """Whether its centre is on land."""
    fertile: bool
    """Whether its scenes may show mineral systems."""


@dataclass(frozen=True, eq=False)
class Systems:
    """Mineral systems: patches of altered rock, about a twentieth of a scene across."""

    lonlat: Floats
    """(n, 2) degrees."""
    island: np.ndarray
    """(n,) number of the island."""
    intensity: Floats
    """(n,) expected deposits."""
    deposits: np.ndarray
    """(n,) deposits made; a fertile location shows at least one."""

    @property
    def radius_km(self) -> Floats:
        """(n,) radius of each patch."""
        return np.asarray(4.8 + 0.9 * self.intensity)

    @property
    def strength(self) -> Floats:
        """(n,) degree of alteration of the rock, 0 to 1."""
        return np.asarray(np.minimum(0.7 + 0.17 * self.intensity, 1))

    def take(self, chosen: np.ndarray) -> Systems:
        """The chosen systems, by a mask or by indices."""
        return Systems(*(getattr(self, field.name)[chosen] for field in fields(self)))


@dataclass(frozen=True, eq=False)
class Planet:
    """Simulated ground truth."""

    settings: Simulate
    """Settings that it was made from."""
    seed: int
    """Seed of everything random."""
    islands: tuple[Island, ...]
    """The land."""
    locations: tuple[Location, ...]
    """Locations by path and row."""
    systems: Systems
    """Systems that made the deposits."""
    patches: Systems
    """Systems whose altered rock scenes show."""
    deposits: Floats
    """(m, 2) lon/lat of the deposits, in the order of the systems."""


@lru_cache(maxsize=4)
def create(settings: Simulate, seed: int) -> Planet:
    """Make the planet of some settings and a seed; the same for the same arguments.

    Raises:
        SettingsError: the islands do not fit.
    """
    islands = land.create(np.random.default_rng([seed, 0]), settings.islands, settings.locations)
    on_land, systems = _draw(np.random.default_rng([seed, 1]), islands)
    locations = sorted(on_land + _at_sea(islands), key=lambda location: (location.swath.path, location.swath.row))
    return Planet(
        settings=settings,
        seed=seed,
        islands=islands,
        locations=tuple(locations),
        systems=systems,
        patches=_patches(seed, islands, systems, settings.signal),
        deposits=_place_deposits(np.random.default_rng([seed, 4]), systems),
    )


def _patches(seed: int, islands: tuple[Island, ...], systems: Systems, signal: float) -> Systems:
    """Systems that scenes show: the share ``signal`` of the true ones, and unrelated ones for the rest."""
    if signal == 1:
        return systems
    _, unrelated = _draw(np.random.default_rng([seed, 2]), islands)
    rng = np.random.default_rng([seed, 3])
    shown = rng.random(len(systems.island)) < signal
    replaced = rng.random(len(unrelated.island)) >= signal
    return _concatenate([systems.take(shown), unrelated.take(replaced)])


def _at_sea(islands: tuple[Island, ...]) -> list[Location]:
    """Locations at sea, the nearest of every island in turn."""
    number = round(SEA_FRACTION * sum(len(island.land) for island in islands))
    return [
        Location(islands[i % len(islands)].sea[i // len(islands)], i % len(islands), on_land=False, fertile=False)
        for i in range(number)
    ]


def _draw(rng: np.random.Generator, islands: tuple[Island, ...]) -> tuple[list[Location], Systems]:
    """Choose the fertile half of every island's locations and draw their systems."""
    locations, systems = [], []
    for island in islands:
        fertile = _choose_fertile(rng, island)
        barren = [swath for swath, is_fertile in zip(island.land, fertile, strict=True) if not is_fertile]
        for swath, is_fertile in zip(island.land, fertile, strict=True):
            locations.append(Location(swath, island.number, on_land=True, fertile=bool(is_fertile)))
            if is_fertile:
                systems.append(_draw_systems(rng, island, swath, barren))
    return locations, _concatenate(systems)


def _choose_fertile(rng: np.random.Generator, island: Island) -> np.ndarray:
    """(locations,) bool: the half where a smooth field is highest, so that fertile locations lie in districts."""
    field = texture.draw(rng, longest_km=500, octaves=2)
    centres = [_centre(swath) for swath in island.land]
    rank = np.argsort(np.argsort(field(*island.projection.to_local(np.array(centres)).T)))
    return np.asarray(rank >= (len(rank) + island.number % 2) // 2)


def _draw_systems(rng: np.random.Generator, island: Island, swath: Swath, barren: list[Swath]) -> Systems:
    """Draw the systems of one fertile location where no barren one shows them."""
    neighbours = [other for other in barren if np.hypot(*swath.projection.to_local(_centre(other))) < NEIGHBOUR_KM]
    number = int(rng.integers(MIN_SYSTEMS, MAX_SYSTEMS, endpoint=True))
    candidates = swath.lonlat(rng.uniform(-0.5, 0.5, (CANDIDATES, 2)) * [WIDTH_KM, LENGTH_KM])
    allowed = swath.contains(candidates, margin_km=14) & (island.depth(*island.projection.to_local(candidates).T) > 9)
    for other in neighbours:
        allowed &= ~other.contains(candidates, margin_km=-11)
    chosen = _spaced(swath.projection.to_local(candidates), np.flatnonzero(allowed).tolist(), number)
    expected = MAX_EXPECTED_DEPOSITS ** max((len(chosen) - MIN_SYSTEMS) / (MAX_SYSTEMS - MIN_SYSTEMS), 0)
    equal = np.full(len(chosen), 1 / max(len(chosen), 1))
    return Systems(
        lonlat=candidates[chosen],
        island=np.full(len(chosen), island.number),
        intensity=expected * equal,
        deposits=rng.multinomial(1 + rng.poisson(expected - 1), equal),
    )


def _centre(swath: Swath) -> Floats:
    return np.array([swath.projection.longitude, swath.projection.latitude])


def _spaced(local: Floats, allowed: list[int], number: int) -> list[int]:
    """The first ``number`` allowed points that are at least `SYSTEM_SPACING_KM` from each other."""
    chosen: list[int] = []
    for index in allowed:
        if all(np.hypot(*(local[index] - local[other])) >= SYSTEM_SPACING_KM for other in chosen):
            chosen.append(index)
        if len(chosen) == number:
            break
    return chosen


def _place_deposits(rng: np.random.Generator, systems: Systems) -> Floats:
    """(m, 2) lon/lat of the deposits of every system, within its patch."""
    system = np.repeat(np.arange(len(systems.deposits)), systems.deposits)
    angle = rng.uniform(0, 2 * np.pi, system.size)
    distance = 0.7 * systems.radius_km[system] * np.sqrt(rng.random(system.size))
    degrees = distance / 111.2
    longitude, latitude = systems.lonlat[system].T
    longitude = longitude + degrees * np.sin(angle) / np.cos(np.radians(latitude))
    return np.column_stack([(longitude + 180) % 360 - 180, latitude + degrees * np.cos(angle)])


def _concatenate(systems: list[Systems]) -> Systems:
    return Systems(*(np.concatenate([getattr(part, field.name) for part in systems]) for field in fields(Systems)))
