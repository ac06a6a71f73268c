"""The images of the first prospects: each with the outline of its footprint and a bar of its scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from mineral_pipeline.reporting.formatting import THIN, location, position
from mineral_pipeline.reporting.style import INK, MUTED, SMALL, THIRD, WIDTH, bare, new_figure, stretch

COLUMNS = 4
LONGEST_BAR = 0.4
"""Length of a bar of scale as a share of the image's width, at most."""


@dataclass(frozen=True)
class ProspectView:
    """A prospect as its image shows it."""

    rank: int
    """Its rank."""
    location_id: str
    """Key of its location."""
    lon: float
    """Longitude of its centre, degrees."""
    lat: float
    """Latitude of its centre, degrees."""
    image: np.ndarray | None = None
    """(y, x) pixels of its first band, 0 = fill; None where it cannot be read."""
    band: str = ""
    """Name of the band."""
    outline: np.ndarray | None = None
    """(v, 2) x and y of its footprint's vertices in pixels, the first again at the end."""
    metres: float = 0.0
    """Length of a pixel on the ground."""
    missing: str = ""
    """Why the image cannot be read."""


def views_figure(views: Sequence[ProspectView]) -> Figure:
    """Draw the images of some prospects, the first of them first."""
    rows = -(-len(views) // COLUMNS)
    figure = new_figure(rows * (WIDTH / COLUMNS + 0.42))
    panels = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axes, view in zip(panels, views, strict=False):
        bare(axes, f"{view.rank} · {location(view.location_id)}")
        axes.set_xlabel(position(view.lon, view.lat), fontsize=SMALL - 1, color=MUTED)
        if view.image is None:
            axes.text(0.5, 0.5, "not readable", transform=axes.transAxes, ha="center", fontsize=SMALL, color=MUTED)
            continue
        _draw(axes, view.image, view)
    for axes in panels[len(views) :]:
        axes.set_visible(False)
    return figure


def _draw(axes: Axes, image: np.ndarray, view: ProspectView) -> None:
    height, width = image.shape
    axes.imshow(stretch(image), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    if view.outline is not None:
        axes.plot(*view.outline.T, color=THIRD, linewidth=1.0)
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    if view.metres > 0:
        length = nice_length(LONGEST_BAR * width * view.metres)
        x, y = 0.05 * width, 0.95 * height
        halo = [withStroke(linewidth=3, foreground=INK)]
        axes.plot([x, x + length / view.metres], [y, y], color="white", linewidth=1.8, path_effects=halo)
        text = f"{length / 1000:g}{THIN}km" if length >= 1000 else f"{length:g}{THIN}m"
        axes.text(x, y - 0.03 * height, text, color="white", fontsize=SMALL - 1, va="bottom", path_effects=halo)


def nice_length(longest: float) -> float:
    """The longest of 1, 2 and 5 times a power of ten that is no longer than ``longest``, above 0."""
    power = 10.0 ** np.floor(np.log10(longest))
    return float(max(factor * power for factor in (1, 2, 5) if factor * power <= longest * (1 + 1e-9)))
