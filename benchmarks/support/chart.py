"""The chart of a benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from benchmarks.support.harness import Report

OWN, OTHER = "#b04a12", "#8fa3b3"
"""Colours of bars."""


def draw(reports: Sequence[Report]) -> Figure:
    """A bar for the seconds of every row, report by report, and all curves in one panel; scales are logarithmic."""
    bars, curved = [found for found in reports if not found.curves], [found for found in reports if found.curves]
    heights = [1.2 + 0.3 * len(report.rows) for report in bars] + [4.0] * bool(curved)
    figure = Figure(figsize=(9, sum(heights)), dpi=150, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    panels = list(figure.subplots(len(heights), height_ratios=heights, squeeze=False)[:, 0])
    for axes, report in zip(panels, bars, strict=False):
        axes.set_title(fill(report.title, 62), loc="left", fontsize=9, fontweight="bold")
        _draw_bars(axes, report)
    if curved:
        panels[-1].set_title("growth", loc="left", fontsize=9, fontweight="bold")
        _draw_curves(panels[-1], {name: points for report in curved for name, points in report.curves.items()})
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    return figure


def _draw_bars(axes: Axes, report: Report) -> None:
    seconds = [found.seconds for found in report.rows]
    colours = [OWN if found.method.startswith("mineral_pipeline") else OTHER for found in report.rows]
    bars = axes.barh([fill(found.method, 48) for found in report.rows], seconds, color=colours, height=0.7)
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
