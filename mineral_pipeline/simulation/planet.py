"""The simulated planet: islands, their places, and the mineral systems that make deposits and alteration.

Half of the places are barren, in districts finer than an island: no system lies in sight of them. Every mineral
system is a patch of altered rock with the deposits that it made. With ``signal`` below 1 some patches are those of
an independent draw of systems instead, so that they tell nothing of deposits.
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

RICHEST = 60.0  # expected deposits of a place with the most systems; their logarithm follows the number of systems
FEWEST_SYSTEMS, MOST_SYSTEMS = 7, 36  # of a place
SYSTEM_SPACING_KM = 12.0  # patches are to be told apart
CANDIDATES = 1200  # points among which a place's systems are chosen
NEIGHBOUR_KM = 300  # places farther apart than this share no ground
SEA_SHARE = 0.05  # places at sea, over places on land


@dataclass(frozen=True)
class Location:
    """A path/row that is photographed."""

    swath: Swath
    """What is seen of it."""
    island: int
    """Number of its island, or of the nearest."""
    on_land: bool
    """Whether its centre is."""
    fertile: bool
    """Whether mineral systems were allowed in its sight."""


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
    """(n,) deposits made; at least one in the sight of a fertile place."""

    @property
    def radius_km(self) -> Floats:
        """(n,) of the patches."""
        return np.asarray(4.8 + 0.9 * self.intensity)

    @property
    def strength(self) -> Floats:
        """(n,) how far alteration has changed the rock, 0 to 1."""
        return np.asarray(np.minimum(0.7 + 0.17 * self.intensity, 1))

    def take(self, which: np.ndarray) -> Systems:
        """Some of the systems."""
        return Systems(*(getattr(self, field.name)[which] for field in fields(self)))


@dataclass(frozen=True, eq=False)
class Planet:
    """All that is to know; scenes are photographs of it."""

    settings: Simulate
    """What was asked for."""
    seed: int
    """Of everything random."""
    islands: tuple[Island, ...]
    """The land."""
    places: tuple[Location, ...]
    """By path and row."""
    systems: Systems
    """That made the deposits."""
    patches: Systems
    """That can be seen."""
    deposits: Floats
    """(m, 2) lon/lat, in the order of the systems."""


@lru_cache(maxsize=4)
def create(settings: Simulate, seed: int) -> Planet:
    """Make the planet of some settings; the same for the same arguments.

    Raises:
        SettingsError: the islands do not fit.
    """
    islands = land.create(np.random.default_rng([seed, 0]), settings.islands, settings.places)
    places, systems = _draw(np.random.default_rng([seed, 1]), islands)
    places = sorted(places + _sea_places(islands), key=lambda place: (place.swath.path, place.swath.row))
    return Planet(
        settings=settings,
        seed=seed,
        islands=islands,
        places=tuple(places),
        systems=systems,
        patches=_patches(seed, islands, systems, settings.signal),
        deposits=_mineralise(np.random.default_rng([seed, 4]), systems),
    )


def _patches(seed: int, islands: tuple[Island, ...], systems: Systems, signal: float) -> Systems:
    """What can be seen: the share ``signal`` of the systems, and of unrelated ones the rest."""
    if signal == 1:
        return systems
    _, unrelated = _draw(np.random.default_rng([seed, 2]), islands)
    rng = np.random.default_rng([seed, 3])
    shown = rng.random(len(systems.island)) < signal
    replaced = rng.random(len(unrelated.island)) >= signal
    return _join([systems.take(shown), unrelated.take(replaced)])


def _sea_places(islands: tuple[Island, ...]) -> list[Location]:
    wanted = round(SEA_SHARE * sum(len(island.land) for island in islands))
    return [
        Location(islands[i % len(islands)].sea[i // len(islands)], i % len(islands), on_land=False, fertile=False)
        for i in range(wanted)
    ]


def _draw(rng: np.random.Generator, islands: tuple[Island, ...]) -> tuple[list[Location], Systems]:
    """Choose the fertile half of every island's places and draw their systems."""
    places, systems = [], []
    for island in islands:
        fertile = _fertile(rng, island)
        barren = [swath for swath, good in zip(island.land, fertile, strict=True) if not good]
        for swath, good in zip(island.land, fertile, strict=True):
            places.append(Location(swath, island.number, on_land=True, fertile=bool(good)))
            if good:
                systems.append(_systems_of(rng, island, swath, barren))
    return places, _join(systems)


def _fertile(rng: np.random.Generator, island: Island) -> np.ndarray:
    """(places,) bool: the half where a smooth field is highest, so that fertile places lie in districts."""
    field = texture.draw(rng, longest_km=500, octaves=2)
    centres = [_centre(swath) for swath in island.land]
    rank = np.argsort(np.argsort(field(*island.frame.to_local(np.array(centres)).T)))
    return np.asarray(rank >= (len(rank) + island.number % 2) // 2)


def _systems_of(rng: np.random.Generator, island: Island, swath: Swath, barren: list[Swath]) -> Systems:
    """Draw the systems of one fertile place, out of sight of every barren one."""
    neighbours = [other for other in barren if np.hypot(*swath.frame.to_local(_centre(other))) < NEIGHBOUR_KM]
    number = int(rng.integers(FEWEST_SYSTEMS, MOST_SYSTEMS, endpoint=True))
    candidates = swath.lonlat(rng.uniform(-0.5, 0.5, (CANDIDATES, 2)) * [WIDTH_KM, LENGTH_KM])
    allowed = swath.contains(candidates, margin_km=14) & (island.depth(*island.frame.to_local(candidates).T) > 9)
    for other in neighbours:
        allowed &= ~other.contains(candidates, margin_km=-11)
    chosen = _spaced(swath.frame.to_local(candidates), np.flatnonzero(allowed).tolist(), number)
    meant = RICHEST ** max((len(chosen) - FEWEST_SYSTEMS) / (MOST_SYSTEMS - FEWEST_SYSTEMS), 0)
    equal = np.full(len(chosen), 1 / max(len(chosen), 1))
    return Systems(
        lonlat=candidates[chosen],
        island=np.full(len(chosen), island.number),
        intensity=meant * equal,
        deposits=rng.multinomial(1 + rng.poisson(meant - 1), equal),
    )


def _centre(swath: Swath) -> Floats:
    return np.array([swath.frame.longitude, swath.frame.latitude])


def _spaced(local: Floats, allowed: list[int], number: int) -> list[int]:
    """The first ``number`` allowed points that keep their distance from each other."""
    chosen: list[int] = []
    for index in allowed:
        if all(np.hypot(*(local[index] - local[other])) >= SYSTEM_SPACING_KM for other in chosen):
            chosen.append(index)
        if len(chosen) == number:
            break
    return chosen


def _mineralise(rng: np.random.Generator, systems: Systems) -> Floats:
    """Where the deposits of every system lie, within its patch."""
    maker = np.repeat(np.arange(len(systems.deposits)), systems.deposits)
    angle = rng.uniform(0, 2 * np.pi, maker.size)
    distance = 0.7 * systems.radius_km[maker] * np.sqrt(rng.random(maker.size))
    degrees = distance / 111.2
    longitude, latitude = systems.lonlat[maker].T
    longitude = longitude + degrees * np.sin(angle) / np.cos(np.radians(latitude))
    return np.column_stack([(longitude + 180) % 360 - 180, latitude + degrees * np.cos(angle)])


def _join(systems: list[Systems]) -> Systems:
    return Systems(*(np.concatenate([getattr(part, field.name) for part in systems]) for field in fields(Systems)))
