"""From a planet and a scene to pixels: rock, altered patches, plants, decoys, sea, season, clouds, noise, and fill."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mineral_pipeline.errors import SettingsError
from mineral_pipeline.simulation import texture
from mineral_pipeline.simulation.decoys import BURN, DRY_LAKE, LAKE
from mineral_pipeline.simulation.islands import Island
from mineral_pipeline.simulation.planet import Planet
from mineral_pipeline.simulation.scene import CLOUD_SALT, NOISE_SALT, SENSOR, SimulatedScene
from mineral_pipeline.simulation.swath import LENGTH_KM, WIDTH_KM, seen
from mineral_pipeline.simulation.texture import Floats32

BLOCK_PIXELS = 2**18  # pixels rendered at once
# Digital numbers of band 7 under a high sun:
ROCK, ROCK_CONTRAST, STRATA_CONTRAST, SEA, CLOUD = 135.0, 11.0, 10.0, 7.0, 235.0
FAULT_DARKENING, FAULT_WIDTH = 10.0, 0.03  # the width as a height of the texture that makes faults
COAST_KM, FRAY_KM = 1.0, 0.6  # by which the relief moves the coast and the edge of a patch
ALTERED_DARKENING, FADING = 130.0, 0.5  # of rock that is all clay; the share of it that difficulty 1 takes away
ROCK_RESPONSE = 0.25  # by which the two types of rock show alteration more or less than the mean
CLIMATE_BRIGHTENING, PLANTS = 8.0, 65.0  # a standard deviation of climate; ground that is all plants
COVER, COVER_OF_FIELD, COVER_OF_SEASON = 0.2, 0.13, 0.1  # mean share under plants; by vegetation; from summer to winter
DECOYS = {LAKE: 12.0, DRY_LAKE: 200.0, BURN: 60.0}
SHADOW, SHADOW_KM = 0.35, (5.0, -4.0)  # share of the light that a cloud takes, and where its shadow falls
EDGE_FRACTION = 0.35  # of a patch's radius over which it fades
NOISE = 2.0
BRIGHTNESS = {"B1": 1.1, "B2": 0.7, "B3": 0.8, "B4": 0.95, "B5": 1.2, "B6": 1.5, "B7": 1.0}
"""Brightness of rock in each band, relative to band 7."""
RESPONSE = {"B7": 1.0}
"""How much of an alteration shows in a band; little outside band 7, whose wavelengths clay absorbs."""


@dataclass(frozen=True, eq=False)
class _Block:
    """Some lines of a scene; arrays are (lines, samples)."""

    number: int
    """Number of the block in its scene, from 0."""
    rows: slice
    """Its lines."""
    east: Floats32
    """Kilometres in the island's projection."""
    north: Floats32
    """Kilometres in the island's projection."""
    across: Floats32
    """Kilometres along the scan line."""
    along: Floats32
    """Kilometres along the ground track."""
    climate: Floats32
    """Standard deviations."""
    vegetation: Floats32
    """Standard deviations."""


def check_bands(bands: Iterable[str]) -> None:
    """Refuse bands that Landsat 4 does not have.

    Raises:
        SettingsError: one of ``bands`` is none of the sensor's.
    """
    names = [band.name for band in SENSOR.bands]
    for band in bands:
        if band not in names:
            raise SettingsError(
                f"acquire.bands: {band}: the simulated Landsat 4 has the bands {names[0]} to {names[-1]}"
            )


def render(planet: Planet, scene: SimulatedScene, band: str = "B7") -> npt.NDArray[np.uint8]:
    """Render one band of a scene: (lines, samples), 0 outside the image and at least 1 inside."""
    island, pixel_km = planet.islands[scene.location.island], scene.grid.pixel_m / 1000
    patches, decoys, clouds = _patches_near(planet, scene), _decoys_near(planet, scene), _clouds(scene)
    fading = RESPONSE.get(band, 0.2) * ALTERED_DARKENING * (1 - FADING * planet.settings.difficulty)
    image = np.zeros((scene.grid.lines, scene.grid.samples), np.uint8)
    for block in _blocks(planet, scene):
        valid = seen(block.across, block.along)
        if not valid.any():
            continue
        relief = island.rocks.on_pixels(block.east, block.north, pixel_km)
        surface, rock_type = _rock(island, block, relief, pixel_km)
        surface *= BRIGHTNESS[band]
        for window, (strength,), cover in _covers(block, relief, patches):
            surface[window] -= fading * strength * cover * (1 + ROCK_RESPONSE * rock_type[window])
        surface += _plants(scene, block, relief) * (PLANTS - surface)
        for window, (darkness,), cover in _covers(block, relief, decoys):
            surface[window] += cover * (darkness - surface[window])
        on_land = island.depth(block.east, block.north) + COAST_KM * relief > 0
        surface = np.where(on_land, surface * _sunlight(scene), SEA)
        if scene.cloud_cover:
            surface *= 1 - np.float32(SHADOW) * clouds(block.across + SHADOW_KM[0], block.along + SHADOW_KM[1])
            surface += clouds(block.across, block.along) * (CLOUD - surface)
        noise = scene.rng(NOISE_SALT, int(band[1:]), block.number).standard_normal(surface.shape, np.float32)
        image[block.rows] = np.where(valid, (surface + NOISE * noise).clip(1, 255), 0)
    return image


