"""Style of the figures: one accent, quiet axes, colours for colour-blind readers that also print in grey."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from mineral_pipeline.learning import DROPPED, SUBSETS

INK, MUTED, HAIRLINE, LAND, SEA = "#23282d", "#68717a", "#d5d9dc", "#e9e7e1", "#ffffff"
ACCENT, PLAIN, THIRD = "#b04a12", "#52728c", "#e0a63a"
"""Copper, slate and ochre: apart in hue for most readers and in lightness for all."""

SUBSET_COLOURS = dict(zip((*SUBSETS, DROPPED), (PLAIN, THIRD, ACCENT, "#bfc5ca"), strict=True))
BASELINE_COLOURS = (THIRD, PLAIN, "#7d6b91", "#5b8a72", "#c08497", INK)
"""Colours of baselines in their order, again from the first when there are more."""

RICHNESS = LinearSegmentedColormap.from_list("richness", ["#f8e0a0", "#f0bb5c", "#dd8637", "#b24d18", "#682405"])
"""Colour map of richness: from pale to dark, in even steps of lightness."""

WIDTH = 6.8
"""Width of a figure across the page, inches."""

DPI = 200
"""Pixels per inch: twice the density at which the page shows a figure."""

SMALL, NORMAL = 7.5, 8.5
"""Sizes of type in figures, points."""

NARROWEST = 0.01
"""Width of the narrowest colour scale: ten steps of the last decimal that a score or a richness is written with."""

LEAST_CONTRAST = 1 / 32
"""Narrowest range of brightness that an image is stretched from, as a fraction of what its data type holds: 8 levels of
8 bits, so that steps of one level, which are noise, stay faint."""


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """Make a figure on its own canvas, without pyplot's global state; sizes in inches."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def png(figure: Figure) -> bytes:
    """Draw a figure as PNG, the same bytes every time (no date and no version inside)."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def tidy(axes: Axes, title: str = "", x: str = "", y: str = "", grid: str = "") -> Axes:
    """Style axes: left-aligned title, no box, small grey ticks, and hairlines along ``grid`` ("x", "y", "both")."""
    axes.set_title(title, loc="left", fontsize=NORMAL, fontweight="bold", color=INK, pad=6)
    axes.set_xlabel(x, fontsize=NORMAL, color=MUTED)
    axes.set_ylabel(y, fontsize=NORMAL, color=MUTED)
    axes.tick_params(which="both", labelsize=SMALL, colors=MUTED, length=0)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(HAIRLINE)
    if grid:
        axes.grid(axis=grid, color=HAIRLINE, linewidth=0.6)  # type: ignore[arg-type]
        axes.set_axisbelow(True)
    return axes


def bare(axes: Axes, title: str = "") -> Axes:
    """Make axes fit for an image: no ticks, no box."""
    tidy(axes, title)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes


def legend(axes: Axes) -> None:
    """Add a legend without a box, where it hides least."""
    axes.legend(frameon=False, fontsize=SMALL, labelcolor=INK, handlelength=1.4, borderaxespad=0.2)


def legend_below(axes: Axes, handles: Sequence[Artist], drop: float) -> None:
    """Add a legend in one row below the axes, at a distance of ``drop`` times their height."""
    axes.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, -drop),
        ncols=len(handles),
        frameon=False,
        fontsize=SMALL,
        labelcolor=INK,
        handletextpad=0.4,
        columnspacing=1.6,
    )


def scale_limits(values: np.ndarray, intervals: npt.ArrayLike, highest: float = 1.0) -> tuple[float, float]:
    """Limits of a colour scale on which a difference that chance makes is no contrast.

    A scale from the smallest value to the largest shows any difference as one between pale and dark, be it of one chip.
    This one is widened about its middle until it is as wide as the 95 % interval of a value, within 0 to ``highest``:
    uncertain differences get like colours, as Correll, Moritz and Heer ask (Value-Suppressing Uncertainty Palettes,
    CHI 2018).

    Args:
        values: what is coloured, of any shape, in 0 to ``highest``; nan is not coloured.
        intervals: widths of the 95 % intervals of the values, of which the root of the mean square counts, as of the
            variances in Tukey's range test (Biometrics 5, 1949); nan where unknown. Without any, or when all are 0 as
            those of a bootstrap of one location, nothing is known of chance: the scale is 0 to ``highest``.
        highest: largest possible value.

    Returns:
        Lower and upper limit, at least `NARROWEST` apart.
    """
    known, drawn = (array[np.isfinite(array)] for array in (np.asarray(intervals, float), values))
    interval = np.sqrt(np.mean(known**2)) if known.any() else highest
    low, high = (drawn.min(), drawn.max()) if drawn.size else (0.0, highest)
    width = max(high - low, min(interval, highest), NARROWEST)
    low = min(max((low + high - width) / 2, 0.0), highest - width)
    return float(low), float(low + width)


def stretch(image: np.ndarray) -> np.ndarray:
    """Stretch brightness: the 2nd to 98th percentile of the valid pixels to 0..1; fill (0) stays black.

    Args:
        image: pixels (y, x) of uint8 or uint16, 0 = fill.

    Returns:
        (y, x) float in 0 to 1; of less contrast where the image has less than `LEAST_CONTRAST`.
    """
    brightness = image / np.iinfo(image.dtype).max
    valid = brightness[image > 0]
    if valid.size == 0:
        return np.zeros(image.shape)
    low, high = scale_limits(np.percentile(valid, [2, 98]), LEAST_CONTRAST)
    scaled = (brightness - low) / (high - low)
    # At least a twentieth above black, so that the darkest ground is not mistaken for fill.
    return np.where(image > 0, np.clip(scaled, 0, 1) * 0.95 + 0.05, 0.0)
