"""The chart of a benchmark's results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from benchmarks.support.results import BenchmarkResult

OWN, OTHER = "#b04a12", "#8fa3b3"
"""Colours of our bars and of the rivals'."""


def draw(results: Sequence[BenchmarkResult]) -> Figure:
    """Draw the seconds of every row as bars, one panel per result, and all curves in one panel, on logarithmic axes."""
    bars, curved = [found for found in results if not found.curves], [found for found in results if found.curves]
    heights = [1.2 + 0.3 * len(result.rows) for result in bars] + [4.0] * bool(curved)
    figure = Figure(figsize=(9, sum(heights)), dpi=150, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    panels = list(figure.subplots(len(heights), height_ratios=heights, squeeze=False)[:, 0])
    for axes, result in zip(panels, bars, strict=False):
        axes.set_title(fill(result.title, 62), loc="left", fontsize=9, fontweight="bold")
        _draw_bars(axes, result)
    if curved:
        panels[-1].set_title("growth", loc="left", fontsize=9, fontweight="bold")
        _draw_curves(panels[-1], {name: points for result in curved for name, points in result.curves.items()})
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    return figure


def _draw_bars(axes: Axes, result: BenchmarkResult) -> None:
    seconds = [row.seconds for row in result.rows]
    colours = [OWN if row.method.startswith("mineral_pipeline") else OTHER for row in result.rows]
    bars = axes.barh([fill(row.method, 48) for row in result.rows], seconds, color=colours, height=0.7)
    times = [value / seconds[0] for value in seconds]
    axes.bar_label(bars, [f" {value:,.0f} x" if value >= 10 else f" {value:.1f} x" for value in times], fontsize=8)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlim(min(seconds) / 3, max(seconds) * 8)
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("seconds, and times the first", fontsize=8)


def _draw_curves(axes: Axes, curves: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    for name, points in curves.items():
        axes.loglog(*zip(*points, strict=True), marker="o", markersize=4, label=name)
    axes.grid(color="#e4e7e9")
    axes.set_xlabel("scenes", fontsize=8)
    axes.set_ylabel("seconds", fontsize=8)
    axes.legend(frameon=False, fontsize=8)
