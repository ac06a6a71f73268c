"""The land of the simulated planet: islands far apart, each grown until it holds its share of WRS-2 places."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import shapely

from mineral_pipeline import geometry
from mineral_pipeline.errors import SettingsError
from mineral_pipeline.geometry import Floats
from mineral_pipeline.simulation import orbit, texture
from mineral_pipeline.simulation.local_projection import LocalProjection
from mineral_pipeline.simulation.swath import Swath
from mineral_pipeline.simulation.texture import Texture

HIGHEST_LATITUDE = 40.0  # farther from the equator side-laps leave no ground that only one place sees
CLOSEST_KM = 1000.0  # from coast to coast
AZIMUTHS = np.linspace(-np.pi, np.pi, 721)
SEA_RATIO = 1.12  # a place at sea lies at least so many times as far out as the coast
SYLLABLES = (
    "ba",
    "cor",
    "da",
    "el",
    "fi",
    "gra",
    "ho",
    "il",
    "ka",
    "lu",
    "mer",
    "no",
    "or",
    "pe",
    "ri",
    "sa",
    "tu",
    "va",
)


@dataclass(frozen=True, eq=False)
class Island:
    """One piece of land, on a map around its middle."""

    number: int
    """From 0."""
    name: str
    """Invented."""
    frame: LocalProjection
    """Its map; kilometres below are on it."""
    coast: Floats
    """(721,) km from the middle to the coast, by `AZIMUTHS`."""
    land: tuple[Swath, ...]
    """Places with their centre on land, outwards from the middle."""
    sea: tuple[Swath, ...]
    """Places off the coast, nearest first."""
    rocks: Texture
    """Brightness of the rocks."""
    strata: Texture
    """The sort of rock changes where this passes 0."""
    faults: Texture
    """A fault runs where this is nearly 0."""

    def depth(self, east: np.ndarray, north: np.ndarray) -> np.ndarray:
        """Kilometres from points of the map to the coast, along the ray from the middle; negative at sea."""
        to_coast = np.interp(np.arctan2(east, north), AZIMUTHS, self.coast)
        return np.asarray(to_coast - np.hypot(east, north), dtype=east.dtype)

    def outline(self) -> shapely.Polygon:
        """The land, lon/lat; longitudes are continuous and may pass 180."""
        ring = self.coast[::-1, None] * np.column_stack([np.sin(AZIMUTHS[::-1]), np.cos(AZIMUTHS[::-1])])
        return shapely.Polygon(self.frame.to_lonlat(ring[1:]))


def create(rng: np.random.Generator, number: int, places: int) -> tuple[Island, ...]:
    """Raise the islands.

    Args:
        rng: source of chance.
        number: of islands.
        places: path/rows over land, shared out evenly.

    Raises:
        SettingsError: fewer places than islands, or coasts closer than `CLOSEST_KM`.
    """
    if places < number:
        raise SettingsError(
            f"simulate.islands: {number} islands for {places} places: ask for at most one island per place"
        )
    shares = [places // number + (island < places % number) for island in range(number)]
    islands = tuple(
        _raise(rng, island, LocalProjection(*position), share)
        for island, (position, share) in enumerate(zip(_scatter(rng, number).tolist(), shares, strict=True))
    )
    _refuse_crowding(islands)
    return islands


def _scatter(rng: np.random.Generator, number: int) -> Floats:
    """(number, 2) lon/lat far from each other: of many candidates always the loneliest (Mitchell 1991)."""
    highest = np.sin(np.radians(HIGHEST_LATITUDE))
    chosen = np.empty((0, 2))
    for _ in range(number):
        latitudes = np.degrees(np.arcsin(rng.uniform(-highest, highest, 400)))
        candidates = np.column_stack([rng.uniform(-180, 180, 400), latitudes])
        apart = geometry.distances_km(candidates[:, None], chosen[None]).min(axis=1, initial=np.inf)
        chosen = np.vstack([chosen, candidates[np.argmax(apart)]])
    return chosen


def _raise(rng: np.random.Generator, number: int, frame: LocalProjection, share: int) -> Island:
    profile = _profile(rng)
    swaths, local = _places_around(frame)
    ratios = np.hypot(*local.T) / np.interp(np.arctan2(*local.T), AZIMUTHS, profile)
    order = np.argsort(ratios)
    size = np.sqrt(ratios[order[share - 1]] * ratios[order[share]])  # the coast runs midway to the first place at sea
    return Island(
        number=number,
        name="".join(rng.choice(SYLLABLES, 3)).capitalize(),
        frame=frame,
        coast=profile * size,
        land=tuple(swaths[i] for i in order[:share]),
        sea=tuple(swaths[i] for i in order if ratios[i] > SEA_RATIO * size),
        rocks=texture.draw(rng, longest_km=160, octaves=12, roughness=0.78),
        strata=texture.draw(rng, longest_km=200, octaves=4),
        faults=texture.draw(rng, longest_km=300, octaves=3),
    )


def _profile(rng: np.random.Generator) -> Floats:
    """(721,) distance to the coast by azimuth, about 1; the first and the last are the same."""
    waves = np.arange(2, 90)
    swings = rng.normal(0, 0.2, waves.size) / waves
    return np.asarray(
        np.exp((swings[:, None] * np.cos(waves[:, None] * AZIMUTHS + rng.uniform(0, 6.3, (waves.size, 1)))).sum(0))
    )


@cache
def _grid() -> tuple[Floats, Floats]:
    """Every path/row by day, (n, 2), and its centre, (n, 2) lon/lat."""
    paths, rows = np.meshgrid(np.arange(1, orbit.PATHS + 1), np.arange(1, orbit.DAY_ROWS + 1), indexing="ij")
    return np.column_stack([paths.ravel(), rows.ravel()]), orbit.centre(paths.ravel(), rows.ravel())


def _places_around(frame: LocalProjection) -> tuple[list[Swath], Floats]:
    names, centres = _grid()
    near = geometry.distances_km(centres, np.array([frame.longitude, frame.latitude])) < 4000
    return [Swath(int(path), int(row)) for path, row in names[near]], frame.to_local(centres[near])


def _refuse_crowding(islands: tuple[Island, ...]) -> None:
    middles = np.array([(island.frame.longitude, island.frame.latitude) for island in islands])
    reaches = np.array([island.coast.max() for island in islands])
    gaps = geometry.distances_km(middles[:, None], middles[None]) - reaches[:, None] - reaches[None]
    if np.min(gaps + np.diag(np.full(len(islands), np.inf))) < CLOSEST_KM:
        raise SettingsError(
            f"simulate.islands: {len(islands)} islands lie closer than {CLOSEST_KM:.0f} km:"
            " ask for fewer islands or places"
        )
