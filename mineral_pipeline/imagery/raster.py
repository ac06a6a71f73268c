"""From the bytes of a GeoTIFF to pixels on the ground, with 0 for fill and for nothing else."""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader, MemoryFile

from mineral_pipeline.errors import RasterError
from mineral_pipeline.imagery.grid import reduced_shape, scaled_transform
from mineral_pipeline.imagery.header import validate_header
from mineral_pipeline.imagery.reading import read_band
from mineral_pipeline.sensors.landsat import TIFF_MAGIC

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

CACHE = 16 * 2**20
"""Bytes of decoded blocks that GDAL keeps: several rows of tiles. By default it keeps a second copy of the band."""

_OPENING = threading.Lock()  # warning filters belong to the process, and scenes are decoded in threads


class UnusableRaster(RasterError):
    """A raster that can be read but not used: nothing but fill, no georeference (the ledger's state ``rejected``)."""


@dataclass(frozen=True)
class Raster:
    """One band of a scene."""

    pixels: Pixels
    """(y, x) uint8 or uint16; 0 is fill."""
    transform: Affine
    """From (column, row) of pixel corners to coordinates of ``crs``; the identity when the file has none."""
    crs: CRS | None
    """Coordinate reference system; None when the file has none."""
    source: str = ""
    """Where it came from, for error messages."""
    full_shape: tuple[int, int] | None = None
    """Lines and samples of the file, of which ``pixels`` may be a sample; None: those of ``pixels``."""

    @property
    def shape(self) -> tuple[int, int]:
        """Lines and samples of the file."""
        return self.full_shape or (self.pixels.shape[0], self.pixels.shape[1])

    @property
    def is_georeferenced(self) -> bool:
        """Whether its pixels have a place on the Earth."""
        return self.crs is not None and not self.transform.is_identity and not self.transform.is_degenerate


def decode(content: bytes, source: str = "", sampled: int | None = None) -> Raster:
    """Read the one band of a GeoTIFF.

    Fill is what the file's nodata tag says, else 0 (Landsat has no tag); it becomes 0, and valid pixels below 1 become
    1. Signed 16-bit bands (surface reflectance) become unsigned.

    Args:
        content: the whole file.
        source: name of the file in errors.
        sampled: edge of a chip, to get only the pixels that ``sampling`` takes for it: of a file in strips, a small
            part is decoded for them. `downsample` to that size then gives what it gives for the whole band.

    Raises:
        RasterError: not a TIFF, truncated, or beyond what `check_declared` allows.
    """
    if not content.startswith(TIFF_MAGIC):
        raise RasterError(f"{source}: not a TIFF: {len(content):,} bytes that start with {content[:8]!r}")
    try:
        with rasterio.Env(GDAL_CACHEMAX=CACHE), MemoryFile(content) as file, _open(file) as dataset:
            validate_header(dataset, len(content), source)
            shape = reduced_shape(dataset.shape, sampled or max(dataset.shape))
            pixels = _mark_fill(read_band(dataset, shape), dataset.nodata)
            transform = scaled_transform(dataset.transform, dataset.shape, shape)
            return Raster(pixels, transform, dataset.crs, source, dataset.shape)
    except (RasterioError, CRSError) as error:
        # GDAL names the file by a random number, and the same failure must give the same reason in every run
        reason = " ".join(str(error.__cause__ or error).split()).rpartition(".tif")[2].strip("', ")
        raise RasterError(f"{source}: truncated or damaged TIFF of {len(content):,} bytes: {reason}") from error


def _open(file: MemoryFile) -> DatasetReader:
    """Open as GeoTIFF and as nothing else: other formats can name further files."""
    with _OPENING, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # the chip's maker judges that
        return file.open(driver="GTiff")


def _mark_fill(pixels: npt.NDArray[np.integer[Any]], tag: float | None) -> Pixels:
    """Pixels as unsigned integers with 0 where they have the file's ``tag`` (by default 0), and nowhere else."""
    limits = np.iinfo(pixels.dtype)
    mark = tag if tag is not None and limits.min <= tag <= limits.max else 0
    if mark != 0 or limits.min < 0:
        fill = pixels == mark
        np.maximum(pixels, 1, out=pixels)
        pixels[fill] = 0
    return pixels.astype(np.uint16) if pixels.dtype == np.int16 else pixels  # type: ignore[return-value]
