"""An archive of many tiny scenes in the public bucket's layout: one raster a location, for all its dates.

Path/rows, rasters, metadata and index are those of `mineral_pipeline.simulation`; only the pixels are noise, since no
job that is measured here looks at them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio

from benchmarks.support.pipeline_steps import make_land
from mineral_pipeline import curation
from mineral_pipeline.sensors.landsat import INDEX, band_file, metadata_file, product_folder
from mineral_pipeline.simulation import orbit, tables
from mineral_pipeline.simulation.grid import EDGE_KM
from mineral_pipeline.simulation.metadata import metadata
from mineral_pipeline.simulation.planet import Location
from mineral_pipeline.simulation.scene import FIRST_DAY, LAST_DAY, SimulatedScene
from mineral_pipeline.simulation.swath import Swath, seen

SCENES_PER_LOCATION = 7.5
"""As in the archive of Landsat 4."""
EDGE = 64
"""Pixels along the edge of a scene."""
LAND_SHARE = 0.8
"""Share of the locations that lie on land; the others are sea."""
RICH_SHARE = 0.5
"""Share of the locations on land around which there are deposits."""
DAY_ROWS = range(12, 109)
DEPOSITS = 350_000
BAND = "B7"


@dataclass(frozen=True)
class Fleet:
    """What was written."""

    folder: Path
    """Root of the archive."""
    deposits: Path
    """Table of deposits, as MRDS has it."""
    land: Path
    """Land polygons."""


def write_fleet(folder: Path, scenes: int, deposits: int = DEPOSITS, edge: int = EDGE) -> Fleet:
    """Write an archive of ``scenes`` scenes of ``edge`` pixels, and beside it the deposits and the land."""
    made, sizes = list[SimulatedScene](), dict[str, int]()
    rng = np.random.default_rng(0)
    for location, dates in _draw_locations(scenes, rng):
        made.extend(_scenes_of(location, dates, edge, rng))
    first: dict[tuple[int, int], Path] = {}
    for scene in made:
        sizes[scene.product_id] = _write_product(folder, scene, first, rng)
    (folder / INDEX).write_bytes(tables.index(made, sizes))
    found = Fleet(folder, folder / "deposits.csv", folder / "land.geojson")
    positions = _draw_deposits(made, deposits, rng)
    pd.DataFrame(
        {
            "site_name": np.char.mod("Deposit %d", np.arange(deposits)),
            "latitude": positions[:, 1],
            "longitude": positions[:, 0],
            "commod1": rng.choice(["Gold", "Copper", "Silver", "Iron", "Uranium"], deposits),
            "dev_stat": "Occurrence",
        }
    ).to_csv(found.deposits, index=False)
    found.land.write_text(make_land().to_json(drop_id=True))
    return found


def _draw_locations(scenes: int, rng: np.random.Generator) -> list[tuple[Location, int]]:
    """Locations of land and sea, by path and row, each with its number of dates; together ``scenes``."""
    count = max(round(scenes / SCENES_PER_LOCATION), 1)
    path, row = (grid.ravel() for grid in np.meshgrid(np.arange(1, orbit.PATHS + 1), DAY_ROWS))
    on_land = curation.over_land(orbit.centre(path, row), make_land())
    inland = min(round(LAND_SHARE * count), int(on_land.sum()))
    drawn = [
        rng.choice(np.flatnonzero(chosen), number, replace=False)
        for chosen, number in ((on_land, inland), (~on_land, count - inland))
    ]
    chosen = np.concatenate(drawn)
    chosen = chosen[np.lexsort((row[chosen], path[chosen]))]
    dates = np.diff(np.linspace(0, scenes, count + 1).astype(int))
    return [
        (Location(Swath(int(path[one]), int(row[one])), 0, bool(on_land[one])), int(number))
        for one, number in zip(chosen, dates, strict=True)
    ]


def _draw_deposits(scenes: Sequence[SimulatedScene], count: int, rng: np.random.Generator) -> np.ndarray:
    """Positions (count, 2) lon/lat around the centres of some of the locations on land, many around few of them."""
    places = {scene.location.swath: None for scene in scenes if scene.location.on_land}
    centres = orbit.centre(*np.array([(swath.path, swath.row) for swath in places]).T)
    rich = rng.permutation(len(centres))[: max(round(len(centres) * RICH_SHARE), 1)]
    weight = rng.pareto(1.3, len(rich)) + 0.1
    near = centres[rng.choice(rich, count, p=weight / weight.sum())] + rng.normal(0, 0.3, (count, 2))
    return np.column_stack([(near[:, 0] + 180) % 360 - 180, near[:, 1].clip(-89, 89)]).round(3)


def _scenes_of(location: Location, dates: int, edge: int, rng: np.random.Generator) -> Sequence[SimulatedScene]:
    first, last = (day.toordinal() // orbit.CYCLE_DAYS + 1 for day in (FIRST_DAY, LAST_DAY))
    path, row = location.swath.path, location.swath.row
    return [
        SimulatedScene(
            location, orbit.overflight(path, row, cycle), int(rng.integers(0, 60)), EDGE_KM * 1000 / edge, seed=0
        )
        for cycle in sorted(rng.choice(np.arange(first, last), dates, replace=False).tolist())
    ]


def _write_product(
    folder: Path, scene: SimulatedScene, first: dict[tuple[int, int], Path], rng: np.random.Generator
) -> int:
    """Write a product, its raster as another name of the first one of its location; return its bytes."""
    place = folder / product_folder(scene.product_id)
    place.mkdir(parents=True)
    raster, text = place / band_file(scene.product_id, BAND), metadata(scene).encode()
    key = (scene.location.swath.path, scene.location.swath.row)
    if key in first:
        raster.hardlink_to(first[key])
    else:
        _write_raster(raster, scene, rng)
        first[key] = raster
    (place / metadata_file(scene.product_id)).write_bytes(text)
    return raster.stat().st_size + len(text)


def _write_raster(path: Path, scene: SimulatedScene, rng: np.random.Generator) -> None:
    """Noise in the outline of a scene, on fill."""
    grid = scene.grid
    oblique = np.moveaxis(scene.location.swath.oblique(grid.nodes()), -1, 0)
    across, along = grid.interpolate(oblique, 0, grid.lines)
    noise = rng.integers(60, 80, (grid.lines, grid.samples), np.uint8)
    profile = {
        "driver": "GTiff",
        "width": grid.samples,
        "height": grid.lines,
        "count": 1,
        "dtype": "uint8",
        "compress": "lzw",
    }
    with rasterio.open(path, "w", **profile, crs=f"EPSG:{grid.epsg}", transform=grid.transform) as file:
        file.write(noise * seen(across, along), 1)
