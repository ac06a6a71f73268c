"""Draws footprints over their scenes: simulated ones with the true outline, real ones without."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # no display

import matplotlib.pyplot as plt
import numpy as np
import shapely
from affine import Affine
from matplotlib.axes import Axes
from pyproj import Transformer
from rasterio.crs import CRS

from benchmarks.support.known_scenes import on_map
from benchmarks.support.real_catalogue import DATA
from mineral_pipeline.geometry import Floats
from mineral_pipeline.imagery import decode, find_footprint

PRODUCTS = (
    "archive/LE07/01/092/084/LE07_L1TP_092084_19990925_20170217_01_T1/LE07_L1TP_092084_19990925_20170217_01_T1_B7.TIF",
    "archive/LE07/01/092/084/LE07_L1TP_092084_20110809_20161206_01_T1/LE07_L1TP_092084_20110809_20161206_01_T1_B7.TIF",
    "archive/LT05/01/092/091/LT05_L1GS_092091_19910506_20170126_01_T2/LT05_L1GS_092091_19910506_20170126_01_T2_B7.TIF",
    "rasters/LT05_L1GS_036029_20060523_test_MTSPCS.tif",
    "rasters/LT05_L1GS_036029_20060523_test_WGS84.tif",
    "rasters/one-edge-LC08_L1TP_224078_20200518_B2.TIF",
)
COLUMNS = 6
"""Panels side by side."""


@dataclass(frozen=True)
class Panel:
    """One scene of the picture."""

    title: str
    """Title above the scene."""
    pixels: np.ndarray
    """(y, x), 0 is fill."""
    transform: Affine
    """From (column, row) of pixel corners to coordinates of ``crs``."""
    crs: CRS
    """Coordinate reference system of the raster."""
    truth: shapely.Polygon | None = None
    """True outline in coordinates of ``crs``, when it is known."""


def real_panels() -> list[Panel]:
    """Return panels of real images, if an environment variable names the folder that holds them."""
    if DATA not in os.environ:
        return []
    rasters = {name: decode((Path(os.environ[DATA]) / name).read_bytes()) for name in PRODUCTS}
    return [
        Panel(f"real: {Path(name).stem[:25]}", raster.pixels, raster.transform, CRS.from_user_input(raster.crs))
        for name, raster in rasters.items()
    ]


def draw(path: Path, panels: Sequence[Panel]) -> None:
    """Write a PNG of the panels: fill is black, footprints are red, and true outlines white below them."""
    rows = -(-len(panels) // COLUMNS)
    figure, grid = plt.subplots(rows, COLUMNS, figsize=(4 * COLUMNS, 4.2 * rows), squeeze=False, layout="constrained")
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, panel in zip(grid.flat, panels, strict=False):
        _draw_panel(axes, panel)
    figure.savefig(path, dpi=70)
    plt.close(figure)


def _draw_panel(axes: Axes, panel: Panel) -> None:
    pixels = panel.pixels.astype(float)
    valid = pixels[pixels > 0]
    shown = np.where(pixels > 0, 0.35 + 0.4 * np.clip(pixels / np.quantile(valid, 0.98), 0, 1), 0)
    axes.imshow(shown, cmap="gray", vmin=0, vmax=1, extent=(0, pixels.shape[1], pixels.shape[0], 0))
    if panel.truth is not None:
        _draw_ring(axes, panel, np.array(panel.truth.exterior.coords), color="white", linewidth=2.5)
    ring = find_footprint(panel.pixels > 0, panel.transform, panel.crs)
    to_map = Transformer.from_crs("EPSG:4326", panel.crs, always_xy=True)
    _draw_ring(axes, panel, np.column_stack(to_map.transform(*np.vstack([ring, ring[:1]]).T)), color="red", marker="o")
    axes.set_title(panel.title, fontsize=11)
    axes.margins(0.02)


def _draw_ring(axes: Axes, panel: Panel, ring: Floats, **style: Any) -> None:
    axes.plot(*on_map(~panel.transform, ring).T, markersize=4, **style)
