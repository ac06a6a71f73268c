"""The land of the simulated planet: islands far apart, each grown until it holds its share of WRS-2 locations."""

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

MAX_LATITUDE = 40.0
"""Degrees; farther from the equator side-laps leave no ground that only one location shows."""

MIN_GAP_KM = 1000.0
"""Smallest distance between two coasts."""

MAX_RADIUS_KM = 4000.0
"""Locations farther from an island's centre than this are not considered for it."""

AZIMUTHS = np.linspace(-np.pi, np.pi, 721)
"""Directions in which the coast is given, radians clockwise from north; the first and the last are the same."""

SEA_RATIO = 1.12
"""A location at sea lies at least so many times as far from the centre as the coast."""

SEA_FRACTION = 0.05
"""Number of locations at sea over that of locations on land."""

SYLLABLES = (
    "ba", "cor", "da", "el", "fi", "gra", "ho", "il", "ka", "lu", "mer", "no", "or", "pe", "ri", "sa", "tu", "va",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Island:
    """One island, in a map projection around its centre."""

    number: int
    """Number of the island, from 0."""
    name: str
    """Invented name."""
    projection: LocalProjection
    """Projection of all kilometres of the island."""
    coast: Floats
    """(721,) km from the centre to the coast, by `AZIMUTHS`."""
    land: tuple[Swath, ...]
    """Locations with their centre on land, outwards from the island's centre."""
    sea: tuple[Swath, ...]
    """Locations off the coast, nearest first."""
    rocks: Texture
    """Brightness of the rocks."""
    strata: Texture
    """The rock type changes where this passes 0."""
    faults: Texture
    """A fault runs where this is nearly 0."""

    def depth(self, east: np.ndarray, north: np.ndarray) -> np.ndarray:
        """Kilometres from projected points to the coast, along the ray from the centre; negative at sea."""
        to_coast = np.interp(np.arctan2(east, north), AZIMUTHS, self.coast)
        return np.asarray(to_coast - np.hypot(east, north), dtype=east.dtype)

    def scatter(self, rng: np.random.Generator, per_km2: float) -> Floats:
        """Positions at random over the land, (n, 2) lon/lat, so many per km2 on average."""
        sectors = self.coast[:-1] ** 2 / 2 * np.diff(AZIMUTHS)
        number = rng.poisson(per_km2 * sectors.sum())
        ends = np.cumsum(sectors) / sectors.sum()
        sector = np.searchsorted(ends, rng.random(number), side="right").clip(max=len(sectors) - 1)
        azimuth = AZIMUTHS[sector] + np.diff(AZIMUTHS)[sector] * rng.random(number)
        distance = np.interp(azimuth, AZIMUTHS, self.coast) * np.sqrt(rng.random(number))
        local = distance[:, None] * np.column_stack([np.sin(azimuth), np.cos(azimuth)])
        positions = self.projection.to_lonlat(local)
        return np.column_stack([(positions[:, 0] + 180) % 360 - 180, positions[:, 1]])

    def outline(self) -> shapely.Polygon:
        """The land, lon/lat, counter-clockwise; longitudes are continuous and may pass 180."""
        order = -np.arange(len(AZIMUTHS) - 1)  # from azimuth -pi against the clock
        azimuths, coast = AZIMUTHS[:-1][order], self.coast[:-1][order]
        return shapely.Polygon(
            self.projection.to_lonlat(coast[:, None] * np.column_stack([np.sin(azimuths), np.cos(azimuths)]))
        )


def create(rng: np.random.Generator, number: int, locations: int) -> tuple[Island, ...]:
    """Draw the islands.

    Args:
        rng: random generator.
        number: number of islands.
        locations: number of path/rows over land, divided evenly.

    Raises:
        SettingsError: there are fewer locations than islands, more than an island can hold, or coasts closer than
            `MIN_GAP_KM`.
    """
    if locations < number:
        raise SettingsError(
            f"simulate.islands: {number} islands for {locations} locations: ask for at most one island per location"
        )
    shares = [locations // number + (island < locations % number) for island in range(number)]
    islands = tuple(
        _grow(rng, island, LocalProjection(*centre), share)
        for island, (centre, share) in enumerate(zip(_scatter(rng, number).tolist(), shares, strict=True))
    )
    _refuse_crowding(islands)
    return islands


def _scatter(rng: np.random.Generator, number: int) -> Floats:
    """(number, 2) lon/lat far from each other: best-candidate sampling (Mitchell 1991)."""
    highest = np.sin(np.radians(MAX_LATITUDE))
    chosen = np.empty((0, 2))
    for _ in range(number):
        latitudes = np.degrees(np.arcsin(rng.uniform(-highest, highest, 400)))
        candidates = np.column_stack([rng.uniform(-180, 180, 400), latitudes])
        apart = geometry.distances_km(candidates[:, None], chosen[None]).min(axis=1, initial=np.inf)
        chosen = np.vstack([chosen, candidates[np.argmax(apart)]])
    return chosen


def _grow(rng: np.random.Generator, number: int, projection: LocalProjection, share: int) -> Island:
    """Draw an island that is as large as ``share`` locations need."""
    profile = _profile(rng)
    swaths, local = _swaths_around(projection)
    ratios = np.hypot(*local.T) / np.interp(np.arctan2(*local.T), AZIMUTHS, profile)
    order = np.argsort(ratios, kind="stable")
    # the coast runs midway between the last location on land and the first at sea
    size = np.sqrt(ratios[order[share - 1]] * ratios[order[share]]) if share < len(order) else np.inf
    sea = tuple(swaths[i] for i in order if ratios[i] > SEA_RATIO * size)
    if len(sea) <= SEA_FRACTION * share:
        raise SettingsError(
            f"simulate.islands: an island within {MAX_RADIUS_KM:,.0f} km of its centre cannot hold {share:,} locations"
            " and sea around them: ask for more islands or fewer locations"
        )
    return Island(
        number=number,
        name="".join(rng.choice(SYLLABLES, 3)).capitalize(),
        projection=projection,
        coast=profile * size,
        land=tuple(swaths[i] for i in order[:share]),
        sea=sea,
        rocks=texture.draw(rng, longest_km=160, octaves=12, roughness=0.78),
        strata=texture.draw(rng, longest_km=200, octaves=4),
        faults=texture.draw(rng, longest_km=300, octaves=3),
    )


def _profile(rng: np.random.Generator) -> Floats:
    """(721,) distance to the coast by `AZIMUTHS`, about 1."""
    waves = np.arange(2, 90)
    swings = rng.normal(0, 0.2, waves.size) / waves
    return np.asarray(
        np.exp((swings[:, None] * np.cos(waves[:, None] * AZIMUTHS + rng.uniform(0, 6.3, (waves.size, 1)))).sum(0))
    )


@cache
def _day_grid() -> tuple[Floats, Floats]:
    """(n, 2) path and row of every day-time scene, and (n, 2) lon/lat of its centre."""
    paths, rows = np.meshgrid(np.arange(1, orbit.PATHS + 1), np.arange(1, orbit.DAY_ROWS + 1), indexing="ij")
    return np.column_stack([paths.ravel(), rows.ravel()]), orbit.centre(paths.ravel(), rows.ravel())


def _swaths_around(projection: LocalProjection) -> tuple[list[Swath], Floats]:
    """Path/rows around the centre of a projection, and (n, 2) km of their centres."""
    path_rows, centres = _day_grid()
    near = geometry.distances_km(centres, np.array([projection.longitude, projection.latitude])) < MAX_RADIUS_KM
    return [Swath(int(path), int(row)) for path, row in path_rows[near]], projection.to_local(centres[near])


def _refuse_crowding(islands: tuple[Island, ...]) -> None:
    centres = np.array([(island.projection.longitude, island.projection.latitude) for island in islands])
    radii = np.array([island.coast.max() for island in islands])
    gaps = geometry.distances_km(centres[:, None], centres[None]) - radii[:, None] - radii[None]
    if np.min(gaps + np.diag(np.full(len(islands), np.inf))) < MIN_GAP_KM:
        raise SettingsError(
            f"simulate.islands: {len(islands)} islands lie closer than {MIN_GAP_KM:.0f} km:"
            " ask for fewer islands or locations"
        )
