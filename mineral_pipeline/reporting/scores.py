"""Figures of results: the grid against its baselines, ROC and calibration, predicted against true richness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from sklearn.metrics import roc_auc_score, roc_curve

from mineral_pipeline.reporting.formatting import percent, score
from mineral_pipeline.reporting.style import (
    ACCENT,
    HAIRLINE,
    INK,
    MUTED,
    PLAIN,
    RICHNESS,
    THIRD,
    legend,
    new_figure,
    tidy,
)

SIZES = ("small", "medium", "big")
PRIMARY_METRIC = {"presence": "accuracy", "richness": "mae"}
NAMES = {"accuracy": "accuracy", "mae": "mean absolute error"}
SMALLER_IS_BETTER = frozenset({"mae", "mse", "loss"})
KINDS = {"random-labels": "random labels", "constant": "constant", "brightness": "brightness only"}
"""Kinds of baseline, as the figures call them, in their order."""

BINS = 8
"""Bins of the calibration, of equally many chips."""

Model = Mapping[str, Any]


def grid_figure(task: str, models: Sequence[Model], best: str) -> Figure:
    """The nine architectures as a 3 x 3 map, and every model with its 95 % interval against the baselines.

    Args:
        task: ``presence`` or ``richness``.
        models: of ``evaluation/<task>/metrics.json``.
        best: name of the best model.
    """
    rows = _rows(models, PRIMARY_METRIC[task])
    figure = new_figure(max(0.23 * len(rows) + 0.9, 3.0))
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.35))
    _heat_map(left, models, task)
    _dots(right, rows, task, best)
    return figure


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


def _heat_map(axes: Axes, models: Sequence[Model], task: str) -> None:
    metric = PRIMARY_METRIC[task]
    means = architecture_means(models, metric)
    goodness = -means if metric in SMALLER_IS_BETTER else means
    axes.imshow(goodness, cmap=RICHNESS, aspect="equal")
    tidy(axes, NAMES[metric], "dense part", "convolutional part")
    axes.set_anchor("N")
    axes.set_xticks(range(3), SIZES)
    axes.set_yticks(range(3), SIZES)
    axes.spines[:].set_visible(False)
    middle = np.nanmin(goodness) + 0.6 * np.ptp(goodness[np.isfinite(goodness)]) if np.isfinite(goodness).any() else 0.0
    for row, column in np.argwhere(np.isfinite(means)):
        colour = "white" if goodness[row, column] > middle else INK
        text = score(metric, means[row, column])
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)


def _rows(models: Sequence[Model], metric: str) -> list[tuple[str, list[Model]]]:
    """Label and models of each row: the trained ones, best first, then the baselines, one row per kind."""
    sign = 1 if metric in SMALLER_IS_BETTER else -1
    trained = [model for model in models if model["kind"] in ("grid", "tuned")]
    trained.sort(key=lambda model: (sign * model["metrics"][metric]["value"], model["name"]))
    rows = [(str(model["name"]), [model]) for model in trained]
    baselines = [(label, [model for model in models if model["kind"] == kind]) for kind, label in KINDS.items()]
    return rows + [(label, members) for label, members in baselines if members]


def _dots(axes: Axes, rows: list[tuple[str, list[Model]]], task: str, best: str) -> None:
    metric = PRIMARY_METRIC[task]
    for height, (label, members) in enumerate(reversed(rows)):
        colour = ACCENT if label == best else MUTED if label in KINDS.values() else PLAIN
        offsets = np.linspace(-0.22, 0.22, len(members)) if len(members) > 1 else np.zeros(1)
        for offset, model in zip(offsets, members, strict=True):
            found = model["metrics"][metric]
            axes.plot([found["low"], found["high"]], [height + offset] * 2, color=colour, linewidth=1.3, alpha=0.55)
            axes.plot(found["value"], height + offset, "o", color=colour, markersize=4.5)
    tidy(axes, "with 95 % intervals over places", NAMES[metric], grid="x")
    axes.set_yticks(range(len(rows)), [label for label, _ in reversed(rows)])
    axes.tick_params(axis="y", colors=INK)
    axes.spines["left"].set_visible(False)
    baselines = sum(label in KINDS.values() for label, _ in rows)
    if 0 < baselines < len(rows):
        axes.axhline(baselines - 0.5, color=HAIRLINE, linewidth=1.0)
    if metric == "accuracy":
        axes.xaxis.set_major_formatter(lambda value, _: percent(value, 0))


def curves_figure(predictions: pd.DataFrame, best: str) -> Figure:
    """ROC of the best model against the baselines, and how its probabilities match what was found.

    Args:
        predictions: ``name``, ``label``, ``prediction``, of the test side.
        best: name of the best model.
    """
    figure = new_figure(3.3)
    left, right = figure.subplots(1, 2)
    for name, found in predictions.groupby("name", sort=True):
        if str(name).startswith("random-labels"):
            _roc(left, found, MUTED, 0.8, None)
    for name, label, colour in (("brightness", "brightness only", THIRD), (best, best, ACCENT)):
        found = predictions[predictions["name"] == name]
        if found["label"].nunique() == 2:
            _roc(left, found, colour, 1.8, f"{label}, area {roc_auc_score(found['label'], found['prediction']):.2f}")
    if predictions["name"].astype(str).str.startswith("random-labels").any():
        left.plot([], [], color=MUTED, linewidth=0.8, label="random labels")
    left.plot([0, 1], [0, 1], color=HAIRLINE, linewidth=1, zorder=0)
    tidy(left, "receiver operating characteristic", "false positive rate", "true positive rate", grid="both")
    left.set_aspect("equal")
    legend(left)
    _calibration(right, predictions[predictions["name"] == best])
    return figure


def _roc(axes: Axes, found: pd.DataFrame, colour: str, width: float, label: str | None) -> None:
    if found["label"].nunique() == 2:
        false, true, _ = roc_curve(found["label"], found["prediction"])
        axes.plot(false, true, color=colour, linewidth=width, label=label)


def calibration_bins(label: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean prediction, share of positives and number of chips in bins of equally many chips.

    Args:
        label: (n,) 0 or 1.
        prediction: (n,) probabilities.

    Returns:
        Three arrays of length `BINS` or, for fewer chips, n.
    """
    parts = np.array_split(np.argsort(prediction, kind="stable"), min(BINS, len(prediction)))
    means = np.array([prediction[part].mean() for part in parts])
    shares = np.array([label[part].mean() for part in parts])
    return means, shares, np.array([len(part) for part in parts])


