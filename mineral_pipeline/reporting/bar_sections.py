"""Tables on the bar: the best network beside every baseline, what pixels add to coordinates, scores by region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mineral_pipeline.learning import Kind, Task, kind_of
from mineral_pipeline.reporting.bar_figures import differences_figure
from mineral_pipeline.reporting.data_sections import REGIONS_SHOWN
from mineral_pipeline.reporting.formatting import (
    UNDEFINED,
    difference_name,
    metric_name,
    score,
    short_name,
    signed,
    signed_interval,
)
from mineral_pipeline.reporting.outcome_text import metric_cell
from mineral_pipeline.reporting.page import Cell, FigureItem, Table
from mineral_pipeline.reporting.report_data import Evaluation, Model

SHOWN: dict[Kind, tuple[str, ...]] = {"presence": ("accuracy", "auc"), "richness": ("mae", "r2")}
"""Metrics of the table, beside the primary and the local ones."""

LOCAL: dict[Kind, str] = {
    "presence": "A local score asks how many of the places without a deposit, within so many kilometres of one with a"
    " deposit, score lower than it ({pairs}): there geography helps least.",
    "richness": "Concordance is the share of pairs of places, at most so many kilometres apart, that are ordered alike"
    " ({pairs}): there geography helps least.",
}
BLIND = "sees no pixel"
REGION_COLUMNS = ("coordinates", "statistics")
"""Baselines that stand in the table by region, beside the best network and the best baseline."""


def bar_items(task: Task, evaluation: Evaluation) -> list[FigureItem | Table]:
    """All that compares the networks with the bar; nothing of it for evaluations of earlier versions."""
    items: list[FigureItem | Table] = []
    if evaluation.bar:
        items.append(bar_table(task, evaluation))
    if evaluation.bar and evaluation.bar["differences"]:
        better = "right" if evaluation.is_higher_better else "left"
        caption = (
            f"Networks minus each baseline, in {metric_name(evaluation.metric)}, on the same samples: {better} of the"
            f" line the network is better. The bars are paired 95 % intervals{evaluation.over} of the best network;"
            " the small points are all others."
        )
        alt = f"Differences between {len(evaluation.networks)} networks and every baseline."
        items.append(FigureItem(f"bar-{task}", differences_figure(evaluation), caption, alt))
    if evaluation.added:
        items.append(added_table(evaluation.added, evaluation))
    if evaluation.regions:
        items.append(regions_table(evaluation))
    return items


def bar_table(task: Task, evaluation: Evaluation) -> Table:
    """The best network and every baseline, best first, with the paired difference."""
    metric = evaluation.metric
    metrics = list(dict.fromkeys([metric, *SHOWN[kind_of(task)], *evaluation.pairs]))
    rows: list[tuple[Cell, ...]] = []
    best = {} if evaluation.is_constant else {str(evaluation.best["name"]): [evaluation.best]}
    for label, models in (best | evaluation.ranked_baselines).items():
        notes = [f"mean of {len(models)}"] * (len(models) > 1) + [BLIND] * (not models[0].get("pixels", True))
        name: Cell = (label, ", ".join(notes)) if notes else label
        scores = (metric_cell(evaluation, models, one) for one in metrics)
        rows.append((name, *scores, _difference(evaluation, models)))
    header = ("on the test subset", *map(short_name, metrics), "network − baseline")
    caption = f"The bar. The last column is a {difference_name(metric)}, paired, with 95 % intervals{evaluation.over}."
    if evaluation.pairs:
        pairs = "; ".join(f"{metric_name(name)}: {_count(found)}" for name, found in evaluation.pairs.items())
        caption += " " + LOCAL[kind_of(task)].format(pairs=pairs)
    return Table(header, rows, caption, numeric=frozenset(range(1, len(header))))


def _difference(evaluation: Evaluation, models: Sequence[Model]) -> Cell:
    """The best network minus the only baseline of a kind."""
    found = evaluation.difference(evaluation.best["name"], models[0]["name"]) if len(models) == 1 else None
    if found is None or found["value"] is None:
        return ""
    return signed(evaluation.metric, found["value"]), signed_interval(evaluation.metric, found)


def _count(found: Mapping[str, int]) -> str:
    places = f" of {found['positives']:,} places" if "positives" in found else ""
    return f"{found['pairs']:,} pairs{places}"


def added_text(evaluation: Evaluation) -> list[str]:
    """What the predictions add to coordinates, in one sentence; nothing when it was not computed."""
    if not evaluation.added:
        return []
    gains = []
    for one in evaluation.added:
        metric, found = next(iter(one["metrics"].items()))
        ends = signed_interval(metric, found["difference"])
        gain = signed(metric, found["difference"]["value"]) + (f" ({ends})" if ends else "")
        gains.append(f"with {one['model']} {score(metric, found['both'])}, a difference of {gain}")
    metric, found = next(iter(evaluation.added[0]["metrics"].items()))
    text = (
        f"What is known beyond geography: coordinates alone reach {short_name(metric)} {score(metric, found['alone'])}"
    )
    return [f"{text} out of fold; {'; '.join(gains)}."]


def added_table(added: Sequence[Mapping[str, Any]], evaluation: Evaluation) -> Table:
    """What predictions add to coordinates: a stack of both against coordinates alone."""
    rows = [
        (
            str(one["model"]),
            metric_name(metric),
            score(metric, found["alone"]),
            score(metric, found["both"]),
            (signed(metric, found["difference"]["value"]), signed_interval(metric, found["difference"])),
        )
        for one in added
        for metric, found in one["metrics"].items()
    ]
    caption = (
        "What predictions add to coordinates: boosted trees on the position alone, and on the position and a model's"
        f" prediction, out of fold ({added[0]['folds']} folds of {added[0]['samples']:,} samples); differences are"
        f" paired, with 95 % intervals{evaluation.over}."
    )
    header = ("added", "score", "coordinates alone", "both", "difference")
    return Table(header, rows, caption, numeric=frozenset({2, 3, 4}))


def regions_table(evaluation: Evaluation) -> Table:
    """Scores in each region, of the best network, the best baseline and `REGION_COLUMNS`."""
    best_baseline = [evaluation.bar["best"]] if evaluation.bar else []
    known = {name for row in evaluation.regions for name in row["metrics"]}
    names = dict.fromkeys([evaluation.best["name"], *best_baseline, *REGION_COLUMNS])
    shown, metric = [name for name in names if name in known], evaluation.metric
    other = "auc" if kind_of(evaluation.metrics["task"]) == "presence" and metric != "auc" else None
    rows = [
        (
            (row["region"] or "elsewhere", f"{row['samples']:,} samples, {row['positives']:,} positive"),
            *(_region_cell(row["metrics"].get(name, {}), metric, other) for name in shown),
        )
        for row in evaluation.regions
    ]
    below = f"; below it, {short_name(other)}" if other else ""
    caption = f"By region: {metric_name(metric)}{below}. A region has few blocks: there are no intervals."
    numeric = frozenset(range(1, len(shown) + 1))
    return Table(("region", *shown), rows, caption, numeric=numeric, shown=REGIONS_SHOWN)


def _region_cell(found: Mapping[str, float | None], metric: str, other: str | None) -> Cell:
    value = score(metric, found.get(metric))
    return value if other is None or value == UNDEFINED else (value, score(other, found.get(other)))
