"""Pixels: the same ground in every scene that shows it, clouds as promised, textures whatever the pixel."""

from __future__ import annotations

import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mineral_pipeline import simulation
from mineral_pipeline.errors import SettingsError
from mineral_pipeline.settings import Simulate
from mineral_pipeline.simulation import Planet, SimulatedScene, texture
from mineral_pipeline.simulation.decoys import BURN
from mineral_pipeline.simulation.grid import transformer
from mineral_pipeline.simulation.metadata import metadata
from mineral_pipeline.simulation.render import check_bands, render

SETTINGS = Simulate(locations=24, islands=2, dates=2)


@pytest.fixture(scope="module")
def planet() -> Planet:
    return simulation.create(SETTINGS, 0)


@pytest.fixture(scope="module")
def clear(planet: Planet) -> list[SimulatedScene]:
    """Scenes on land, under the same sun and without clouds."""
    first = simulation.scenes(planet)[0].overflight
    scenes = [replace(scene, cloud_cover=0, overflight=first) for scene in simulation.scenes(planet)]
    return [scene for scene in scenes if scene.location.on_land]


def sample(planet: Planet, scene: SimulatedScene, lonlat: np.ndarray) -> np.ndarray:
    """Pixels at positions; 0 where the scene does not show them."""
    image, grid = render(planet, scene), scene.grid
    x, y = transformer(grid.zone).transform(*lonlat.T)
    columns, rows = (np.asarray(axis).astype(int) for axis in ~grid.transform @ (x, y))
    inside = (columns >= 0) & (columns < grid.samples) & (rows >= 0) & (rows < grid.lines)
    return np.where(inside, image[rows.clip(0, grid.lines - 1), columns.clip(0, grid.samples - 1)], 0)


def test_neighbours_show_the_same_ground_alike(planet: Planet, clear: list[SimulatedScene]) -> None:
    a, b = next(
        (a, b)
        for a in clear
        for b in clear
        if a.location.swath.row == b.location.swath.row and b.location.swath.path == a.location.swath.path + 1
    )
    points = a.location.swath.lonlat(np.random.default_rng(0).uniform(-90, 90, (20_000, 2)))
    here, there = sample(planet, a, points).astype(float), sample(planet, b, points).astype(float)
    both = (here > 0) & (there > 0)
    assert both.sum() > 500
    # noise of both, and pixels that are shifted against each other at coasts and patches
    assert np.median(np.abs(here - there)[both]) < 6
    assert np.corrcoef(here[both], there[both])[0, 1] > 0.8


def test_altered_rock_is_darker_and_less_so_where_it_is_difficult(planet: Planet, clear: list[SimulatedScene]) -> None:
    """The same ground with its altered rock and without, at the middle of strong patches."""
    fading = []
    for difficulty in (0.0, 1.0):
        shown, cut = (vary(planet, signal=signal, difficulty=difficulty) for signal in (1.0, 0.0))
        darker = []
        for scene in clear[::4]:
            strong = shown.patches.lonlat[(shown.patches.strength > 0.8) & ~np.isin(*ids(shown, cut))]
            there = strong[scene.location.swath.contains(strong, margin_km=5)]
            if len(there):
                darker.append(np.median(sample(cut, scene, there).astype(float) - sample(shown, scene, there)))
        fading.append(np.median(darker))
    assert fading[0] > 40
    assert 5 < fading[1] < 0.7 * fading[0]


def ids(shown: Planet, cut: Planet) -> tuple[np.ndarray, np.ndarray]:
    return shown.patches.lonlat[:, 0], cut.patches.lonlat[:, 0]


def vary(planet: Planet, **changes: float) -> Planet:
    return simulation.create(planet.settings.model_copy(update=changes), planet.seed)


def test_pixels_show_climate_and_vegetation(planet: Planet, clear: list[SimulatedScene]) -> None:
    scenes = {scene.location: scene for scene in clear}
    medians, centres = [], []
    for location, scene in scenes.items():
        image, projection = render(planet, scene), location.swath.projection
        medians.append(np.median(image[image > 30]))
        centres.append((projection.longitude, projection.latitude))
    lonlat = np.array(centres)
    shown = planet.geography.climate(lonlat) - planet.geography.vegetation(lonlat)
    assert np.corrcoef(shown, medians)[0, 1] > 0.5


def test_burnt_ground_comes_and_goes(planet: Planet) -> None:
    decoys = vary(planet, difficulty=1).decoys
    day = int(np.median(decoys.day))
    there, later = decoys.is_there(day), decoys.is_there(day + 2 * 1500)
    burnt = decoys.kind == BURN
    assert 0.05 < there[burnt].mean() < 0.6
    assert not (there & later)[burnt].any()
    assert there[~burnt].all()


@pytest.mark.parametrize("cover", [10, 40, 80])
def test_clouds_cover_what_the_metadata_say(planet: Planet, clear: list[SimulatedScene], cover: int) -> None:
    scene = clear[0]
    plain, cloudy = (render(planet, replace(scene, cloud_cover=share)) for share in (0, cover))
    hidden = (cloudy.astype(int) - plain)[plain > 0] > (235 - plain[plain > 0].astype(int)) / 2
    assert 100 * hidden.mean() == pytest.approx(cover, abs=4)


def test_a_textures_waves_do_not_depend_on_the_pixel() -> None:
    rocks = texture.draw(np.random.default_rng(3), longest_km=160, octaves=12)
    east, north = np.meshgrid(np.arange(0, 30, 0.05, np.float32), np.arange(0, 20, 0.05, np.float32))
    fine = rocks.on_pixels(east, north, 0.05)
    every_wave = rocks(east, north)
    assert every_wave.std() == pytest.approx(1, abs=0.8)
    assert np.abs(fine - rocks._select(2 * np.pi / np.hypot(*rocks.vectors.T) >= 0.15)(east, north)).max() < 0.02


def test_metadata_keep_the_order_of_real_files(planet: Planet, data: Path) -> None:
    kinds: dict[str, list[str]] = {}
    with tarfile.open(data / "mtl" / "lt04-collection1.tar.gz") as archive:
        for member in archive:
            kind = "L1TP" if "_L1TP_" in member.name else "L1GS"
            if member.isfile() and kind not in kinds:
                text = archive.extractfile(member).read().decode()  # type: ignore[union-attr]
                kinds |= {kind: keys(text)} if '"UTM"' in text else {}
            if len(kinds) == 2:
                break
    for scene in simulation.scenes(planet):
        assert keys(metadata(scene)) == kinds["L1TP" if scene.location.on_land else "L1GS"]


def keys(text: str) -> list[str]:
    return [line if "GROUP" in line else line.split("=")[0] for line in text.splitlines()]


def test_bands_of_other_sensors_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"acquire\.bands: B10"):
        check_bands(["B7", "B10"])
