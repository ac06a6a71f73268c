"""The sections on results, prospects, the study and provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd

from mineral_pipeline.learning import Task
from mineral_pipeline.reporting import maps
from mineral_pipeline.reporting.bar_sections import added_text, bar_items
from mineral_pipeline.reporting.comparison_figures import grid_figure
from mineral_pipeline.reporting.fold_table import fold_table
from mineral_pipeline.reporting.formatting import (
    THIN,
    UNDEFINED,
    duration,
    flatten,
    interval,
    location,
    metric_name,
    position,
    score,
)
from mineral_pipeline.reporting.outcome_text import interval_text, metric_cell, outcome_text
from mineral_pipeline.reporting.page import Cell, FigureItem, Section, Table
from mineral_pipeline.reporting.prediction_figures import agreement_figure, curves_figure
from mineral_pipeline.reporting.report_data import Evaluation, Model, ReportData

RICHNESS: Task = "richness"
"""Task of the ensemble that makes the prospects."""

TITLES: dict[Task, str] = {"presence": "Is there a deposit?", "richness": "How rich is it?"}
QUESTIONS: dict[Task, str] = {
    "presence": "Each network gives the probability that a chip holds a known deposit.",
    "richness": "Each network gives the richness of a chip, from 0 to 1.",
}
GRID_CAPTION = (
    "Left, the architectures by the size of their two parts on the test subset (darker is better; means over seeds);"
    " the colours span at least the width of a 95 % interval, so that chance makes no contrast. Right, every model and"
    " its 95 % interval{over}; below the line, the baselines."
)
BEST_CAPTIONS: dict[Task, str] = {
    "presence": "Left, how many deposits are found at the price of how many false alarms. Right, whether probabilities"
    " mean what they say: points on the diagonal do. Bars are standard errors that take chips for independent.",
    "richness": "Left, every chip of the test subset; a perfect model lies on the diagonal. Right, its absolute errors"
    " beside those of the baselines.",
}
EVERY_NETWORK_COLLAPSED = "Every network has collapsed to a constant"

STUDY = (
    ("presence", "accuracy", "accuracy", f"73{THIN}%"),
    ("presence", "accuracy", "accuracy of random labels", f"50{THIN}%"),
    ("presence", "f1", "F1", "0.75"),
    ("presence", "precision", "precision", "0.82"),
    ("presence", "recall", "recall", "0.69"),
    ("richness", "mae", "mean absolute error", "0.117"),
    ("richness", "mae", "mean absolute error of random labels", "0.127"),
)
"""Task, metric, its name, and the value that the published study reports."""

STUDY_RANDOM = "random labels"
"""End of the names that belong to networks trained on permuted labels."""

TABLE_PROSPECTS = 20
"""Prospects listed before the fold."""


@dataclass(frozen=True)
class Truth:
    """What is true of the prospects of a simulated planet."""

    verdict: str
    """How many of the first hold undiscovered deposits, in words."""
    undiscovered: Mapping[str, int]
    """Number of undiscovered deposits by location."""


def results_section(task: Task, evaluation: Evaluation | None, out_of_fold: Evaluation | None = None) -> Section:
    """The grid against its baselines, what all reach out of fold, and the predictions of the best model."""
    title, anchor = TITLES[task], task
    if evaluation is None:
        return Section(anchor, title, missing="the job evaluate")
    best = evaluation.best
    grid = FigureItem(
        f"grid-{task}",
        grid_figure(evaluation),
        GRID_CAPTION.format(over=evaluation.over),
        f"Heat map of architectures, and dot plot of {len(evaluation.models)} models; best is {best['name']}.",
    )
    draw = curves_figure if task == "presence" else agreement_figure
    alt = {"presence": "ROC curves and calibration", "richness": "Predicted against true richness, and errors,"}
    figure = FigureItem(f"best-{task}", draw(evaluation), BEST_CAPTIONS[task], f"{alt[task]} of the best model.")
    collapsed = [collapsed_table(evaluation)] if evaluation.collapsed else []
    text = [
        QUESTIONS[task] + " " + outcome_text(evaluation),
        *added_text(evaluation),
        *attainable_text(evaluation),
        interval_text(evaluation),
    ]
    folds = [fold_table(evaluation, out_of_fold)] if out_of_fold else []
    items = [grid, *collapsed, *bar_items(task, evaluation), metrics_table(evaluation), *folds, figure]
    return Section(anchor, title, text, items)


def attainable_text(evaluation: Evaluation) -> list[str]:
    """What can be attained on a simulated planet, and how much of it the best model has."""
    found = evaluation.metrics.get("attainable")
    if not found:
        return []
    metric, part = found["metric"], found["part"].replace("%", f"{THIN}%")
    reached = {name: score(metric, values[metric]) for name, values in found["scores"].items()}
    share = part and f" {evaluation.best['name']} has {part} of what lies between chance and it."
    return [
        f"What can be attained on this simulated planet: boosted trees that see the true patches of altered rock, and"
        f" learn from the same places, reach {metric_name(metric)} {reached['attainable']}.{share} Who knows how"
        f" the planet was made, its patches and its geography, reaches {reached['bayes']}."
    ]


def collapsed_table(evaluation: Evaluation) -> Table:
    """The networks that predict nearly the same for every chip, and how each was trained."""
    rows = [
        (
            str(model["name"]),
            ", ".join(f"seed {one['seed']} at {one['learning_rate']:g}" for one in model.get("attempts", [])),
        )
        for model in evaluation.collapsed
    ]
    header = ("collapsed to a constant, never chosen", "trained with learning rates")
    return Table(header, rows, "Networks whose validation predictions vary by less than 2 % of the labels.")


def metrics_table(evaluation: Evaluation) -> Table:
    """Every metric of the best model, of the best baseline and of random labels, with 95 % intervals.

    Of evaluations of earlier versions, which do not tell the best baseline, all baselines are shown.
    """
    best = [] if evaluation.is_constant else [(evaluation.best["name"], [evaluation.best])]
    baselines = list(evaluation.baselines.items())
    if evaluation.bar:  # the others stand in a table of their own
        baselines = [
            (label, models) for label, models in baselines
            if models == evaluation.random_labels or evaluation.bar["best"] in (model["name"] for model in models)
        ]  # fmt: skip
    columns = [*best, *baselines]
    rows: list[tuple[Cell, ...]] = []
    for metric, found in evaluation.best["metrics"].items():
        rows.append((metric_name(metric), *(metric_cell(evaluation, models, metric) for _, models in columns)))
        if "perfect" in found:
            rows.append(("… of perfect calibration", *(_perfect(models, metric) for _, models in columns)))
    header = ("on the test subset", *(label + _number(models) for label, models in columns))
    return Table(header, rows, numeric=frozenset(range(1, len(header))))


def _number(models: Sequence[Model]) -> str:
    return f", mean of {len(models)}" if len(models) > 1 else ""


def _perfect(models: Sequence[Model], metric: str) -> Cell:
    """What models with the same predictions would show if their probabilities were right; the mean over models."""
    found = [model["metrics"].get(metric, {}).get("perfect") for model in models]
    return UNDEFINED if None in found else score(metric, sum(found) / len(found))


def prospects_section(data: ReportData, land: gpd.GeoDataFrame | None, top: int, truth: Truth | None = None) -> Section:
    """The prospects: a map of all, and a table of the first ``top``, beside what is true of them."""
    title, anchor, prospects = "Where to look", "prospects", data.prospects
    reasons = data.runs.get("prospect", {}).get("counts", {}).get("reasons", {})
    left_out = "; ".join(f"{count:,} {reason}" for reason, count in reasons.items())
    if prospects is None and reasons:
        return Section(anchor, title, [f"No location is ranked. Locations left out: {left_out}."])
    if prospects is None:
        return Section(anchor, title, missing="the job prospect")
    text = (
        f"{len(prospects):,} locations over land have no known deposit on any date. An ensemble of networks, trained"
        " where deposits are known, predicts their richness; the uncertainty is the standard deviation between its"
        " members, which does not hold what they all get wrong alike. All of them lie in the workspace as GeoParquet,"
        " GeoJSON (which QGIS opens styled) and Cloud-Optimised GeoTIFF."
        + (f" Locations left out: {left_out}." if left_out else "")
    )
    best = prospects.sort_values("rank").head(top)
    rows = [
        (
            f"{prospect.rank:,}",
            location(prospect.location_id),
            position(prospect.lon, prospect.lat),
            f"{prospect.richness:.3f} ± {prospect.uncertainty:.3f}",
            f"{prospect.distance_km:,.0f}{THIN}km",
            *([f"{truth.undiscovered[prospect.location_id]:,}"] if truth else []),
        )
        for prospect in best.itertuples()
    ]
    is_path_row = prospects["location_id"].map(location).str.contains("/").all()
    key = "path/row" if is_path_row else "location"
    true = ["undiscovered deposits, in truth"] if truth else []
    header = ("rank", key, "centre", "predicted richness", "nearest known deposit", *true)
    figure = FigureItem(
        "prospects",
        maps.prospects_figure(prospects, land, top),
        f"Predicted richness of locations without a known deposit; the first {len(best):,} are outlined, the first"
        f" {min(len(best), maps.NUMBERED)} carry their rank. The colours span at least the width of a"
        " 95 % interval of the ensemble.",
        f"Map of {len(prospects):,} locations coloured by predicted richness.",
    )
    table = Table(header, rows, numeric=frozenset({0, 3, 4, 5}), shown=TABLE_PROSPECTS)
    told = [f"The truth of this simulated planet: {truth.verdict}."] if truth else []
    return Section(anchor, title, [text, *told, _ensemble_text(data)], [figure, table])


def _ensemble_text(data: ReportData) -> str:
    """What the ensemble that makes the prospects, and each of its members, reach out of fold or on the test subset."""
    out_of_fold = data.out_of_fold.get(RICHNESS)
    evaluation, where = (
        out_of_fold or data.evaluations.get(RICHNESS),
        "Out of fold" if out_of_fold else "On the test subset",
    )
    ensemble = evaluation and evaluation.ensemble
    if not evaluation or not ensemble:
        return "How good this ensemble is has not been evaluated: the job evaluate does so when prospect is in jobs."
    metric, found = evaluation.metric, ensemble["metrics"][evaluation.metric]
    members = ", ".join(
        f"{score(metric, model['metrics'][metric]['value'])} ({interval(metric, model['metrics'][metric])})"
        for model in evaluation.models
        if model["name"] in ensemble["members"]
    )
    return (
        f"{where} the {metric_name(metric)} of this ensemble is {score(metric, found['value'])}"
        f" ({interval(metric, found)}), that of its {len(ensemble['members'])} networks alone {members}."
    )


def study_section(evaluations: Mapping[str, Evaluation], simulated: bool) -> Section:
    """The published study's numbers beside those of this workspace."""
    title, anchor = "Beside the study", "study"
    if not evaluations:
        return Section(anchor, title, missing="the job evaluate")
    rows = [
        (f"{task}: {name}", reported, _reached(evaluations[task], metric, name))
        for task, metric, name, reported in STUDY
        if task in evaluations
    ]
    text = (
        "The study that this pipeline reproduces, Detection of Mineral Deposits in NASA Landsat Images Using"
        " Convolutional Neural Networks, split its images by location, so that most of its test locations overlap"
        " training locations, and reports validation scores without intervals. Ours are of a test subset looked at"
        " once."
    )
    caveat = ["These scenes are simulated: the two columns describe different planets."] if simulated else []
    header = ("", "the study", "here, with 95 % interval")
    return Section(anchor, title, [text, *caveat], [Table(header, rows, numeric=frozenset({1, 2}))])


