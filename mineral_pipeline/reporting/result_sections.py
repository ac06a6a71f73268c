"""The sections on results, prospects, the study and how it all was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd

from mineral_pipeline.reporting import maps, scores
from mineral_pipeline.reporting.formatting import NONE, THIN, duration, flatten, interval, position, score
from mineral_pipeline.reporting.page import Cell, FigureItem, Section, Table
from mineral_pipeline.reporting.report_data import Evaluation, ReportData

TITLES = {"presence": "Is there a deposit?", "richness": "How rich is it?"}
QUESTIONS = {
    "presence": "Each network gives the probability that a chip holds a known deposit.",
    "richness": "Each network gives the richness of a chip, from 0 to 1.",
}
GRID_CAPTION = (
    "Left, the architectures by the size of their two parts on the test side (darker is better; means over seeds)."
    " Right, every model and its 95 % interval from resampled places; below the line, the baselines."
)
BEST_CAPTIONS = {
    "presence": "Left, how many deposits are found at the price of how many false alarms. Right, whether probabilities"
    " mean what they say: points on the diagonal do. Bars are standard errors.",
    "richness": "Left, every chip of the test side; a perfect model lies on the diagonal. Right, its absolute errors"
    " beside those of the best constant.",
}
METRICS = {
    "f1": "F1",
    "auc": "area under the ROC",
    "brier": "Brier score",
    "calibration": "calibration error",
    "cross_entropy": "cross-entropy",
    "mae": "mean absolute error",
    "mse": "mean squared error",
    "rmse": "root mean squared error",
    "r2": "R²",
}

STUDY = (
    ("presence", "accuracy", "accuracy", f"73{THIN}%"),
    ("presence", "accuracy", "accuracy of random labels", f"50{THIN}%"),
    ("presence", "f1", "F1", "0.75"),
    ("presence", "precision", "precision", "0.82"),
    ("presence", "recall", "recall", "0.69"),
    ("richness", "mae", "mean absolute error", "0.117"),
    ("richness", "mae", "mean absolute error of random labels", "0.127"),
)
"""Task, metric, what it is called, and the value that the published study reports."""

SHOWN = 20
"""Prospects listed before the fold."""


def results_section(task: str, evaluation: Evaluation | None) -> Section:
    """The grid against its baselines, and what the best model gets right."""
    title, anchor = TITLES[task], task
    if evaluation is None:
        return Section(anchor, title, missing="the job evaluate")
    models, best = evaluation.models, evaluation.best
    metric = scores.PRIMARY_METRIC[task]
    found = best["metrics"][metric]
    text = f"{QUESTIONS[task]} The best by the validation side, {best['name']}, reaches {score(metric, found['value'])}"
    text += f" ({interval(metric, found)}) on the test side"
    text += (
        f"; networks trained on random labels reach {mean(evaluation.random_labels, metric)}."
        if evaluation.random_labels
        else "."
    )
    grid = FigureItem(
        f"grid-{task}",
        scores.grid_figure(task, models, best["name"]),
        GRID_CAPTION,
        f"Heat map of architectures, and dot plot of {len(models)} models; best is {best['name']}.",
    )
    curves = scores.curves_figure if task == "presence" else scores.agreement_figure
    alt = {"presence": "ROC curves and calibration", "richness": "Predicted against true richness, and errors,"}
    figure = FigureItem(
        f"best-{task}",
        curves(evaluation.predictions, best["name"]),
        BEST_CAPTIONS[task],
        f"{alt[task]} of the best model.",
    )
    return Section(anchor, title, [text], [grid, metrics_table(evaluation), figure])


def mean(models: Sequence[Mapping[str, Any]], metric: str) -> str:
    """Mean of a metric over models."""
    return score(metric, sum(model["metrics"][metric]["value"] for model in models) / len(models))


def metrics_table(evaluation: Evaluation) -> Table:
    """Every metric of the best model and of the baselines, with 95 % intervals."""
    kinds = [(label, [m for m in evaluation.models if m["kind"] == kind]) for kind, label in scores.KINDS.items()]
    columns = [(evaluation.best["name"], [evaluation.best]), *(column for column in kinds if column[1])]
    rows = [
        (METRICS.get(metric, metric.replace("_", " ")), *(_cell(members, metric) for _, members in columns))
        for metric in evaluation.best["metrics"]
    ]
    header = ("on the test side", *(label for label, _ in columns))
    return Table(header, rows, numeric=frozenset(range(1, len(header))))


def _cell(models: Sequence[Mapping[str, Any]], metric: str) -> Cell:
    found = [model["metrics"].get(metric) for model in models]
    if None in found or any(one["value"] is None for one in found):
        return NONE
    if len(models) > 1:
        return mean(models, metric), f"mean of {len(models)}"
    return score(metric, found[0]["value"]), interval(metric, found[0])


def prospects_section(artefacts: ReportData, land: gpd.GeoDataFrame | None, top: int) -> Section:
    """Places without a known deposit that look as if they had some."""
    title, anchor, prospects = "Where to look", "prospects", artefacts.prospects
    if prospects is None:
        return Section(anchor, title, missing="the job prospect")
    text = (
        f"{len(prospects):,} places over land have no known deposit on any date. An ensemble of networks, trained where"
        " deposits are known, predicts their richness; the uncertainty is the standard deviation between its members,"
        " which does not hold what they all get wrong alike. All of them lie in the workspace as GeoParquet, GeoJSON"
        " (which QGIS opens styled) and Cloud-Optimised GeoTIFF."
    )
    best = prospects.sort_values("rank").head(top)
    rows = [
        (
            f"{place.rank:,}",
            f"{place.location_id[:3]}/{place.location_id[3:]}",
            position(place.lon, place.lat),
            f"{place.richness:.3f} ± {place.uncertainty:.3f}",
            f"{place.distance_km:,.0f}{THIN}km",
        )
        for place in best.itertuples()
    ]
    header = ("rank", "path/row", "centre", "predicted richness", "nearest known deposit")
    plate = FigureItem(
        "prospects",
        maps.prospects_figure(prospects, land, top),
        f"Predicted richness of places without a known deposit; the first {len(best):,} are outlined, the first"
        f" {min(len(best), maps.NUMBERED)} carry their rank.",
        f"Map of {len(prospects):,} places coloured by predicted richness.",
    )
    return Section(anchor, title, [text], [plate, Table(header, rows, numeric=frozenset({0, 3, 4}), shown=SHOWN)])


def study_section(evaluations: Mapping[str, Evaluation], simulated: bool) -> Section:
    """The published study's numbers beside ours."""
    title, anchor = "Beside the study", "study"
    if not evaluations:
        return Section(anchor, title, missing="the job evaluate")
    rows = [
        (f"{task}: {called}", theirs, _ours(evaluations[task], metric, called))
        for task, metric, called, theirs in STUDY
        if task in evaluations
    ]
    text = (
        "The study that this pipeline reproduces, Detection of Mineral Deposits in NASA Landsat Images Using"
        " Convolutional Neural Networks, split its images by location bucket, so that most of its test places overlap"
        " training places, and reports validation scores without intervals. Ours are of a test side looked at once."
    )
    caveat = ["These scenes are simulated: the two columns describe different planets."] if simulated else []
    header = ("", "the study", "here, with 95 % interval")
    return Section(anchor, title, [text, *caveat], [Table(header, rows, numeric=frozenset({1, 2}))])


def _ours(evaluation: Evaluation, metric: str, called: str) -> Cell:
    if called.endswith("random labels"):
        return _cell(evaluation.random_labels, metric) if evaluation.random_labels else NONE
    return _cell([evaluation.best], metric)


def provenance_section(artefacts: ReportData) -> Section:
    """Jobs, durations, settings and versions."""
    title, anchor, runs = "How this was made", "provenance", list(artefacts.runs.values())
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