def _blocks(planet: Planet, scene: SimulatedScene) -> Iterator[_Block]:
    grid, lonlat = scene.grid, scene.grid.nodes()
    projection = planet.islands[scene.location.island].projection
    nodes = np.stack(
        [
            *np.moveaxis(projection.to_local(lonlat), -1, 0),
            *np.moveaxis(scene.location.swath.oblique(lonlat), -1, 0),
            planet.geography.climate(lonlat),
            planet.geography.vegetation(lonlat),
        ]
    )
    height = max(BLOCK_PIXELS // grid.samples, 1)
    for number, start in enumerate(range(0, grid.lines, height)):
        stop = min(start + height, grid.lines)
        yield _Block(number, slice(start, stop), *grid.interpolate(nodes, start, stop))


def _rock(island: Island, block: _Block, relief: Floats32, pixel_km: float) -> tuple[Floats32, Floats32]:
    """Unaltered rock: rough, brighter where it is dry, with dark faults; and its type, -1 to 1."""
    rock_type = np.tanh(6 * island.strata.on_pixels(block.east, block.north, pixel_km))
    faults = np.abs(island.faults.on_pixels(block.east, block.north, pixel_km)) < FAULT_WIDTH
    rock = ROCK + ROCK_CONTRAST * relief + STRATA_CONTRAST * rock_type - FAULT_DARKENING * faults
    return np.asarray(rock + CLIMATE_BRIGHTENING * block.climate, dtype=np.float32), rock_type


def _plants(scene: SimulatedScene, block: _Block, relief: Floats32) -> Floats32:
    """Share of the ground under plants: by vegetation, season, and less on what rises."""
    day = scene.overflight.day.timetuple().tm_yday
    northern = np.cos(2 * np.pi * (day - 200) / 365.25) * np.sign(scene.location.swath.projection.latitude)
    cover = COVER + COVER_OF_FIELD * (block.vegetation - 0.5 * relief) + COVER_OF_SEASON / 2 * northern
    return np.asarray(cover.clip(0, 0.9), dtype=np.float32)


def _sunlight(scene: SimulatedScene) -> np.float32:
    """Illumination of the ground, 1 under a high sun: the season."""
    return np.float32(0.55 + 0.45 * np.sin(np.radians(max(scene.overflight.sun_elevation, 0))))


def _patches_near(planet: Planet, scene: SimulatedScene) -> np.ndarray:
    """(n, 4) patches that may be in the image: east and north in the island's projection, radius in km, strength."""
    near = planet.patches_near(scene.location.swath, margin_km=20)
    local = planet.islands[scene.location.island].projection.to_local(planet.patches.lonlat[near])
    return np.column_stack([local, planet.patches.radius_km[near], planet.patches.strength[near]])


def _decoys_near(planet: Planet, scene: SimulatedScene) -> np.ndarray:
    """(n, 4) decoys of the day that may be in the image: as patches, with the digital number in place of strength."""
    near = planet.decoys_near(scene.location.swath, margin_km=20)
    near = near[planet.decoys.is_there(scene.overflight.day.toordinal())[near]]
    local = planet.islands[scene.location.island].projection.to_local(planet.decoys.lonlat[near])
    darkness = np.array([DECOYS[kind] for kind in sorted(DECOYS)])[planet.decoys.kind[near]]
    return np.column_stack([local, planet.decoys.radius_km[near], darkness])


def _covers(
    block: _Block, relief: Floats32, spots: np.ndarray
) -> Iterator[tuple[tuple[slice, slice], np.ndarray, Floats32]]:
    """The window of every round spot in a block, what else is told of it, and how much it covers, 0 to 1.

    The relief frays the edges. ``spots`` are (n, 3 or more): east, north and radius in km, and what else is told.
    """
    east, north = block.east, block.north
    x, y, reach = spots[:, 0], spots[:, 1], spots[:, 2] + FRAY_KM * 4
    here = (x + reach > east.min()) & (x - reach < east.max()) & (y + reach > north.min()) & (y - reach < north.max())
    for (x, y, radius, *more), far in zip(spots[here].astype(np.float32), reach[here], strict=True):
        window = _window((np.abs(east - x) < far) & (np.abs(north - y) < far))
        inside = radius - np.hypot(east[window] - x, north[window] - y) + FRAY_KM * relief[window]
        yield window, np.asarray(more), (inside / (EDGE_FRACTION * radius)).clip(0, 1)


def _window(mask: np.ndarray) -> tuple[slice, slice]:
    """The smallest window that holds everything that is set; empty when nothing is."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return slice(0), slice(0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _clouds(scene: SimulatedScene) -> Callable[[Floats32, Floats32], Floats32]:
    """Opacity, 0 to 1, over the image: a field above the threshold that gives the scene its cloud cover."""
    field = texture.draw(scene.rng(CLOUD_SALT), longest_km=110, octaves=5, waves=6, roughness=0.55)
    across, along = np.meshgrid(np.linspace(-0.5, 0.5, 64) * WIDTH_KM, np.linspace(-0.5, 0.5, 64) * LENGTH_KM)
    heights = field(across.astype(np.float32), along.astype(np.float32))
    base = np.float32(np.quantile(heights, 1 - scene.cloud_cover / 100))

    def opacity(across: Floats32, along: Floats32) -> Floats32:
        heights = field.on_pixels(across, along, scene.pixel_m / 1000)
        return np.asarray(((heights - base) * 3 + 0.5).clip(0, 1), dtype=np.float32)

    return opacity
