"""From the bands of a scene to its chip: one small square image and the polygon that it covers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from mineral_pipeline.errors import RasterError
from mineral_pipeline.imagery.downsampling import downsample
from mineral_pipeline.imagery.footprint import MASK_SIZE, convex_ring, find_footprint
from mineral_pipeline.imagery.raster import Pixels, Raster, UnusableRaster

FootprintSource = Literal["image", "metadata"]

ONE_GRID = "the bands of a chip share one grid: choose others in acquire.bands"


@dataclass(frozen=True)
class Chip:
    """A whole scene as the models see it."""

    image: Pixels
    """(band, size, size) in the sensor's dtype; 0 is fill, padded at the bottom or the right."""
    footprint: npt.NDArray[np.float64]
    """(v, 2) lon/lat WGS 84, convex, counter-clockwise, longitudes continuous across the antimeridian."""
    footprint_source: FootprintSource
    """From the valid pixels, or from the corners in the metadata."""
    valid_fraction: float
    """Valid pixels over all pixels of the first band's raster that were decoded, before padding."""
    brightness: float
    """Mean of the valid pixels of the chip's first band."""


def make_chip(
    rasters: Sequence[Raster],
    size: int,
    method: str,
    corners: npt.NDArray[np.float64] | None = None,
    footprint: str = "image",
) -> Chip:
    """Downsample the bands of a scene and find what they cover, by the valid pixels of the first.

    Args:
        rasters: the bands, all on one grid, all whole or all `sampled <sampled_edge>` for this chip.
        size: edge of the chip in pixels.
        method: of `downsample`.
        corners: (4, 2) lon/lat of the raster in the metadata, for ``footprint="metadata"`` and for images that no
            polygon fits.
        footprint: ``image`` or ``metadata``.

    Raises:
        UnusableRaster: all fill, no georeference, or no footprint from either source.
        RasterError: the bands are not on one grid.
    """
    _check(rasters)
    first = rasters[0]
    bands = [downsample(raster.pixels, size, method) for raster in rasters]
    lit = bands[0][bands[0] > 0]
    if not lit.size:
        raise UnusableRaster(f"{first.source}: nothing but fill at {size} x {size} pixels")
    ring, source = _footprint(first, corners, footprint)
    image = np.stack([np.pad(band, [(0, size - edge) for edge in band.shape]) for band in bands])
    valid_fraction = np.count_nonzero(first.pixels) / first.pixels.size
    return Chip(image, ring, source, valid_fraction, float(lit.mean(dtype=np.float64)))


def sampled_edge(size: int, method: str) -> int | None:
    """What to tell `decode` of a chip: its edge if the pixels that ``sampling`` takes are all that is needed of a band.

    A footprint needs `MASK_SIZE` of them; below, and by the other methods, bands are decoded whole (None).
    """
    return size if method == "sampling" and size >= MASK_SIZE else None


def _check(rasters: Sequence[Raster]) -> None:
    if not rasters:
        raise RasterError("a chip of no bands: name at least one")
    first = rasters[0]
    for raster in rasters:
        if not raster.is_georeferenced:
            raise UnusableRaster(f"{raster.source}: no georeference: its place on the Earth is unknown")
        if raster.shape != first.shape or raster.pixels.dtype != first.pixels.dtype:
            shapes = f"{_describe(raster)}, but {first.source} {_describe(first)}"
            raise RasterError(f"{raster.source}: {shapes}: {ONE_GRID}")
        if raster.crs != first.crs or not raster.transform.almost_equals(first.transform, 1e-6):
            raise RasterError(f"{raster.source}: lies elsewhere than {first.source}: {ONE_GRID}")


def _describe(raster: Raster) -> str:
    lines, samples = raster.shape
    return f"{lines} x {samples} {raster.pixels.dtype}"


def _footprint(
    raster: Raster, corners: npt.NDArray[np.float64] | None, wanted: str
) -> tuple[npt.NDArray[np.float64], FootprintSource]:
    """The footprint and where it is from: the image unless the metadata is wanted or no polygon fits."""
    reason = ""
    if wanted == "image":
        try:
            return find_footprint(raster.pixels, raster.transform, raster.crs), "image"
        except UnusableRaster as error:
            reason = f"of the image ({error}) or "
    try:
        return convex_ring(np.full((4, 2), np.nan) if corners is None else corners), "metadata"
    except UnusableRaster as error:
        raise UnusableRaster(f"{raster.source}: no footprint {reason}of the metadata's corners ({error})") from error
