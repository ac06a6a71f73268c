"""Makes a chip from the bands of a scene: a small square image and the polygon on the ground that it covers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from rasterio.crs import CRS

from mineral_pipeline.errors import RasterError
from mineral_pipeline.geometry import Floats
from mineral_pipeline.imagery.downsampling import downsample
from mineral_pipeline.imagery.footprint import MASK_SIZE, convex_ring, find_footprint
from mineral_pipeline.imagery.grid import scaled_transform
from mineral_pipeline.imagery.raster import Pixels, Raster, UnusableRaster

FootprintSource = Literal["image", "metadata"]

SAME_GRID = "the bands of a chip share one grid: choose others in acquire.bands"


@dataclass(frozen=True)
class Chip:
    """An image that models see, made from a whole scene."""

    image: Pixels
    """(band, size, size) in the sensor's dtype; 0 is fill, padded at the bottom or the right."""
    footprint: Floats
    """(v, 2) lon/lat WGS 84, convex, counter-clockwise, longitudes continuous across the antimeridian."""
    footprint_source: FootprintSource
    """Source of the footprint: the valid pixels, or the corners in the metadata."""
    valid_fraction: float
    """Fraction of valid pixels among those that were decoded of the first band's raster, before padding."""
    brightness: float
    """Mean value of the valid pixels of the chip's first band."""
    crs: str
    """Coordinate reference system of the scene: ``EPSG:`` and a number, or WKT where none is the same."""
    geo_transform: str
    """From (column, row) of the chip's pixel corners to coordinates of ``crs``: GDAL's six numbers as text."""


def make_chip(
    rasters: Sequence[Raster],
    size: int,
    method: str,
    corners: Floats | None = None,
    footprint: str = "image",
) -> Chip:
    """Downsample the bands of a scene, and find its footprint by the valid pixels of the first band.

    Args:
        rasters: the bands, all on one grid; either all whole, or all decoded with `sampled_edge` of this chip.
        size: edge of the chip in pixels.
        method: method of `downsample`.
        corners: (4, 2) lon/lat of the raster's corners in the metadata, for ``footprint="metadata"`` and for images
            that no polygon fits.
        footprint: preferred source of the footprint, ``image`` or ``metadata``.

    Raises:
        UnusableRaster: the chip would be all fill, has no georeference, or has no footprint from either source.
        RasterError: there are no bands, or they are not on one grid.
    """
    _check(rasters)
    first = rasters[0]
    bands = [downsample(raster.pixels, size, method) for raster in rasters]
    valid = bands[0][bands[0] > 0]
    if not valid.size:
        raise UnusableRaster(f"{first.source}: nothing but fill at {size} x {size} pixels")
    ring, source = _footprint(first, corners, footprint)
    image = np.stack([np.pad(band, [(0, size - edge) for edge in band.shape]) for band in bands])
    valid_fraction = np.count_nonzero(first.pixels) / first.pixels.size
    brightness = float(valid.mean(dtype=np.float64))
    return Chip(image, ring, source, valid_fraction, brightness, *_place(first, bands[0].shape))


def sampled_edge(size: int, method: str) -> int | None:
    """Return the argument ``sampled`` of `decode` for a chip of ``size`` pixels.

    It is the size when the pixels that ``sampling`` takes are enough. A footprint needs `MASK_SIZE` of them along the
    longest edge; for smaller chips, and for the other methods, it is None: bands are decoded whole.
    """
    return size if method == "sampling" and size >= MASK_SIZE else None


def _check(rasters: Sequence[Raster]) -> None:
    """Raise an error unless all bands are georeferenced and on one grid."""
    if not rasters:
        raise RasterError("a chip of no bands: name at least one")
    first = rasters[0]
    for raster in rasters:
        if not raster.is_georeferenced:
            raise UnusableRaster(f"{raster.source}: no georeference: its place on the Earth is unknown")
        if raster.shape != first.shape or raster.pixels.dtype != first.pixels.dtype:
            shapes = f"{_describe(raster)}, but {first.source} {_describe(first)}"
            raise RasterError(f"{raster.source}: {shapes}: {SAME_GRID}")
        if raster.crs != first.crs or not raster.transform.almost_equals(first.transform, 1e-6):
            raise RasterError(f"{raster.source}: lies elsewhere than {first.source}: {SAME_GRID}")


def _place(raster: Raster, reduced: tuple[int, ...]) -> tuple[str, str]:
    """Coordinate reference system and transform of an image of ``reduced`` shape; padding does not move its origin."""
    transform = scaled_transform(raster.transform, raster.pixels.shape, (reduced[0], reduced[1]))
    crs = raster.crs or CRS()  # `_check` has refused those without one
    code = crs.to_epsg()
    is_known = code is not None and CRS.from_epsg(code) == crs
    return f"EPSG:{code}" if is_known else crs.to_wkt(), " ".join(map(repr, transform.to_gdal()))


def _describe(raster: Raster) -> str:
    lines, samples = raster.shape
    return f"{lines} x {samples} {raster.pixels.dtype}"


def _footprint(raster: Raster, corners: Floats | None, preferred: str) -> tuple[Floats, FootprintSource]:
    """Return the footprint and its source: the preferred one, or the metadata when no polygon fits the image."""
    reason = ""
    if preferred == "image":
        try:
            return find_footprint(raster.pixels, raster.transform, raster.crs), "image"
        except UnusableRaster as error:
            reason = f"of the image ({error}) or "
    try:
        return convex_ring(np.full((4, 2), np.nan) if corners is None else corners), "metadata"
    except UnusableRaster as error:
        raise UnusableRaster(f"{raster.source}: no footprint {reason}of the metadata's corners ({error})") from error
