"""Prospects as a raster: a mosaic of the footprints on a longitude/latitude grid, written block by block.

What a block of cells holds is computed from the footprints that reach into it, so that memory does not grow with the
mosaic: that of a planet at fine cells takes as much as that of an island.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from affine import Affine
from rasterio import shutil
from rasterio.enums import MergeAlg
from rasterio.features import rasterize
from rasterio.windows import Window

from mineral_pipeline.geometry import CRS
from mineral_pipeline.prospecting.columns import BANDS

CELL_DEGREES = 0.1
"""Edge of the largest grid cell: about a fifteenth of a scene at the equator."""

SMALLEST_CELL_DEGREES = CELL_DEGREES / 32
"""Edge of the smallest: some 350 m."""

CELLS_ACROSS = 4
"""Cells that a footprint of the usual size has across, at least."""

BLOCK = 512
"""Edge of a block in cells."""

CACHE_BYTES = 256 * 2**20
"""Memory in which GDAL keeps blocks: more than a row of them across the Earth at fine cells, else it reads them again
and again; by default it takes a twentieth of the machine's."""


@dataclass(frozen=True)
class Grid:
    """A grid of longitudes and latitudes, north up, snapped to multiples of its cells."""

    cell: float
    """Edge of a cell, degrees."""
    left: int
    """Cells from 0 degrees east to the western edge."""
    top: int
    """Cells from the equator to the northern edge."""
    width: int
    """Cells in a row."""
    height: int
    """Rows."""

    @property
    def transform(self) -> Affine:
        """From column and row to longitude and latitude."""
        return self.transform_of(0, 0)

    def transform_of(self, column: int, row: int) -> Affine:
        """The same of the part of the grid that begins at a column and a row."""
        return Affine(self.cell, 0, (self.left + column) * self.cell, 0, -self.cell, (self.top - row) * self.cell)

    def blocks(self) -> Iterator[Window]:
        """The blocks, row by row; those at the eastern and southern edge may be smaller."""
        for row in range(0, self.height, BLOCK):
            for column in range(0, self.width, BLOCK):
                yield Window(column, row, min(BLOCK, self.width - column), min(BLOCK, self.height - row))


def find_grid(footprints: gpd.GeoSeries) -> Grid:
    """The grid over the extent of footprints in -180 to 180 degrees.

    Its cells have `CELL_DEGREES`, halved until a footprint of the usual size has `CELLS_ACROSS`: a tile is not lost.
    """
    cell = CELL_DEGREES
    edge = float(np.sqrt(np.median(shapely.area(footprints.to_numpy()))))
    while cell > max(edge / CELLS_ACROSS, SMALLEST_CELL_DEGREES):
        cell /= 2
    west, south, east, north = np.round(footprints.total_bounds / cell, 6)
    left, top = int(np.floor(west)), int(np.ceil(north))
    return Grid(cell, left, top, max(int(np.ceil(east)) - left, 1), max(top - int(np.floor(south)), 1))


def write_raster(prospects: gpd.GeoDataFrame, path: str) -> None:
    """Write the mosaic as a cloud-optimised GeoTIFF, float32: the mean of the locations that cover a cell's centre.

    Cells that no location covers are nan, and blocks of nothing else take no space.

    Args:
        prospects: prospects as published, cut at the antimeridian; a band for each of `BANDS`.
        path: local path of the file; a file without overviews stands beside it while it is made.
    """
    grid = find_grid(prospects.geometry)
    profile = {
        "driver": "GTiff", "width": grid.width, "height": grid.height, "count": len(BANDS), "dtype": "float32",
        "crs": CRS, "transform": grid.transform, "nodata": np.nan, "compress": "deflate", "tiled": True,
        "blockxsize": BLOCK, "blockysize": BLOCK, "sparse_ok": True, "bigtiff": "if_safer",
    }  # fmt: skip
    values = prospects[list(BANDS.values())].to_numpy(np.float64, na_value=np.nan).T
    footprints = prospects.geometry.to_numpy()
    tree, plain = shapely.STRtree(footprints), f"{path}.plain.tif"
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES):
        with rasterio.open(plain, "w", **profile) as file:
            file.descriptions = tuple(BANDS)
            for window in grid.blocks():
                transform = grid.transform_of(window.col_off, window.row_off)
                inside = np.sort(tree.query(_box(transform, window), predicate="intersects"))
                if len(inside):
                    shape = (window.height, window.width)
                    file.write(_means(footprints[inside], values[:, inside], shape, transform), window=window)
        shutil.copy(plain, path, driver="COG", compress="DEFLATE", overview_resampling="AVERAGE", sparse_ok="YES")
    os.remove(plain)


def _box(transform: Affine, window: Window) -> shapely.Polygon:
    west, north = transform.c, transform.f
    return shapely.box(west, north + transform.e * window.height, west + transform.a * window.width, north)


def _means(footprints: np.ndarray, values: np.ndarray, shape: tuple[int, int], transform: Affine) -> np.ndarray:
    """(band, y, x) float32 means of the finite values (band, footprint) of what covers a cell's centre."""

    def burn(burnt: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        if not chosen.any():
            return np.zeros(shape)
        shapes = zip(footprints[chosen], burnt[chosen], strict=True)
        return np.asarray(rasterize(shapes, shape, transform=transform, merge_alg=MergeAlg.add, dtype="float64"))

    known = np.isfinite(values)
    distinct, of_band = np.unique(known, axis=0, return_inverse=True)  # most often all bands are known alike
    covered = np.stack([burn(np.ones(len(footprints)), one) for one in distinct])[of_band]
    sums = np.stack([burn(band, one) for band, one in zip(values, known, strict=True)])
    means = np.divide(sums, covered, out=np.full_like(sums, np.nan), where=covered > 0)
    return np.asarray(means, "float32")
