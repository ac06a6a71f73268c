"""Prospects as a raster: expected number of deposits and its spread on a longitude/latitude grid."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import rioxarray  # noqa: F401  # registers DataArray.rio
import xarray as xr
from affine import Affine
from rasterio.enums import MergeAlg
from rasterio.features import rasterize

from mineral_pipeline.geometry import CRS

CELL_DEGREES = 0.1
"""Edge of a grid cell: about a fifteenth of a scene at the equator."""

RASTER_BANDS = ("expected_number", "spread")


def to_raster(prospects: gpd.GeoDataFrame) -> xr.DataArray:
    """Rasterise prospects on a grid over their extent, snapped to multiples of `CELL_DEGREES`.

    Args:
        prospects: prospects as `rank` returns them.

    Returns:
        (band, y, x) float32 with the bands `RASTER_BANDS`, north up: the mean of the locations that cover a cell's
        centre, nan where none does.
    """
    west, south, east, north = prospects.total_bounds / CELL_DEGREES
    left, top = np.floor(west), np.ceil(north)
    width, height = int(max(np.ceil(east) - left, 1)), int(max(top - np.floor(south), 1))
    transform = Affine(CELL_DEGREES, 0, left * CELL_DEGREES, 0, -CELL_DEGREES, top * CELL_DEGREES)

    def burn(values: np.ndarray) -> np.ndarray:
        shapes = zip(prospects.geometry, values, strict=True)
        burnt = rasterize(shapes, (height, width), transform=transform, merge_alg=MergeAlg.add, dtype="float64")
        return np.asarray(burnt)

    covered = burn(np.ones(len(prospects)))
    sums = np.stack([burn(prospects[band].to_numpy()) for band in RASTER_BANDS])
    means = np.divide(sums, covered, out=np.full_like(sums, np.nan), where=covered > 0)
    # Without x and y coordinates rioxarray keeps the transform as it is; from them it would recompute it inexactly.
    raster = xr.DataArray(means.astype("float32"), dims=("band", "y", "x"), attrs={"long_name": RASTER_BANDS})
    georeferenced: xr.DataArray = raster.rio.write_crs(CRS).rio.write_transform(transform).rio.write_nodata(np.nan)
    return georeferenced
