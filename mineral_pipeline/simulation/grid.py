"""The raster that a scene is delivered on: UTM, north up, as large as the scene's outline and a margin."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from affine import Affine
from pyproj import Transformer

from mineral_pipeline.geometry import Floats
from mineral_pipeline.simulation.swath import Swath
from mineral_pipeline.simulation.texture import Floats32

EDGE_KM = 222.0
"""Ground that ``scene_size`` pixels span: 7,400 pixels of 30 m, about the size of real products."""

MARGIN_KM = (3.0, 1.0)
"""Fill beside the image in real products, east-west and north-south, on each side."""

NODES_KM = 12.0
"""Distance of the nodes at which map coordinates are exact; linear between them, they are right to a few metres."""


@dataclass(frozen=True)
class Grid:
    """Raster of a scene: size, pixel size and position."""

    zone: int
    """UTM zone, northern also in the south, where northings are negative, as in the archive."""
    pixel_m: float
    """Edge of a pixel in metres."""
    left: int
    """Column of the first pixel's centre, counted in pixels from easting 0."""
    top: int
    """Row of the first pixel's centre, counted in pixels upwards from northing 0."""
    samples: int
    """Number of columns."""
    lines: int
    """Number of rows."""

    @property
    def epsg(self) -> int:
        """Code of the coordinate reference system."""
        return 32600 + self.zone

    @property
    def transform(self) -> Affine:
        """From (column, row) of pixel corners to easting and northing in metres."""
        west, north = (self.left - 0.5) * self.pixel_m, (self.top + 0.5) * self.pixel_m
        return Affine(self.pixel_m, 0, west, 0, -self.pixel_m, north)

    @property
    def projected_corners(self) -> Floats:
        """(4, 2) easting and northing of the centres of the corner pixels: UL, UR, LR, LL."""
        columns, rows = np.array([0, self.samples - 1]), np.array([0, self.lines - 1])
        return self._project(columns[[0, 1, 1, 0]], rows[[0, 0, 1, 1]])

    @property
    def corners(self) -> Floats:
        """(4, 2) lon/lat of the centres of the corner pixels: UL, UR, LR, LL."""
        return self._to_lonlat(self.projected_corners)

    def _project(self, columns: np.ndarray, rows: np.ndarray) -> Floats:
        return np.stack([(self.left + columns) * self.pixel_m, (self.top - rows) * self.pixel_m], axis=-1)

    def _to_lonlat(self, projected: Floats) -> Floats:
        return np.stack(
            transformer(self.zone).transform(projected[..., 0], projected[..., 1], direction="INVERSE"), axis=-1
        )

    @cached_property
    def _node_step(self) -> int:
        return max(int(NODES_KM * 1000 / self.pixel_m), 1)

    def nodes(self) -> Floats:
        """(rows, columns, 2) lon/lat of the nodes; the last ones lie beyond the raster."""
        rows, columns = (np.arange(0, size + self._node_step, self._node_step) for size in (self.lines, self.samples))
        return self._to_lonlat(self._project(columns[None] + 0 * rows[:, None], rows[:, None] + 0 * columns[None]))

    def interpolate(self, values: np.ndarray, start: int, stop: int) -> Floats32:
        """Interpolate values (..., rows, columns) at the nodes to the pixels of some lines.

        Returns:
            (..., stop - start, samples) float32.
        """
        down = _linear_weights(np.arange(start, stop), self._node_step, values.shape[-2])
        across = _linear_weights(np.arange(self.samples), self._node_step, values.shape[-1])
        return np.asarray(down @ values.astype(np.float32) @ across.T, dtype=np.float32)


def make_grid(swath: Swath, pixel_m: float) -> Grid:
    """The raster of a path/row; the same for all its dates."""
    zone = int((swath.projection.longitude + 180) // 6) % 60 + 1
    outline = swath.outline()
    eastings, northings = transformer(zone).transform(outline[:, 0], outline[:, 1])
    east, north = (margin * 1000 for margin in MARGIN_KM)
    left, right = int((min(eastings) - east) // pixel_m), int((max(eastings) + east) // pixel_m) + 1
    bottom, top = int((min(northings) - north) // pixel_m), int((max(northings) + north) // pixel_m) + 1
    return Grid(zone, pixel_m, left, top, right - left + 1, top - bottom + 1)


@lru_cache(maxsize=60)
def transformer(zone: int) -> Transformer:
    """Transformer from WGS 84 lon/lat to a northern UTM zone."""
    return Transformer.from_crs(4326, 32600 + zone, always_xy=True)


def _linear_weights(positions: np.ndarray, step: int, nodes: int) -> Floats32:
    """(positions, nodes) float32 weights of linear interpolation between nodes every ``step`` positions."""
    weights = 1 - np.abs(positions[:, None] / step - np.arange(nodes))
    return np.asarray(weights.clip(min=0), dtype=np.float32)
