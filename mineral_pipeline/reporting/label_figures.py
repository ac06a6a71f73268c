"""Figures of the labels: distribution of deposits and richness, and chips by commodity."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from mineral_pipeline.reporting.style import ACCENT, MUTED, PLAIN, SMALL, new_figure, tidy


def distribution_figure(labels: pd.DataFrame) -> Figure:
    """Draw histograms of deposits per chip and of the richness ln(n + 1) / max ln(N + 1) that the regression learns.

    Args:
        labels: ``n_deposits`` and ``richness``, one row per chip.
    """
    figure = new_figure(2.9)
    left, right = figure.subplots(1, 2)
    counts = labels["n_deposits"].to_numpy()
    positive = counts > 0
    edges = _edges(int(counts.max(initial=1)))
    left.hist(counts[positive], bins=edges, color=ACCENT)
    left.set_xscale("log")
    left.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    left.xaxis.set_minor_formatter(NullFormatter())
    tidy(left, "known deposits in a chip", "deposits (logarithmic)", "chips", grid="y")
    left.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    bins = np.linspace(0, 1, 26)
    right.hist(labels["richness"][positive], bins=bins, color=ACCENT)
    tidy(right, "richness of chips with deposits", "richness", "chips", grid="y")
    right.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    text = f"not drawn: {int((~positive).sum()):,} chips\nwithout a known deposit"
    right.text(0.98, 0.96, text, transform=right.transAxes, ha="right", va="top", fontsize=SMALL, color=MUTED)
    return figure


def _edges(largest: int) -> np.ndarray:
    """Edges of bins of whole numbers of deposits, even on a logarithmic axis."""
    return np.unique(np.round(np.geomspace(1, largest + 1, 22))) - 0.5


def commodities_figure(labels: pd.DataFrame) -> Figure:
    """Draw bars of the chips that hold a deposit of each commodity.

    Args:
        labels: one ``n_<commodity>`` column per commodity.
    """
    columns = commodity_columns(labels)
    chips = pd.Series({name[2:].replace("_", " "): int((labels[name] > 0).sum()) for name in columns}).sort_values()
    figure = new_figure(0.22 * len(chips) + 0.75)
    axes = tidy(figure.add_subplot(), "chips that hold a deposit of", grid="x")
    bars = axes.barh(chips.index, chips, color=PLAIN, height=0.66)
    axes.bar_label(bars, [f"{value:,}" for value in chips], padding=3, fontsize=SMALL, color=MUTED)
    axes.spines["left"].set_visible(False)
    return figure


def commodity_columns(labels: pd.DataFrame) -> list[str]:
    """Columns that count one commodity each."""
    counts = [name for name in labels.columns if name.startswith("n_") and name != "n_deposits"]
    return [name for name in counts if not name.startswith("n_group_")]