def _reached(evaluation: Evaluation, metric: str, name: str) -> Cell:
    if name.endswith(STUDY_RANDOM):
        return metric_cell(evaluation, evaluation.random_labels, metric) if evaluation.random_labels else UNDEFINED
    return metric_cell(evaluation, [evaluation.best], metric)


def provenance_section(data: ReportData) -> Section:
    """Jobs, durations, settings and versions."""
    title, anchor, runs = "How this was made", "provenance", list(data.runs.values())
    if not runs:
        return Section(anchor, title, missing="any job that finishes")
    jobs = [_job_row(run) for run in runs]
    settings = dict.fromkeys(pair for run in runs for pair in flatten(run["settings"]))
    packages = [("python", runs[-1]["python"]), *sorted(runs[-1]["packages"].items())]
    header = ("job", "started (UTC)", "took", "planned", "done", "skipped", "failed")
    items = [
        Table(header, jobs, "The newest run of every job.", numeric=frozenset({2, 4, 5, 6})),
        Table(("setting", "value"), list(settings), "Settings that these runs read.", shown=10),
        Table(("package", "version"), packages, "Versions.", shown=5),
    ]
    return Section(anchor, title, [], items)


def _job_row(run: Mapping[str, Any]) -> tuple[str, ...]:
    counts, started = run["counts"], run["started"][:16].replace("T", " ")
    done = (f"{counts[name]:,}" for name in ("done", "skipped", "failed"))
    return run["job"], started, duration(run["seconds"]), f"{counts['planned']:,} {counts['unit']}", *done
