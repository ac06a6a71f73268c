"""Decodes the bytes of a GeoTIFF to georeferenced pixels, in which 0 is fill and nothing else."""

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

from mineral_pipeline.errors import RasterError, one_line
from mineral_pipeline.imagery.grid import read_band, reduced_shape, scaled_transform
from mineral_pipeline.imagery.header import validate_header
from mineral_pipeline.sensors.landsat import TIFF_MAGIC

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

GDAL_CACHE_BYTES = 16 * 2**20
"""Decoded blocks that GDAL keeps: several rows of tiles. By default it would keep a second copy of the band."""

_OPENING = threading.Lock()  # warning filters are global to the process, and scenes are decoded in threads


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
    """Name of the file, for error messages."""
    full_shape: tuple[int, int] | None = None
    """Lines and samples of the file, when ``pixels`` are only those that sampling takes; None for the whole file."""

    @property
    def shape(self) -> tuple[int, int]:
        """Lines and samples of the file."""
        return self.full_shape or (self.pixels.shape[0], self.pixels.shape[1])

    @property
    def is_georeferenced(self) -> bool:
        """Whether the position of its pixels on the Earth is known."""
        return self.crs is not None and not self.transform.is_identity and not self.transform.is_degenerate


def decode(content: bytes, source: str = "", sampled: int | None = None, fill: int = 0) -> Raster:
    """Decode the only band of a GeoTIFF.

    Fill is the value of the file's nodata tag or, without one, the sensor's. Fill becomes 0, and valid pixels below 1
    become 1. Signed 16-bit bands (surface reflectance) become unsigned.

    Args:
        content: bytes of the whole file.
        source: name of the file in errors.
        sampled: edge of a chip in pixels, to decode only the pixels that ``sampling`` (nearest neighbour) takes for it,
            which is a small part of a file in strips. `downsample` to that size gives the same as for the whole band.
        fill: the sensor's value of fill, for a file without a nodata tag; Landsat's is 0.

    Raises:
        RasterError: the file is not a TIFF, is truncated, or is refused by `validate_header`.
    """
    if not content.startswith(TIFF_MAGIC):
        raise RasterError(f"{source}: not a TIFF: {len(content):,} bytes that start with {content[:8]!r}")
    try:
        with rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_BYTES), MemoryFile(content) as file, _open(file) as dataset:
            validate_header(dataset, len(content), source)
            shape = reduced_shape(dataset.shape, sampled or max(dataset.shape))
            pixels = _mark_fill(read_band(dataset, shape), dataset.nodata, fill)
            transform = scaled_transform(dataset.transform, dataset.shape, shape)
            return Raster(pixels, transform, dataset.crs, source, dataset.shape)
    except UnicodeError as error:
        raise RasterError(f"{source}: the name of its coordinate system is no text in UTF-8") from error
    except (RasterioError, CRSError) as error:
        # GDAL's message names the file by a random number; the same failure must have the same reason in every run
        reason = one_line(error.__cause__ or error).rpartition(".tif")[2].strip("', ")
        raise RasterError(f"{source}: truncated or damaged TIFF of {len(content):,} bytes: {reason}") from error


def _open(file: MemoryFile) -> DatasetReader:
    """Open as a GeoTIFF only, since files of other formats can refer to further files."""
    with _OPENING, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # `make_chip` rejects such rasters
        return file.open(driver="GTiff")


def _mark_fill(pixels: npt.NDArray[np.integer[Any]], tag: float | None, default: int) -> Pixels:
    """Return unsigned pixels that are 0 where they equal the nodata ``tag``, or the default, and only there."""
    limits = np.iinfo(pixels.dtype)
    mark = tag if tag is not None and limits.min <= tag <= limits.max else default
    if mark != 0 or limits.min < 0:
        fill = pixels == mark
        np.maximum(pixels, 1, out=pixels)
        pixels[fill] = 0
    return pixels.astype(np.uint16) if pixels.dtype == np.int16 else pixels  # type: ignore[return-value]
