"""The simulated planet: islands, their locations, its geography, and the mineral systems that make deposits.

Scenes show `Planet.patches`, the altered rock of mineral systems and of barren ground, among decoys, under vegetation
and clouds. Tables tell the known deposits, which are a part of all.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy.spatial import KDTree

from mineral_pipeline.geometry import Floats, chord_length, unit_vectors
from mineral_pipeline.settings import Simulate
from mineral_pipeline.simulation import decoys, geography, systems
from mineral_pipeline.simulation import islands as land
from mineral_pipeline.simulation.decoys import Decoys
from mineral_pipeline.simulation.geography import Geography
from mineral_pipeline.simulation.islands import Island
from mineral_pipeline.simulation.swath import REACH_KM, Swath
from mineral_pipeline.simulation.systems import Deposits, Patches, Sites

LAND_SALT, SITE_SALT, FIELD_SALT, SYSTEM_SALT, DEPOSIT_SALT, DECOY_SALT = range(6)
"""What the parts of a planet are drawn from beside its seed, so that each is the same whatever the others are."""


@dataclass(frozen=True)
class Location:
    """A path/row of which there are scenes."""

    swath: Swath
    """Ground of its scenes."""
    island: int
    """Number of its island, or of the nearest."""
    on_land: bool
    """Whether its centre is on land."""


@dataclass(frozen=True, eq=False)
class Near:
    """Which positions are near a place."""

    lonlat: Floats
    """(n, 2) degrees."""

    @cached_property
    def _tree(self) -> KDTree:
        return KDTree(unit_vectors(self.lonlat))

    def __call__(self, swath: Swath, margin_km: float = 0.0) -> np.ndarray:
        """Indices, in their order, of positions that may lie within ``margin_km`` of the ground of a path/row."""
        centre = unit_vectors([swath.projection.longitude, swath.projection.latitude])
        found = self._tree.query_ball_point(centre, chord_length(REACH_KM + margin_km), return_sorted=True)
        return np.asarray(found, dtype=np.intp)


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
    geography: Geography
    """What varies smoothly over it."""
    sites: Sites
    """Where there may be a mineral system."""
    patches: Patches
    """Altered rock that scenes show."""
    decoys: Decoys
    """What looks like altered rock."""

    @cached_property
    def deposits(self) -> Deposits:
        """All deposits, known or not."""
        return systems.make_deposits(np.random.default_rng([self.seed, DEPOSIT_SALT]), self.sites)

    @cached_property
    def patches_near(self) -> Near:
        """Which patches are near a location."""
        return Near(self.patches.lonlat)

    @cached_property
    def decoys_near(self) -> Near:
        """Which decoys are near a location."""
        return Near(self.decoys.lonlat)


@lru_cache(maxsize=4)
def create(settings: Simulate, seed: int) -> Planet:
    """Make the planet of some settings and a seed; the same for the same arguments.

    Raises:
        SettingsError: the islands do not fit.
    """

    def rng(salt: int) -> np.random.Generator:
        return np.random.default_rng([seed, salt])

    islands = land.create(rng(LAND_SALT), settings.islands, settings.locations)
    lonlat, island = systems.scatter(rng(SITE_SALT), islands)
    smooth = geography.draw(rng(FIELD_SALT), lonlat, settings.confounding)
    sites = systems.settle(rng(SYSTEM_SALT), lonlat, island, smooth, settings)
    locations = sorted(_on_land(islands) + _at_sea(islands), key=lambda one: (one.swath.path, one.swath.row))
    hiding = decoys.draw(rng(DECOY_SALT), islands, settings.difficulty)
    return Planet(settings, seed, islands, tuple(locations), smooth, sites, systems.patches(sites), hiding)


def _on_land(islands: tuple[Island, ...]) -> list[Location]:
    return [Location(swath, island.number, on_land=True) for island in islands for swath in island.land]


def _at_sea(islands: tuple[Island, ...]) -> list[Location]:
    """Locations at sea, the nearest of every island in turn."""
    number = round(land.SEA_FRACTION * sum(len(island.land) for island in islands))
    return [
        Location(islands[i % len(islands)].sea[i // len(islands)], i % len(islands), on_land=False)
        for i in range(number)
    ]
