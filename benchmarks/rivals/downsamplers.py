"""Functions from the bytes of a scene to its downsampled image: ours, and the rivals' as their users write them."""

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
"""GDAL's names of our methods."""

IMAGEMAGICK = {"sampling": "-sample", "rescale": "-scale", "resize": "-resize"}
"""ImageMagick's options for our methods."""


@dataclass(frozen=True)
class SceneFile:
    """A band file, in memory and on disk, and the size of its downsampled image."""

    content: bytes
    """Bytes of the file."""
    path: Path
    """Path of the file."""
    size: int
    """Edge in pixels of the square that the downsampled image fits in."""
    shape: tuple[int, int]
    """Lines and samples of the downsampled image."""


Downsampler = Callable[[SceneFile, str], np.ndarray | None]
"""Function of a file and one of our methods; it returns the image, or None when a program writes it to a file."""


def bare(scene: SceneFile) -> np.ndarray:
    """Read all pixels, and do nothing else."""
    with MemoryFile(scene.content) as file, file.open() as dataset:
        return np.asarray(dataset.read(1))


def ours(scene: SceneFile, method: str) -> np.ndarray:
    """Decode the pixels that the method needs and downsample them in memory, as a task of acquire does."""
    return downsample(decode(scene.content, sampled=sampled_edge(scene.size, method)).pixels, scene.size, method)


def decimated(scene: SceneFile, method: str) -> np.ndarray:
    """Downsample by GDAL while it reads the bytes."""
    with MemoryFile(scene.content) as file, file.open() as dataset:
        return np.asarray(dataset.read(1, out_shape=scene.shape, resampling=Resampling[GDAL[method]]))


def loaded(scene: SceneFile, method: str) -> np.ndarray:
    """Load the file by odc-loader to a coarse grid of the same ground."""
    with rasterio.open(scene.path) as dataset:
        transform, crs = scaled_transform(dataset.transform, dataset.shape, scene.shape), str(dataset.crs)
    driver, grid = RioDriver(), GeoBox(scene.shape, transform, crs)
    state = driver.new_load(grid)
    with driver.restore_env(driver.capture_env(), state) as context:
        reader = driver.open(RasterSource(str(scene.path)), context)
        _, pixels = reader.read(RasterLoadParams(resampling=GDAL[method]), grid)
    return np.asarray(pixels)


def translated(scene: SceneFile, method: str) -> None:
    """Write a downsampled file by gdal_translate."""
    lines, samples = map(str, scene.shape)
    sizes = ["-outsize", samples, lines, "-r", GDAL[method]]
    subprocess.run(["gdal_translate", "-q", *sizes, scene.path, scene.path.with_suffix(".small.tif")], check=True)


def converted(scene: SceneFile, method: str) -> None:
    """Write a downsampled file by ImageMagick, on one core."""
    lines, samples = scene.shape
    small, size = scene.path.with_suffix(".small.png"), f"{samples}x{lines}!"  # ! ignores the aspect
    subprocess.run(
        [imagemagick(), "-quiet", "-limit", "thread", "1", scene.path, IMAGEMAGICK[method], size, small], check=True
    )


def imagemagick() -> str:
    """Return the path of ImageMagick's program, of version 6 or 7; empty when it is not installed."""
    return next(filter(None, map(shutil.which, ("magick", "convert-im6", "convert"))), "")


LIBRARIES: dict[str, Downsampler] = {"rasterio out_shape": decimated, "odc-loader": loaded}
PROGRAMS: dict[str, tuple[str, Downsampler]] = {
    "gdal_translate": (shutil.which("gdal_translate") or "", translated),
    "ImageMagick": (imagemagick(), converted),
}
"""By name, the path of the program (empty when not installed) and the function that runs it."""
