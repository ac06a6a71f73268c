"""One product of the archive: its band files and metadata as bytes, and how they are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import fsspec
import rasterio
from rasterio.io import MemoryFile

from mineral_pipeline.sensors.landsat import band_file, metadata_file, product_folder
from mineral_pipeline.simulation.metadata import metadata
from mineral_pipeline.simulation.planet import Planet
from mineral_pipeline.simulation.render import render
from mineral_pipeline.simulation.scene import SENSOR, SimulatedScene
from mineral_pipeline.workspace import Workspace


@dataclass(frozen=True)
class SceneRecord:
    """Record of one written scene."""

    product_id: str
    """Landsat product identifier."""
    bytes: int
    """Size of its files in bytes."""
    skipped: bool
    """True when an earlier run wrote it."""


def geotiff(planet: Planet, scene: SimulatedScene, band: str) -> bytes:
    """A band file as in the real archive: uint8, LZW, in strips, fill 0 and no nodata tag."""
    image, grid = render(planet, scene, band), scene.grid
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=grid.samples, height=grid.lines, count=1, dtype=SENSOR.dtype, compress="lzw",
            crs=rasterio.CRS.from_epsg(grid.epsg), transform=grid.transform,
        ) as file:  # fmt: skip
            file.write(image, 1)
        return bytes(memory.read())


def is_written(archive: Workspace, product_id: str) -> bool:
    """Whether a product is whole: its metadata are written last."""
    return archive.exists(f"{product_folder(product_id)}/{metadata_file(product_id)}")


def write_product(archive: Workspace, planet: Planet, scene: SimulatedScene, bands: Sequence[str]) -> SceneRecord:
    """Write one scene unless the archive has it."""
    product = scene.product_id
    folder = product_folder(product)
    names = [f"{folder}/{band_file(product, band)}" for band in bands] + [f"{folder}/{metadata_file(product)}"]
    if is_written(archive, product):
        return SceneRecord(product, sum(_size(archive.uri(name)) for name in names), skipped=True)
    contents = [geotiff(planet, scene, band) for band in bands] + [metadata(scene).encode()]
    for name, content in zip(names, contents, strict=True):
        archive.write_bytes(name, content)
    return SceneRecord(product, sum(map(len, contents)), skipped=False)


def _size(url: str) -> int:
    fs, path = fsspec.core.url_to_fs(url)
    return int(fs.size(path))
