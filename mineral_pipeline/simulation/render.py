"""From a planet and a scene to pixels: rock, faults, altered patches, sea, season, clouds, noise; black around."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from mineral_pipeline.errors import SettingsError
from mineral_pipeline.simulation import texture
from mineral_pipeline.simulation.islands import Island
from mineral_pipeline.simulation.planet import Planet
from mineral_pipeline.simulation.scene import CLOUD_SALT, NOISE_SALT, Scene
from mineral_pipeline.simulation.swath import LENGTH_KM, WIDTH_KM, seen
from mineral_pipeline.simulation.texture import Pixels

BLOCK = 2**18  # pixels rendered at once
# Digital numbers of band 7 under a high sun:
ROCK, ROCK_CONTRAST, STRATA_CONTRAST, SEA, CLOUD = 135.0, 11.0, 10.0, 7.0, 235.0
FAULT_DARKENING, FAULT_WIDTH = 10.0, 0.03  # the width as a height of the texture that makes faults
COAST_KM, FRAY_KM = 1.0, 0.6  # by which the relief moves the coast and the edge of a patch
ALTERED = np.float32(15)  # digital number of rock that is all clay
EDGE_SHARE = 0.35  # of a patch's radius over which it fades
NOISE = 2.0
BRIGHTNESS = {"B1": 1.1, "B2": 0.7, "B3": 0.8, "B4": 0.95, "B5": 1.2, "B6": 1.5, "B7": 1.0}
"""Of rock in each band, relative to band 7."""
RESPONSE = {"B7": 1.0}
"""How much of an alteration shows in a band; little outside band 7, whose wavelengths clay absorbs."""


def check_bands(bands: Iterable[str]) -> None:
    """Refuse bands that Landsat 4 does not have.

    Raises:
        SettingsError: one of ``bands`` is none of B1 to B7.
    """
    for band in bands:
        if band not in BRIGHTNESS:
            raise SettingsError(f"acquire.bands: {band}: the simulated Landsat 4 has the bands B1 to B7")


def render(planet: Planet, scene: Scene, band: str = "B7") -> npt.NDArray[np.uint8]:
    """Render one band of a scene: (lines, samples), 0 outside the image and at least 1 inside."""
    grid = scene.grid
    lonlat = grid.nodes()
    island = planet.islands[scene.place.island]
    nodes = (island.frame.to_local(lonlat), scene.place.swath.oblique(lonlat))
    patches, clouds = _patches_near(planet, scene), _clouds(scene)
    image = np.zeros((grid.lines, grid.samples), np.uint8)
    height = max(BLOCK // grid.samples, 1)
    for number, start in enumerate(range(0, grid.lines, height)):
        stop = min(start + height, grid.lines)
        east, north, across, along = (
            grid.spread(axis, start, stop) for node in nodes for axis in np.moveaxis(node, -1, 0)
        )
        valid = seen(across, along)
        if not valid.any():
            continue
        relief = island.rocks.on_pixels(east, north, grid.pixel_m / 1000)
        surface = BRIGHTNESS[band] * _rock(island, relief, east, north, grid.pixel_m / 1000)
        _alter(surface, relief, patches, RESPONSE.get(band, 0.2), east, north)
        on_land = island.depth(east, north) + COAST_KM * relief > 0
        surface = np.where(on_land, surface * _sunlight(scene), SEA)
        if scene.cloud_cover:
            surface += clouds(across, along) * (CLOUD - surface)
        noise = scene.rng(NOISE_SALT, int(band[1:]), number).standard_normal(surface.shape, np.float32)
        image[start:stop] = np.where(valid, (surface + NOISE * noise).clip(1, 255), 0)
    return image


def _rock(island: Island, relief: Pixels, east: Pixels, north: Pixels, pixel_km: float) -> Pixels:
    """Fresh rock: rough, of two sorts, cut by dark faults."""
    sort = np.tanh(6 * island.strata.on_pixels(east, north, pixel_km))
    faults = np.abs(island.faults.on_pixels(east, north, pixel_km)) < FAULT_WIDTH
    rock = ROCK + ROCK_CONTRAST * relief + STRATA_CONTRAST * sort - FAULT_DARKENING * faults
    return np.asarray(rock, dtype=np.float32)


def _sunlight(scene: Scene) -> np.float32:
    """Light on the ground, 1 under a high sun: the season."""
    return np.float32(0.55 + 0.45 * np.sin(np.radians(max(scene.overflight.sun_elevation, 0))))


def _patches_near(planet: Planet, scene: Scene) -> np.ndarray:
    """(n, 4): east and north on the island's map, radius in km, strength, of the patches that may be in the image."""
    here = planet.patches.take(planet.patches.island == scene.place.island)
    near = scene.place.swath.contains(here.lonlat, margin_km=-15)
    local = planet.islands[scene.place.island].frame.to_local(here.lonlat)
    return np.asarray(np.column_stack([local, here.radius_km, here.strength])[near])


def _alter(surface: Pixels, relief: Pixels, patches: np.ndarray, response: float, east: Pixels, north: Pixels) -> None:
    """Blend the altered rock of every patch into a block, in place; the relief frays its edge."""
    x, y, reach, _ = patches.T
    reach = reach + FRAY_KM * 4
    here = (x + reach > east.min()) & (x - reach < east.max()) & (y + reach > north.min()) & (y - reach < north.max())
    for (x, y, radius, strength), far in zip(patches[here].astype(np.float32), reach[here], strict=True):
        window = _window((np.abs(east - x) < far) & (np.abs(north - y) < far))
        inside = radius - np.hypot(east[window] - x, north[window] - y) + FRAY_KM * relief[window]
        share = response * strength * (inside / (EDGE_SHARE * radius)).clip(0, 1)
        surface[window] += share * (ALTERED - surface[window])


def _window(mask: np.ndarray) -> tuple[slice, slice]:
    """The smallest window that holds all that is set; empty when nothing is."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return slice(0), slice(0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _clouds(scene: Scene) -> Callable[[Pixels, Pixels], Pixels]:
    """Opacity, 0 to 1, over the image: a field above the height that leaves the scene its cloud cover."""
    field = texture.draw(scene.rng(CLOUD_SALT), longest_km=110, octaves=5, waves=6, roughness=0.55)
    across, along = np.meshgrid(np.linspace(-0.5, 0.5, 64) * WIDTH_KM, np.linspace(-0.5, 0.5, 64) * LENGTH_KM)
    heights = field(across.astype(np.float32), along.astype(np.float32))
    base = np.float32(np.quantile(heights, 1 - scene.cloud_cover / 100))

    def opacity(across: Pixels, along: Pixels) -> Pixels:
        heights = field.on_pixels(across, along, scene.pixel_m / 1000)
        return np.asarray(((heights - base) * 3 + 0.5).clip(0, 1), dtype=np.float32)

    return opacity
