"""Figures of scenes: an example with its footprint, and the downsampling methods side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from pyproj import Transformer

from mineral_pipeline.geometry import CRS
from mineral_pipeline.reporting.style import THIRD, bare, legend_below, new_figure, stretch

DETAIL_FRACTION = 0.16
"""Edge of the enlarged detail as a share of the image's."""

RING = "#ff8a4c"
"""Lighter than the accent, to stand out on grey."""


@dataclass(frozen=True)
class Example:
    """One scene as the figures show it."""

    product_id: str
    """Landsat product identifier."""
    sensor: str
    """Code of the sensor, such as ``LT04``; empty when unknown."""
    band: str
    """Band of the images, such as ``B7``."""
    images: Mapping[str, np.ndarray]
    """Image (y, x), 0 = fill, by downsampling method; all of one size."""
    footprint: np.ndarray
    """(v, 2) x and y of the footprint's vertices in pixels of the images."""
    deposits: np.ndarray
    """(m, 2) x and y of the known deposits inside it."""
    method: str
    """Downsampling method of the chips."""
    edge: int
    """Longer edge of the scene's raster before downsampling, in pixels."""
    is_reflectance: bool = False
    """Whether chips are the reflectance that is made of the digital numbers of ``images``."""


def to_pixels(lonlat: np.ndarray, transform: Affine, crs: Any, scale: np.ndarray) -> np.ndarray:
    """Convert positions to pixels of the images.

    Args:
        lonlat: (n, 2) degrees, WGS 84.
        transform: transform from (column, row) of the raster's pixel corners to coordinates of ``crs``.
        crs: coordinate reference system of the raster, in any form that pyproj understands.
        scale: (2,) pixels of the image per pixel of the raster, along x and y.

    Returns:
        (n, 2) x and y in pixels of the image, whole numbers at the pixels' centres.
    """
    x, y = Transformer.from_crs(CRS, crs, always_xy=True).transform(*lonlat.T)
    inverse = np.reshape(~transform, (3, 3))
    return np.asarray((inverse @ np.stack([x, y, np.ones(len(lonlat))]))[:2].T * scale - 0.5)


def example_figure(example: Example) -> Figure:
    """Draw the scene with the outline of its footprint and the known deposits in it."""
    image = example.images[example.method]
    figure = new_figure(5.2, 5.6)
    axes = bare(figure.add_subplot())
    _show(axes, image)
    outline = np.vstack([example.footprint, example.footprint[:1]])
    handles: list[Artist] = axes.plot(*outline.T, color=THIRD, linewidth=1.4, label="footprint")  # type: ignore[assignment]
    if len(example.deposits):
        text = f"{len(example.deposits):,} known deposits"
        x, y = example.deposits.T
        handles.append(axes.scatter(x, y, s=26, facecolors="none", edgecolors=RING, linewidths=1.1, label=text))
    axes.set_xlim(-0.5, image.shape[1] - 0.5)
    axes.set_ylim(image.shape[0] - 0.5, -0.5)
    legend_below(axes, handles, 0.01)
    return figure


def methods_figure(example: Example) -> Figure:
    """Draw the same scene by every method: the whole image above, its centre enlarged below."""
    figure = new_figure(4.7)
    rows = figure.subplots(2, len(example.images), squeeze=False)
    height, width = next(iter(example.images.values())).shape
    edge = max(int(DETAIL_FRACTION * min(height, width)), 8)
    top, left = (height - edge) // 2, (width - edge) // 2
    for column, (method, image) in enumerate(example.images.items()):
        whole, detail = rows[0, column], rows[1, column]
        _show(bare(whole, method), image)
        whole.add_patch(Rectangle((left - 0.5, top - 0.5), edge, edge, fill=False, edgecolor=RING, linewidth=1.2))
        _show(bare(detail), image)
        detail.set(xlim=(left - 0.5, left + edge - 0.5), ylim=(top + edge - 0.5, top - 0.5))
        for spine in detail.spines.values():
            spine.set(visible=True, color=RING, linewidth=1.2)
    return figure


def _show(axes: Axes, image: np.ndarray) -> None:
    axes.imshow(stretch(image), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
