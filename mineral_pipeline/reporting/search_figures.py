"""Figure of a search: the score of every candidate against each hyperparameter that was searched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mineral_pipeline.learning import higher_is_better
from mineral_pipeline.reporting.formatting import metric_name
from mineral_pipeline.reporting.style import ACCENT, INK, PLAIN, SMALL, new_figure, tidy

NOT_SEARCHED = frozenset({"name", "reason", "score", "loss", "epochs", "seconds", "collapsed"})
"""Columns of a search that are no hyperparameters."""

PER_ROW = 4
"""Panels beside each other."""

DECADES = 1.5
"""Ranges of more powers of ten than this have a logarithmic axis."""


def searched(table: pd.DataFrame) -> list[str]:
    """The hyperparameters in which the candidates of a search differ."""
    return [name for name in table.columns if name not in NOT_SEARCHED and table[name].astype(str).nunique() > 1]


def best_candidate(table: pd.DataFrame, metric: str) -> str:
    """Name of the candidate with the best score on validation, of those that were trained and have not collapsed."""
    left = table[table["score"].notna() & (table["collapsed"] != True)]  # noqa: E712  # a failed one has neither
    if left.empty:
        return ""
    best = left["score"].argmax() if higher_is_better(metric) else left["score"].argmin()
    return str(left["name"].iloc[best])


def search_figure(table: pd.DataFrame, metric: str) -> Figure:
    """Draw a panel for each hyperparameter that was searched; the grid's own point and the best stand out.

    Args:
        table: candidates as `mineral_pipeline.modelling.search.search` returns them, the grid's own point first.
        metric: name of the metric that ``score`` holds.
    """
    names = searched(table)
    rows = -(-len(names) // PER_ROW)
    figure = new_figure(1.75 * rows + 0.5)
    panels = np.atleast_1d(figure.subplots(rows, PER_ROW, sharey=True, squeeze=False)).ravel()
    best = best_candidate(table, metric)
    for number, (axes, name) in enumerate(zip(panels, names, strict=False)):
        draw_panel(axes, table, name, best)
        tidy(axes, "", name.replace("_", " "), metric_name(metric) if number % PER_ROW == 0 else "", grid="y")
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    figure.legend(
        handles=panels[0].lines, loc="outside lower center", ncols=3, frameon=False, fontsize=SMALL, labelcolor=INK
    )
    return figure


def draw_panel(axes: Axes, table: pd.DataFrame, name: str, best: str) -> None:
    """The scores of the candidates against one hyperparameter."""
    place = positions(axes, table[name])
    kinds: dict[str, tuple[Any, dict[str, Any]]] = {
        "a candidate": (~table["name"].isin([best, table["name"].iloc[0]]), {"color": PLAIN, "alpha": 0.6}),
        "the grid's own point": (table.index == table.index[0], {"color": "none", "markeredgecolor": INK}),
        "the best": (table["name"] == best, {"color": ACCENT, "markersize": 5, "zorder": 3}),
    }
    for label, (rows, how) in kinds.items():
        style: dict[str, Any] = {"markersize": 4.5, "markeredgewidth": 0.9, "markeredgecolor": "none"} | how
        axes.plot(place[rows], table["score"][rows], "o", label=label, **style)


def positions(axes: Axes, values: pd.Series) -> np.ndarray:
    """Where the values of a hyperparameter lie on the axis of a panel: numbers as they are, others side by side."""
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        numbers = values.to_numpy(np.float64)
        if numbers.min() > 0 and np.log10(numbers.max() / numbers.min()) > DECADES:
            axes.set_xscale("log")
        else:
            axes.xaxis.set_major_locator(MaxNLocator(3, integer=pd.api.types.is_integer_dtype(values)))
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:.2g}")
        return numbers
    names: Sequence[str] = sorted(values.astype(str).unique())
    axes.set_xticks(range(len(names)), names)
    axes.set_xlim(-0.5, len(names) - 0.5)
    return values.astype(str).map({name: number for number, name in enumerate(names)}).to_numpy(np.float64)
