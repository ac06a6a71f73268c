"""From the bytes of a GeoTIFF to pixels on the ground, with 0 for fill and for nothing else."""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import MaskFlags
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader, MemoryFile

from mineral_pipeline.errors import RasterError

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

MAX_PIXELS = 20_000**2
"""Pixels that a file may declare: the largest Landsat band (panchromatic, 15 m) has 18,000 x 18,000. A file of some
kilobytes can declare thousands of millions."""

TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of a TIFF: little and big-endian, classic and BigTIFF (TIFF 6.0, p. 13; BigTIFF design by libtiff)."""

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

    @property
    def is_georeferenced(self) -> bool:
        """Whether its pixels have a place on the Earth."""
        return self.crs is not None and not self.transform.is_identity and not self.transform.is_degenerate


def decode(content: bytes, source: str = "") -> Raster:
    """Read the first band of a GeoTIFF.

    Fill is what the file's nodata tag or mask says, else 0 (Landsat has no tag); it becomes 0, and valid pixels below 1
    become 1. Signed 16-bit bands (surface reflectance) become unsigned.

    Args:
        content: the whole file.
        source: name of the file in errors.

    Raises:
        RasterError: not a TIFF, truncated, not 8- or 16-bit integers, larger than `MAX_PIXELS`.
    """
    if not content.startswith(TIFF_MAGIC):
        raise RasterError(f"{source}: not a TIFF: {len(content):,} bytes that start with {content[:8]!r}")
    try:
        with MemoryFile(content) as file, _open(file) as dataset:
            _check(dataset, source)
            pixels = dataset.read(1)
            return Raster(_mark_fill(pixels, _fill(dataset, pixels)), dataset.transform, dataset.crs, source)
    except (RasterioError, CRSError) as error:
        # GDAL names the file by a random number, and the same failure must give the same reason in every run
        reason = " ".join(str(error.__cause__ or error).split()).rpartition(".tif")[2].strip("', ")
        raise RasterError(f"{source}: truncated or damaged TIFF of {len(content):,} bytes: {reason}") from error


def _open(file: MemoryFile) -> DatasetReader:
    """Open as GeoTIFF and as nothing else: other formats can name further files."""
    with _OPENING, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # the chip's maker judges that
        return file.open(driver="GTiff")


def _check(dataset: DatasetReader, source: str) -> None:
    dtype, lines, samples = dataset.dtypes[0], dataset.height, dataset.width
    if dtype not in ("uint8", "uint16", "int16"):
        raise RasterError(f"{source}: holds {dtype} pixels: a Landsat band holds 8- or 16-bit integers")
    if lines * samples > MAX_PIXELS:
        raise RasterError(
            f"{source}: declares {lines:,} x {samples:,} pixels: no Landsat band has more than {MAX_PIXELS:,}"
        )


def _fill(dataset: DatasetReader, pixels: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.bool_] | None:
    """Where the file says that there is no image; None when it says nothing but 0."""
    flags, tag = dataset.mask_flag_enums[0], dataset.nodata
    if MaskFlags.nodata in flags:
        limits = np.iinfo(pixels.dtype)
        marks = tag is not None and tag != 0 and limits.min <= tag <= limits.max
        return pixels == tag if marks else None
    return None if MaskFlags.all_valid in flags else dataset.read_masks(1) == 0


def _mark_fill(pixels: npt.NDArray[np.integer[Any]], fill: npt.NDArray[np.bool_] | None) -> Pixels:
    """Pixels as unsigned integers with 0 for ``fill`` (by default the zeros)."""
    if fill is None:
        fill = pixels == 0 if pixels.dtype == np.int16 else None
    if fill is not None:
        np.maximum(pixels, 1, out=pixels)
        pixels[fill] = 0
    return pixels.astype(np.uint16) if pixels.dtype == np.int16 else pixels  # type: ignore[return-value]