def _calibration(axes: Axes, found: pd.DataFrame) -> None:
    means, shares, counts = calibration_bins(found["label"].to_numpy(), found["prediction"].to_numpy())
    axes.plot([0, 1], [0, 1], color=HAIRLINE, linewidth=1, zorder=0)
    # The binomial standard error, to show how few chips each point stands on.
    errors = np.sqrt(np.maximum(shares * (1 - shares), 0.25 / counts) / counts)
    axes.errorbar(means, shares, errors, fmt="o", color=ACCENT, ecolor=ACCENT, markersize=4.5, elinewidth=1.0)
    tidy(axes, "calibration", "predicted probability", "share that holds a deposit", grid="both")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")


def agreement_figure(predictions: pd.DataFrame, best: str) -> Figure:
    """Predicted against true richness for the best model, and the spread of its errors against the median's.

    Args:
        predictions: ``name``, ``label``, ``prediction``, of the test side.
        best: name of the best model.
    """
    found = predictions[predictions["name"] == best]
    label, prediction = found["label"].to_numpy(), found["prediction"].to_numpy()
    figure = new_figure(3.3)
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color=HAIRLINE, linewidth=1, zorder=0)
    left.scatter(label, prediction, s=12, color=ACCENT, alpha=0.45, linewidths=0)
    tidy(left, f"{best}", "true richness", "predicted richness", grid="both")
    edge = float(max(label.max(), prediction.max())) * 1.05
    left.set(xlim=(0, edge), ylim=(0, edge), aspect="equal")
    constant = predictions[predictions["name"] == "constant"]
    bins = np.linspace(0, max(float(np.abs(label - prediction).max()), 0.01), 21)
    if len(constant):
        errors = (constant["label"] - constant["prediction"]).abs()
        right.hist(
            errors, bins=bins, color=PLAIN, histtype="step", linewidth=1.4, label=f"constant, mean {errors.mean():.3f}"
        )
    errors = np.abs(label - prediction)
    right.hist(errors, bins=bins, color=ACCENT, alpha=0.75, label=f"{best}, mean {errors.mean():.3f}")
    tidy(right, "absolute errors", "absolute error", "chips", grid="y")
    right.set_ylim(top=1.25 * right.get_ylim()[1])
    right.xaxis.set_major_locator(MaxNLocator(5))
    legend(right)
    return figure
