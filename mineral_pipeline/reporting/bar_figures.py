"""Figure of the differences between the networks and every baseline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from mineral_pipeline.reporting.formatting import difference_name, signed
from mineral_pipeline.reporting.report_data import Evaluation, Model
from mineral_pipeline.reporting.style import ACCENT, INK, MUTED, PLAIN, new_figure, tidy


def differences_figure(evaluation: Evaluation) -> Figure:
    """Draw, for every baseline, the best network minus it with its 95 % interval, and the other networks as points."""
    baselines = evaluation.ranked_baselines
    names = [str(model["name"]) for models in baselines.values() for model in models]
    metric, best = evaluation.metric, evaluation.best["name"]
    figure = new_figure(0.3 * len(names) + 1.1)
    axes = figure.subplots()
    axes.axvline(0, color=INK, linewidth=0.8)
    for height, name in enumerate(reversed(names)):
        for network in evaluation.networks:
            found = evaluation.difference(network["name"], name)
            if found is None or found["value"] is None:
                continue
            if network["name"] != best:
                axes.plot(found["value"], height, "o", color=PLAIN, markersize=3, alpha=0.35, markeredgewidth=0)
                continue
            axes.plot(found["value"], height, "o", color=ACCENT, markersize=5, zorder=3)
            ends = np.array([found["low"], found["high"]], dtype=float)  # nan where there is no interval
            axes.plot(ends, [height] * 2, color=ACCENT, linewidth=1.5, zorder=3)
    title = "" if evaluation.is_constant else f"{best} minus each baseline"
    tidy(axes, title, difference_name(metric), grid="x")
    axes.set_yticks(range(len(names)), [label for models in baselines.items() for label in _labels(*models)][::-1])
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.tick_params(axis="y", colors=INK)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(lambda value, _: signed(metric, value))
    axes.xaxis.label.set_color(MUTED)
    return figure


def _labels(label: str, models: Sequence[Model]) -> list[str]:
    """Labels of the models of a kind, numbered where there are several."""
    return [f"{label} {number}" if len(models) > 1 else label for number in range(1, len(models) + 1)]
