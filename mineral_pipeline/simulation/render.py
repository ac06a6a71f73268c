"""From a planet and a scene to pixels: rock, faults, altered patches, sea, season, clouds, noise, and fill around."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mineral_pipeline.errors import SettingsError
from mineral_pipeline.simulation import texture
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
ALTERED = np.float32(15)  # digital number of rock that is all clay
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
    patches, clouds = _patches_near(planet, scene), _clouds(scene)
    image = np.zeros((scene.grid.lines, scene.grid.samples), np.uint8)
    for block in _blocks(island, scene):
        valid = seen(block.across, block.along)
        if not valid.any():
            continue
        relief = island.rocks.on_pixels(block.east, block.north, pixel_km)
        surface = BRIGHTNESS[band] * _rock(island, block, relief, pixel_km)
        _alter(surface, block, relief, patches, RESPONSE.get(band, 0.2))
        on_land = island.depth(block.east, block.north) + COAST_KM * relief > 0
        surface = np.where(on_land, surface * _sunlight(scene), SEA)
        if scene.cloud_cover:
            surface += clouds(block.across, block.along) * (CLOUD - surface)
        noise = scene.rng(NOISE_SALT, int(band[1:]), block.number).standard_normal(surface.shape, np.float32)
        image[block.rows] = np.where(valid, (surface + NOISE * noise).clip(1, 255), 0)
    return image


def _blocks(island: Island, scene: SimulatedScene) -> Iterator[_Block]:
    grid, lonlat = scene.grid, scene.grid.nodes()
    nodes = (island.projection.to_local(lonlat), scene.location.swath.oblique(lonlat))
    height = max(BLOCK_PIXELS // grid.samples, 1)
    for number, start in enumerate(range(0, grid.lines, height)):
        stop = min(start + height, grid.lines)
        axes = (grid.interpolate(axis, start, stop) for node in nodes for axis in np.moveaxis(node, -1, 0))
        yield _Block(number, slice(start, stop), *axes)


def _rock(island: Island, block: _Block, relief: Floats32, pixel_km: float) -> Floats32:
    """Unaltered rock: rough, of two types, with dark faults."""
    rock_type = np.tanh(6 * island.strata.on_pixels(block.east, block.north, pixel_km))
    faults = np.abs(island.faults.on_pixels(block.east, block.north, pixel_km)) < FAULT_WIDTH
    rock = ROCK + ROCK_CONTRAST * relief + STRATA_CONTRAST * rock_type - FAULT_DARKENING * faults
    return np.asarray(rock, dtype=np.float32)


def _sunlight(scene: SimulatedScene) -> np.float32:
    """Illumination of the ground, 1 under a high sun: the season."""
    return np.float32(0.55 + 0.45 * np.sin(np.radians(max(scene.overflight.sun_elevation, 0))))


def _patches_near(planet: Planet, scene: SimulatedScene) -> np.ndarray:
    """(n, 4) patches that may be in the image: east and north in the island's projection, radius in km, strength."""
    here = planet.patches.take(planet.patches.island == scene.location.island)
    near = scene.location.swath.contains(here.lonlat, margin_km=-15)
    local = planet.islands[scene.location.island].projection.to_local(here.lonlat)
    return np.asarray(np.column_stack([local, here.radius_km, here.strength])[near])


def _alter(surface: Floats32, block: _Block, relief: Floats32, patches: np.ndarray, response: float) -> None:
    """Blend the altered rock of every patch into ``surface``, in place; the relief frays the patches' edges."""
    east, north = block.east, block.north
    x, y, reach, _ = patches.T
    reach = reach + FRAY_KM * 4
    here = (x + reach > east.min()) & (x - reach < east.max()) & (y + reach > north.min()) & (y - reach < north.max())
    for (x, y, radius, strength), far in zip(patches[here].astype(np.float32), reach[here], strict=True):
        window = _window((np.abs(east - x) < far) & (np.abs(north - y) < far))
        inside = radius - np.hypot(east[window] - x, north[window] - y) + FRAY_KM * relief[window]
        share = response * strength * (inside / (EDGE_FRACTION * radius)).clip(0, 1)
        surface[window] += share * (ALTERED - surface[window])


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
