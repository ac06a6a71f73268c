"""From the bytes of a full-size scene to its small image: ours against GDAL's own decimated reading, on one core.

    python -m benchmarks.downsample [--json FILE] [--check] [--small]

All start from the same bytes in memory. The files have a nodata tag of 0, which real ones do not have, so that GDAL
knows what fill is. Compilation is not part of the time: a small run comes first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from scipy import ndimage

from benchmarks.harness import Claim, Report, Row, alternate, command_line, row
from mineral_pipeline.imagery import decode, downsample

RIVALS = {"sampling": Resampling.nearest, "rescale": Resampling.average, "resize": Resampling.lanczos}
"""What GDAL calls our methods."""

TILES = {"tiled": True, "blockxsize": 256, "blockysize": 256}
LAYOUTS: dict[str, dict[str, Any]] = {
    "striped LZW": {"compress": "lzw"},
    "striped deflate": {"compress": "deflate"},
    "tiled LZW": {"compress": "lzw", **TILES},
    "tiled deflate": {"compress": "deflate", **TILES},
}
DECODE = "bare decode, rasterio"
SIZE = 512
CACHE = {"GDAL_CACHEMAX": 256 * 1024**2, "GDAL_NUM_THREADS": 1}
PACKAGES = ("numba", "numpy", "rasterio", "scipy")


def make_scene(edge: int) -> np.ndarray:
    """A simulated band: a rotated footprint of smooth terrain with sensor noise, on fill."""
    rng = np.random.default_rng(0)
    terrain = ndimage.zoom(rng.normal(70, 18, (edge // 40 + 1, edge // 40 + 1)), 40, order=1)[:edge, :edge]
    y, x = np.ogrid[-0.5 : 0.5 : edge * 1j, -0.5 : 0.5 : edge * 1j]
    inside = (np.abs(0.97 * x + 0.23 * y) < 0.41) & (np.abs(0.97 * y - 0.23 * x) < 0.41)
    noisy = terrain + rng.normal(0, 2, terrain.shape)
    return np.where(inside, noisy.clip(1, 255), 0).astype(np.uint8)


def encode(image: np.ndarray, layout: dict[str, Any]) -> bytes:
    """The bytes of a GeoTIFF."""
    lines, samples = image.shape
    grid = {"crs": "EPSG:32655", "transform": Affine(30, 0, 500_000, 0, -30, 6_000_000)}
    with MemoryFile() as file:
        profile = {"dtype": "uint8", "count": 1, "height": lines, "width": samples, "nodata": 0, **grid, **layout}
        with file.open(driver="GTiff", **profile) as dataset:
            dataset.write(image, 1)
        return bytes(file.read())


def bare(content: bytes) -> np.ndarray:
    """Read all pixels."""
    with rasterio.Env(**CACHE), MemoryFile(content) as file, file.open() as dataset:
        return np.asarray(dataset.read(1))


def decimated(content: bytes, method: str, size: int) -> np.ndarray:
    """Let GDAL downsample while it reads."""
    with rasterio.Env(**CACHE), MemoryFile(content) as file, file.open() as dataset:
        return np.asarray(dataset.read(1, out_shape=(size, size), resampling=RIVALS[method]))


def ours(content: bytes, method: str, size: int) -> np.ndarray:
    """Read all pixels and reduce them in memory."""
    return downsample(decode(content).pixels, size, method)


def measure(small: bool) -> Report:
    """Run all by turns on every layout."""
    edge, size, repeats = (600, 64, 1) if small else (7500, SIZE, 3)
    image = make_scene(edge)
    for method in RIVALS:
        downsample(image[:200, :200], 50, method)  # compiles
    jobs: dict[str, tuple[Callable[[], Any], int]] = {}
    for layout, options in LAYOUTS.items():
        content = encode(image, options)
        jobs[f"{DECODE}; {layout}"] = (partial(bare, content), repeats)
        for method in RIVALS:
            for name, function in (("mineral_pipeline", ours), ("rasterio", decimated)):
                jobs[f"{name} {method}; {layout}"] = (partial(function, content, method, size), repeats)
    seconds, found = alternate(jobs)
    rows = [row(name, runs) for name, runs in seconds.items()]
    first = f"mineral_pipeline rescale; {next(iter(LAYOUTS))}"
    rows.sort(key=lambda found_row: found_row.method != first)
    return Report(f"{edge} x {edge} uint8 to {size}", rows, _claims(rows, found, small))


def _claims(rows: list[Row], found: dict[str, Any], small: bool) -> list[Claim]:
    def difference(layout: str) -> float:
        mine, theirs = (found[f"{name} rescale; {layout}"].astype(int) for name in ("mineral_pipeline", "rasterio"))
        both = (mine > 0) & (theirs > 0)
        return float(np.abs(mine - theirs)[both].max())

    agree = Claim("layouts where our average is GDAL's within one level", sum(difference(x) <= 1 for x in LAYOUTS), 4)
    if small:
        return [agree]
    seconds = {found_row.method: min(found_row.runs) for found_row in rows}  # two near numbers on a busy machine
    overhead = [seconds[f"{DECODE}; {x}"] / seconds[f"mineral_pipeline rescale; {x}"] for x in LAYOUTS]
    return [agree, Claim("least share of our time that is bare decoding, rescale", min(overhead), 1 / 1.5)]


if __name__ == "__main__":
    sys.exit(command_line("downsample", measure, PACKAGES))
