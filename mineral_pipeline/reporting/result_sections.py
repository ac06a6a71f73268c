"""The sections on results, the study and provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mineral_pipeline.learning import Kind, Task, kind_of, of_subject, subject_of
from mineral_pipeline.reporting.bar_sections import added_text, bar_items
from mineral_pipeline.reporting.comparison_figures import grid_figure
from mineral_pipeline.reporting.fold_table import fold_table
from mineral_pipeline.reporting.formatting import (
    THIN,
    UNDEFINED,
    duration,
    flatten,
    metric_name,
    score,
)
from mineral_pipeline.reporting.outcome_text import interval_text, metric_cell, outcome_text
from mineral_pipeline.reporting.page import Cell, FigureItem, Section, Table
from mineral_pipeline.reporting.prediction_figures import agreement_figure, curves_figure
from mineral_pipeline.reporting.reliability_table import reliability_tables
from mineral_pipeline.reporting.report_data import Evaluation, Model, ReportData
from mineral_pipeline.workspace import artefacts

TITLES: dict[Kind, str] = {"presence": "Is there a deposit{of}?", "richness": "How rich is it{of}?"}
QUESTIONS: dict[Kind, str] = {
    "presence": "Each network gives the probability that a chip holds a known deposit{of}.",
    "richness": "Each network gives the richness of a chip{of}, from 0 to 1.",
}
GRID_CAPTION = (
    "Left, the architectures by the size of their two parts on the test subset (darker is better; means over seeds);"
    " the colours span at least the width of a 95 % interval, so that chance makes no contrast. Right, every model and"
    " its 95 % interval{over}; below the line, the baselines."
)
BEST_CAPTIONS: dict[Kind, str] = {
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


def results_section(task: Task, evaluation: Evaluation | None, out_of_fold: Evaluation | None = None) -> Section:
    """The grid against its baselines, what all reach out of fold, and the predictions of the best model."""
    kind, of, anchor = kind_of(task), of_subject(subject_of(task)), artefacts.file_name(task)
    title = TITLES[kind].format(of=of if kind == "presence" else of.replace(" of ", " in ", 1))
    if evaluation is None:
        return Section(anchor, title, missing="the job evaluate")
    best = evaluation.best
    grid = FigureItem(
        f"grid-{task}",
        grid_figure(evaluation),
        GRID_CAPTION.format(over=evaluation.over),
        f"Heat map of architectures, and dot plot of {len(evaluation.models)} models; best is {best['name']}.",
    )
    draw = curves_figure if kind == "presence" else agreement_figure
    alt = {"presence": "ROC curves and calibration", "richness": "Predicted against true richness, and errors,"}
    figure = FigureItem(f"best-{task}", draw(evaluation), BEST_CAPTIONS[kind], f"{alt[kind]} of the best model.")
    collapsed = [collapsed_table(evaluation)] if evaluation.collapsed else []
    text = [
        QUESTIONS[kind].format(of=of) + " " + outcome_text(evaluation),
        *added_text(evaluation),
        *attainable_text(evaluation),
        interval_text(evaluation),
    ]
    folds = [fold_table(evaluation, out_of_fold)] if out_of_fold else []
    items = [grid, *collapsed, *bar_items(task, evaluation), metrics_table(evaluation), *folds, figure]
    items += reliability_tables(out_of_fold or evaluation)
    return Section(anchor, title, text, items)


def attainable_text(evaluation: Evaluation) -> list[str]:
    """What can be attained on a simulated planet, and how much of it the best model has."""
    found = evaluation.metrics.get("attainable")
    if not found:
        return []
    metric, part = found["metric"], found["part"].replace("%", f"{THIN}%")
    reached = {name: score(metric, values[metric]) for name, values in found["scores"].items()}
    bayes = ""
    if "bayes" in reached:  # of a commodity the truth does not tell what to expect
        bayes = f" Who knows how the planet was made, its patches and its geography, reaches {reached['bayes']}."
    share = part and f" {evaluation.best['name']} has {part} of what lies between chance and it."
    return [
        f"What can be attained on this simulated planet: boosted trees that see the true patches of altered rock, and"
        f" learn from the same places, reach {metric_name(metric)} {reached['attainable']}.{share}{bayes}"
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


def study_section(evaluations: Mapping[str, Evaluation], simulated: bool) -> Section:
    """The published study's numbers beside those of this workspace."""
    title, anchor = "Beside the study", "study"
    if not any(task in evaluations for task, *_ in STUDY):
        about_all = " for the tasks about all deposits" if evaluations else ""
        return Section(anchor, title, missing=f"the job evaluate{about_all}")
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
