"""Figures of the best model's predictions beside the baselines': ROC and calibration, true richness and errors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from sklearn.metrics import roc_auc_score, roc_curve

from mineral_pipeline.reporting.report_data import Evaluation
from mineral_pipeline.reporting.style import (
    ACCENT,
    BASELINE_COLOURS,
    HAIRLINE,
    INK,
    MUTED,
    SMALL,
    legend,
    new_figure,
    tidy,
)

RELIABILITY_BINS = 8
"""Bins of the reliability diagram, of equally many chips."""


def curves_figure(evaluation: Evaluation) -> Figure:
    """Draw the ROC of the best model against the baselines, and its reliability diagram."""
    figure, best = new_figure(4.2), evaluation.best["name"]
    left, right = figure.subplots(1, 2)
    random = [_predictions(evaluation, model["name"]) for model in evaluation.random_labels]
    for found in random:
        _roc(left, found, MUTED, 0.8)
    for label, found, colour in _baseline_predictions(evaluation):
        if found["prediction"].nunique() > 1:  # the curve of a constant is the diagonal
            _roc(left, found, colour, 1.8, label)
    _roc(left, _predictions(evaluation, best), ACCENT, 1.8, best)
    if random:
        left.plot([], [], color=MUTED, linewidth=0.8, label=evaluation.random_labels[0]["label"])
    left.plot([0, 1], [0, 1], color=HAIRLINE, linewidth=1, zorder=0)
    tidy(left, "receiver operating characteristic", "false positive rate", "true positive rate", grid="both")
    left.set_aspect("equal")
    # curves may be anywhere in the panel
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=SMALL, labelcolor=INK)
    _reliability_diagram(right, _predictions(evaluation, best))
    return figure


def agreement_figure(evaluation: Evaluation) -> Figure:
    """Draw predicted against true richness for the best model, and its absolute errors against the baselines'."""
    best = evaluation.best["name"]
    found = _predictions(evaluation, best)
    label, prediction = found["label"].to_numpy(), found["prediction"].to_numpy()
    figure = new_figure(3.3)
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color=HAIRLINE, linewidth=1, zorder=0)
    left.scatter(label, prediction, s=12, color=ACCENT, alpha=0.45, linewidths=0)
    tidy(left, f"{best}", "true richness", "predicted richness", grid="both")
    edge = float(max(label.max(), prediction.max())) * 1.05
    left.set(xlim=(0, edge), ylim=(0, edge), aspect="equal")
    errors = np.abs(label - prediction)
    bins = np.linspace(0, max(float(errors.max()), 0.01), 21)
    for name, other, colour in _baseline_predictions(evaluation):
        theirs = (other["label"] - other["prediction"]).abs()
        text = f"{name}, mean {theirs.mean():.3f}"
        right.hist(theirs, bins=bins, color=colour, histtype="step", linewidth=1.4, label=text)
    right.hist(errors, bins=bins, color=ACCENT, alpha=0.75, label=f"{best}, mean {errors.mean():.3f}")
    tidy(right, "absolute errors", "absolute error", "chips", grid="y")
    right.set_ylim(top=1.25 * right.get_ylim()[1])
    right.xaxis.set_major_locator(MaxNLocator(5))
    legend(right)
    return figure


def _predictions(evaluation: Evaluation, name: str) -> pd.DataFrame:
    """Label and prediction of every test chip by one model."""
    return evaluation.predictions[evaluation.predictions["name"] == name]


def _baseline_predictions(evaluation: Evaluation) -> Iterator[tuple[str, pd.DataFrame, str]]:
    """Label, predictions and colour of the first model of every kind of baseline but random labels."""
    for number, (label, models) in enumerate(evaluation.other_baselines.items()):
        colour = BASELINE_COLOURS[number % len(BASELINE_COLOURS)]
        yield label, _predictions(evaluation, models[0]["name"]), colour


def _roc(axes: Axes, found: pd.DataFrame, colour: str, width: float, name: str = "") -> None:
    """Draw one ROC, in the legend with its area when it has a name; nothing when there is only one class."""
    if found["label"].nunique() == 2:
        false, true, _ = roc_curve(found["label"], found["prediction"])
        text = f"{name}, area {roc_auc_score(found['label'], found['prediction']):.2f}" if name else None
        axes.plot(false, true, color=colour, linewidth=width, label=text)


def calibration_bins(label: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean prediction, fraction of positives and number of chips in bins of equally many chips.

    Args:
        label: (n,) 0 or 1.
        prediction: (n,) probabilities.

    Returns:
        Three arrays of length `RELIABILITY_BINS` or, for fewer chips, n.
    """
    parts = np.array_split(np.argsort(prediction, kind="stable"), min(RELIABILITY_BINS, len(prediction)))
    means = np.array([prediction[part].mean() for part in parts])
    fractions = np.array([label[part].mean() for part in parts])
    return means, fractions, np.array([len(part) for part in parts])


def _reliability_diagram(axes: Axes, found: pd.DataFrame) -> None:
    means, fractions, counts = calibration_bins(found["label"].to_numpy(), found["prediction"].to_numpy())
    axes.plot([0, 1], [0, 1], color=HAIRLINE, linewidth=1, zorder=0)
    # The binomial standard error shows how few chips each point is made of.
    errors = np.sqrt(np.maximum(fractions * (1 - fractions), 0.25 / counts) / counts)
    axes.errorbar(means, fractions, errors, fmt="o", color=ACCENT, ecolor=ACCENT, markersize=4.5, elinewidth=1.0)
    tidy(axes, "calibration", "predicted probability", "share that holds a deposit", grid="both")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
