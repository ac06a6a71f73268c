"""Ways from the bytes of a scene to its small image: ours, and the rivals' as their users write them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from odc.geo.geobox import GeoBox
from odc.loader import RioDriver
from odc.loader.types import RasterLoadParams, RasterSource
from rasterio.enums import Resampling
from rasterio.io import MemoryFile

from mineral_pipeline.imagery import decode, downsample, sampled_edge
from mineral_pipeline.imagery.grid import scaled_transform

GDAL = {"sampling": "nearest", "rescale": "average", "resize": "lanczos"}
"""What GDAL calls our methods."""

IMAGEMAGICK = {"sampling": "-sample", "rescale": "-scale", "resize": "-resize"}
"""What ImageMagick calls them."""


@dataclass(frozen=True)
class SceneFile:
    """A band file, in memory and on disk, and what to make of it."""

    content: bytes
    path: Path
    size: int
    """Edge of the small image in pixels."""
    shape: tuple[int, int]
    """Lines and samples of the small image, which `size` and the scene's aspect give."""


Shrinker = Callable[[SceneFile, str], np.ndarray | None]
"""From a file and one of our methods to the small image; None when a program writes it to a file."""


def bare(scene: SceneFile) -> np.ndarray:
    """Read all pixels and do no more."""
    with MemoryFile(scene.content) as file, file.open() as dataset:
        return np.asarray(dataset.read(1))


def ours(scene: SceneFile, method: str) -> np.ndarray:
    """Decode what the method needs and reduce it in memory, as a task of acquire does."""
    return downsample(decode(scene.content, sampled=sampled_edge(scene.size, method)).pixels, scene.size, method)


def decimated(scene: SceneFile, method: str) -> np.ndarray:
    """Let GDAL downsample while it reads the bytes."""
    with MemoryFile(scene.content) as file, file.open() as dataset:
        return np.asarray(dataset.read(1, out_shape=scene.shape, resampling=Resampling[GDAL[method]]))


def loaded(scene: SceneFile, method: str) -> np.ndarray:
    """Let odc-loader put the file on a coarse grid of the same ground."""
    with rasterio.open(scene.path) as dataset:
        transform, crs = scaled_transform(dataset.transform, dataset.shape, scene.shape), str(dataset.crs)
    driver, grid = RioDriver(), GeoBox(scene.shape, transform, crs)
    state = driver.new_load(grid)
    with driver.restore_env(driver.capture_env(), state) as context:
        reader = driver.open(RasterSource(str(scene.path)), context)
        _, pixels = reader.read(RasterLoadParams(resampling=GDAL[method]), grid)
    return np.asarray(pixels)


def translated(scene: SceneFile, method: str) -> None:
    """Let gdal_translate write a small file."""
    lines, samples = map(str, scene.shape)
    sizes = ["-outsize", samples, lines, "-r", GDAL[method]]
    subprocess.run(["gdal_translate", "-q", *sizes, scene.path, scene.path.with_suffix(".small.tif")], check=True)


def converted(scene: SceneFile, method: str) -> None:
    """Let ImageMagick write a small file, on one core; ``!`` has it keep to the size that is asked for."""
    lines, samples = scene.shape
    small, size = scene.path.with_suffix(".small.png"), f"{samples}x{lines}!"
    subprocess.run(
        [imagemagick(), "-quiet", "-limit", "thread", "1", scene.path, IMAGEMAGICK[method], size, small], check=True
    )


def imagemagick() -> str:
    """The program that ImageMagick 6 or 7 installs; empty when there is none."""
    return next(filter(None, map(shutil.which, ("magick", "convert-im6", "convert"))), "")


LIBRARIES: dict[str, Shrinker] = {"rasterio out_shape": decimated, "odc-loader": loaded}
PROGRAMS: dict[str, tuple[str, Shrinker]] = {
    "gdal_translate": (shutil.which("gdal_translate") or "", translated),
    "ImageMagick": (imagemagick(), converted),
}
"""By name, where the program is (empty: nowhere) and how it is used."""
