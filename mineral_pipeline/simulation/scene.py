"""The scenes of the simulated planet: which, when, how cloudy, and under which names."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache

import numpy as np

from mineral_pipeline.sensors.landsat import ProductId
from mineral_pipeline.simulation import grid, orbit
from mineral_pipeline.simulation.grid import EDGE_KM, Grid
from mineral_pipeline.simulation.orbit import Pass
from mineral_pipeline.simulation.planet import Location, Planet

FIRST_DAY, LAST_DAY = date(1984, 1, 1), date(1993, 11, 1)  # Landsat 4's thematic mapper after its first trials
PROCESSED = date(2017, 2, 9)
CLEAR_SHARE, CLOUDIEST = 0.5, 60.0
GROUND_CONTROL_SALT, CLOUD_SALT, NOISE_SALT = 11, 12, 13


@dataclass(frozen=True)
class Scene:
    """One photograph."""

    place: Location
    """Where."""
    overflight: Pass
    """When."""
    cloud_cover: int
    """Percent of the image."""
    pixel_m: float
    """Edge of a pixel."""
    seed: int = field(repr=False)
    """Of the planet."""

    @cached_property
    def grid(self) -> Grid:
        """Its pixels."""
        return grid.of(self.place.swath, self.pixel_m)

    @property
    def product_id(self) -> str:
        """Landsat product identifier: over open sea there is no ground control, hence L1GS in tier 2."""
        level, tier = ("L1TP", "T1") if self.place.on_land else ("L1GS", "T2")
        swath = self.place.swath
        return str(ProductId("LT04", level, swath.path, swath.row, self.overflight.day, PROCESSED, 1, tier))

    @property
    def scene_id(self) -> str:
        """Landsat scene identifier."""
        day = self.overflight.day
        return f"LT4{self.place.swath.path:03d}{self.place.swath.row:03d}{day:%Y%j}XXX01"

    def rng(self, salt: int, *more: int) -> np.random.Generator:
        """A source of chance that is this scene's own, so that any order and any worker gives the same scene."""
        return np.random.default_rng([self.seed, salt, *_key(self.place), self.overflight.day.toordinal(), *more])


@lru_cache(maxsize=4)
def scenes(planet: Planet) -> tuple[Scene, ...]:
    """Every scene of the archive, by path, row and date."""
    pixel_m = EDGE_KM * 1000 / (planet.settings.scene_size * planet.settings.scale)
    return tuple(scene for place in planet.places for scene in _of_place(planet, place, pixel_m))


def _of_place(planet: Planet, place: Location, pixel_m: float) -> list[Scene]:
    rng = np.random.default_rng([planet.seed, 10, *_key(place)])
    first, last = (day.toordinal() // orbit.CYCLE_DAYS + 1 for day in (FIRST_DAY, LAST_DAY))
    cycles = sorted(rng.choice(np.arange(first, last), planet.settings.dates, replace=False).tolist())
    return [
        Scene(
            place, orbit.overflight(place.swath.path, place.swath.row, cycle), _cloud_cover(rng), pixel_m, planet.seed
        )
        for cycle in cycles
    ]


def _cloud_cover(rng: np.random.Generator) -> int:
    """Percent: often none, otherwise skewed towards little."""
    return 0 if rng.random() < CLEAR_SHARE else round(CLOUDIEST * rng.beta(0.9, 2.5))


def _key(place: Location) -> tuple[int, int]:
    return place.swath.path, place.swath.row
