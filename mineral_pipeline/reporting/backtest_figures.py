"""Figure of a back-test: success-rate curves of all rankings, and the prediction-area plot of the prospects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from mineral_pipeline.reporting.style import (
    ACCENT,
    BASELINE_COLOURS,
    HAIRLINE,
    INK,
    MUTED,
    PLAIN,
    SMALL,
    legend,
    new_figure,
    tidy,
)

SEARCHED = 0.1
"""Share of the ground up to which the left part goes."""

CHANCE = "chance"


def backtest_figure(found: Mapping[str, Any]) -> Figure:
    """Draw what a back-test has found.

    Args:
        found: ``backtest.json``; the first of its ``rankings`` is that of the prospects.
    """
    figure = new_figure(3.7)
    first, whole = figure.subplots(1, 2, width_ratios=(1.25, 1))
    _curves(first, found)
    _prediction_area(whole, found)
    # Below both parts: there are too many curves for a place among them.
    figure.legend(
        handles=first.get_lines(), loc="outside lower center", ncols=2, frameon=False, fontsize=SMALL, labelcolor=INK
    )
    return figure


def _curves(axes: Axes, found: Mapping[str, Any]) -> None:
    """Share of the hidden places found against the share of the ground searched: the first tenth, which counts."""
    searched = np.array(found["searched"])
    shown, highest, colours = searched <= SEARCHED, 0.0, iter(BASELINE_COLOURS * 2)
    for number, one in enumerate(found["rankings"]):
        curve = np.array(one["curve"])[shown]
        highest = max(highest, float(curve.max(initial=0)))
        line: dict[str, Any] = {"color": ACCENT, "linewidth": 2.2, "zorder": 4}
        if one["role"] == "limit":
            line = {"color": INK, "linewidth": 1.0, "linestyle": (0, (1, 1.5))}
        elif one["name"] == CHANCE:
            line = {"color": MUTED, "linewidth": 1.0, "linestyle": "--"}
        elif number:
            line = {"color": next(colours), "linewidth": 1.2}
        axes.plot(searched[shown], curve, label=one["name"], **line)
    tidy(axes, "Success rate", "share of the ground searched, the best first", "hidden places found", grid="both")
    axes.set(xlim=(0, SEARCHED), ylim=(0, min(1.0, highest * 1.08) or 1.0))
    _percent(axes)


def _prediction_area(axes: Axes, found: Mapping[str, Any]) -> None:
    """The prospects over all of the ground: what is found rises, the ground that is left falls; where they cross."""
    searched, model = np.array(found["searched"]), found["rankings"][0]
    axes.plot(searched, model["curve"], color=ACCENT, linewidth=2, label="hidden places found")
    axes.plot(searched, 1 - searched, color=PLAIN, linewidth=1.4, label="ground not searched")
    rate = model["prediction_rate"]
    axes.plot([1 - rate] * 2, [0, rate], color=HAIRLINE, linewidth=1, zorder=1)
    axes.plot(1 - rate, rate, "o", color=INK, markersize=4, zorder=5)
    axes.annotate(
        f"{rate:.0%} in {1 - rate:.0%} of the ground", (1 - rate, rate), (7, -10), textcoords="offset points",
        fontsize=SMALL, color=INK,
    )  # fmt: skip
    tidy(axes, "Prediction and area", "share of the ground searched, the best first", "", grid="both")
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    _percent(axes)
    legend(axes)


def _percent(axes: Axes) -> None:
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
