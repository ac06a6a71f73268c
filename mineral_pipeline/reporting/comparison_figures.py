"""Figure of all models of a task: the grid of architectures, and every model against the baselines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, get_args

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from mineral_pipeline.learning import higher_is_better
from mineral_pipeline.reporting.formatting import THIN, metric_name, score
from mineral_pipeline.reporting.report_data import Evaluation, Model
from mineral_pipeline.reporting.style import (
    ACCENT,
    HAIRLINE,
    INK,
    MUTED,
    PLAIN,
    RICHNESS,
    new_figure,
    scale_limits,
    tidy,
)
from mineral_pipeline.settings import Size

SIZES = get_args(Size)


class Row(NamedTuple):
    """A row of the dot plot."""

    label: str
    """Name of a network, or label of a kind of baseline."""
    models: Sequence[Model]
    """One network, or all baselines of the kind."""
    is_baseline: bool
    """True for a kind of baseline."""


def grid_figure(evaluation: Evaluation) -> Figure:
    """Draw the nine architectures as a 3 x 3 map, and every model with its 95 % interval against the baselines."""
    rows = compare(evaluation, evaluation.metric)
    figure = new_figure(max(0.23 * len(rows) + 0.9, 3.0))
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.35))
    _heat_map(left, evaluation.models, evaluation.metric)
    _dot_plot(right, rows, evaluation)
    return figure


def compare(evaluation: Evaluation, metric: str) -> list[Row]:
    """Rows of the dot plot: the networks, best first by ``metric``, then one row per kind of baseline."""
    sign = -1 if higher_is_better(metric) else 1
    networks = sorted(evaluation.networks, key=lambda model: (sign * model["metrics"][metric]["value"], model["name"]))
    rows = [Row(_label(model), [model], is_baseline=False) for model in networks]
    return rows + [Row(label, models, is_baseline=True) for label, models in evaluation.baselines.items()]


def _label(model: Model) -> str:
    """Name of a network; one that has collapsed to a constant is told."""
    return f"{model['name']}, collapsed" if model.get("collapsed") else str(model["name"])


def architecture_means(models: Sequence[Model], metric: str) -> np.ndarray:
    """(3, 3) values by size of the convolutional (row) and dense (column) part, means over seeds; nan where absent."""
    means = np.full((3, 3), np.nan)
    for row, convolution in enumerate(SIZES):
        for column, dense in enumerate(SIZES):
            values = [
                model["metrics"][metric]["value"] for model in models
                if model["kind"] == "grid" and (model["convolution"], model["dense"]) == (convolution, dense)
            ]  # fmt: skip
            means[row, column] = np.mean(values) if values else np.nan
    return means


def _heat_map(axes: Axes, models: Sequence[Model], metric: str) -> None:
    means = architecture_means(models, metric)
    drawn = [model for model in models if model["kind"] == "grid"]
    shades = Normalize(*scale_limits(means, np.diff(_intervals(drawn, metric))))(means)
    shades = shades if higher_is_better(metric) else 1 - shades
    axes.imshow(shades, cmap=RICHNESS, vmin=0, vmax=1, aspect="equal")
    tidy(axes, metric_name(metric), "dense part", "convolutional part")
    axes.set_anchor("N")
    axes.set_xticks(range(3), SIZES)
    axes.set_yticks(range(3), SIZES)
    axes.spines[:].set_visible(False)
    for row, column in np.argwhere(np.isfinite(means)):
        colour = "white" if shades[row, column] > 0.6 else INK
        text = score(metric, means[row, column])
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)


def _intervals(models: Sequence[Model], metric: str) -> np.ndarray:
    """(model, 2) ends of the 95 % intervals; nan where a metric has none."""
    found = [model["metrics"][metric] for model in models]
    return np.array([(one["low"], one["high"]) for one in found], float).reshape(-1, 2)


def _dot_plot(axes: Axes, rows: Sequence[Row], evaluation: Evaluation) -> None:
    metric, best = evaluation.metric, evaluation.best["name"]
    for height, (label, models, is_baseline) in enumerate(reversed(rows)):
        colour = MUTED if is_baseline else ACCENT if label == best else PLAIN
        offsets = np.linspace(-0.22, 0.22, len(models)) if len(models) > 1 else np.zeros(1)
        for offset, model in zip(offsets, models, strict=True):
            found = model["metrics"][metric]
            axes.plot([found["low"], found["high"]], [height + offset] * 2, color=colour, linewidth=1.3, alpha=0.55)
            axes.plot(found["value"], height + offset, "o", color=colour, markersize=4.5)
    intervals, values = _intervals(evaluation.models, metric), axes.dataLim.intervalx
    axes.update_datalim([(limit, 0) for limit in scale_limits(values, np.diff(intervals))])  # as wide as a colour scale
    axes.autoscale_view()
    tidy(axes, f"with 95 % intervals{evaluation.over}", metric_name(metric), grid="x")
    axes.set_yticks(range(len(rows)), [row.label for row in reversed(rows)])
    axes.tick_params(axis="y", colors=INK)
    axes.spines["left"].set_visible(False)
    baselines = sum(row.is_baseline for row in rows)
    if 0 < baselines < len(rows):
        axes.axhline(baselines - 0.5, color=HAIRLINE, linewidth=1.0)
    if metric == "accuracy":
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g}{THIN}%")
