"""The scenes of the simulated planet: location, date, cloud cover and identifiers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache

import numpy as np

from mineral_pipeline.sensors import SENSORS
from mineral_pipeline.sensors.landsat import ProductId
from mineral_pipeline.simulation import orbit
from mineral_pipeline.simulation.grid import EDGE_KM, Grid, make_grid
from mineral_pipeline.simulation.orbit import Pass
from mineral_pipeline.simulation.planet import Location, Planet

SENSOR = SENSORS["LT04"]
"""The simulated sensor: Landsat 4's Thematic Mapper."""

FIRST_DAY, LAST_DAY = date(1984, 1, 1), date(1993, 11, 1)
"""Days of acquisition: Landsat 4's Thematic Mapper after its first trials."""

PROCESSED = date(2017, 2, 9)
CLEAR_FRACTION, MAX_CLOUD_COVER = 0.5, 60.0
"""Share of scenes without clouds, and largest cloud cover of the others in percent."""

GROUND_CONTROL_SALT, CLOUD_SALT, NOISE_SALT = 11, 12, 13


@dataclass(frozen=True)
class SimulatedScene:
    """One scene of the simulated archive."""

    location: Location
    """Path/row that it shows."""
    overflight: Pass
    """Time of acquisition, and the sun."""
    cloud_cover: int
    """Percent of the image."""
    pixel_m: float
    """Edge of a pixel in metres."""
    seed: int = field(repr=False)
    """Seed of the planet."""

    @cached_property
    def grid(self) -> Grid:
        """Raster of the scene."""
        return make_grid(self.location.swath, self.pixel_m)

    @property
    def product_id(self) -> str:
        """Landsat product identifier; over open sea there is no ground control, hence L1GS in tier 2."""
        level, tier = ("L1TP", "T1") if self.location.on_land else ("L1GS", "T2")
        swath = self.location.swath
        return str(ProductId(SENSOR.code, level, swath.path, swath.row, self.overflight.day, PROCESSED, 1, tier))

    @property
    def scene_id(self) -> str:
        """Landsat scene identifier."""
        swath, day = self.location.swath, self.overflight.day
        return f"LT4{swath.path:03d}{swath.row:03d}{day:%Y%j}XXX01"

    def rng(self, salt: int, *more: int) -> np.random.Generator:
        """A random generator of this scene alone, so that any order and any worker gives the same scene."""
        day = self.overflight.day.toordinal()
        return np.random.default_rng([self.seed, salt, *_path_row(self.location), day, *more])


@lru_cache(maxsize=4)
def scenes(planet: Planet) -> tuple[SimulatedScene, ...]:
    """Every scene of the archive, by path, row and date."""
    pixel_m = EDGE_KM * 1000 / (planet.settings.scene_size * planet.settings.scale)
    return tuple(scene for location in planet.locations for scene in _scenes_of(planet, location, pixel_m))


def _scenes_of(planet: Planet, location: Location, pixel_m: float) -> list[SimulatedScene]:
    path, row = _path_row(location)
    rng = np.random.default_rng([planet.seed, 10, path, row])
    first, last = (day.toordinal() // orbit.CYCLE_DAYS + 1 for day in (FIRST_DAY, LAST_DAY))
    cycles = sorted(rng.choice(np.arange(first, last), planet.settings.dates, replace=False).tolist())
    return [
        SimulatedScene(location, orbit.overflight(path, row, cycle), _cloud_cover(rng), pixel_m, planet.seed)
        for cycle in cycles
    ]


def _cloud_cover(rng: np.random.Generator) -> int:
    """Percent: often none, otherwise skewed towards low values."""
    return 0 if rng.random() < CLEAR_FRACTION else round(MAX_CLOUD_COVER * rng.beta(0.9, 2.5))


def _path_row(location: Location) -> tuple[int, int]:
    return location.swath.path, location.swath.row
