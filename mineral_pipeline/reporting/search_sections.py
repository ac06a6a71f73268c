"""The section on the search over hyperparameters: what was tried, and whether the winner is better on test."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from mineral_pipeline.learning import higher_is_better, task_title
from mineral_pipeline.reporting.formatting import UNDEFINED, metric_name, score, signed, signed_interval
from mineral_pipeline.reporting.page import FigureItem, Section, Table
from mineral_pipeline.reporting.report_data import Evaluation
from mineral_pipeline.reporting.search_figures import search_figure, searched

CAPTION = (
    "Every candidate for {task} by its {metric} on the validation subset, against each hyperparameter of the search."
    " All were searched at once: what lies above one value may be owed to another."
)
SHOWN = 5
"""Candidates that the table shows before it is opened."""


def search_section(searches: Mapping[str, pd.DataFrame], evaluations: Mapping[str, Evaluation]) -> Section:
    """The searches of all tasks that are evaluated: in words, as a figure and as a table."""
    title, anchor = "Did the search find better?", "search"
    shown = {task: table for task, table in searches.items() if task in evaluations}
    if not shown:
        return Section(anchor, title, missing="the job tune, before evaluate")
    text, items = list[str](), list[FigureItem | Table]()
    for task, table in shown.items():
        evaluation = evaluations[task]
        text.append(search_text(task, table, evaluation))
        if searched(table):
            caption = CAPTION.format(task=task_title(task), metric=metric_name(evaluation.metric))
            alt = f"Scores of {len(table)} candidates for {task_title(task)} against each hyperparameter."
            items.append(FigureItem(f"search-{task}", search_figure(table, evaluation.metric), caption, alt))
        items.append(candidates_table(task, table, evaluation.metric))
    return Section(anchor, title, text, items)


def search_text(task: str, table: pd.DataFrame, evaluation: Evaluation) -> str:
    """How many were tried, and the winner beside the best of the grid, on validation and on test."""
    failed, metric = int((table["reason"] != "").sum()), evaluation.metric
    tried = f"{task_title(task).capitalize()}: {len(table)} points were tried" + (
        f", of which {failed} failed." if failed else "."
    )
    found = evaluation.metrics.get("search")
    if not found:
        return f"{tried} No network of the grid and of the search is left to compare."
    grid, tuned, lead = found["grid"], found["tuned"], found["difference"][metric]
    validation = {name: score(metric, value) for name, value in found["validation"].items()}
    test = {
        one["name"]: score(metric, one["metrics"][metric]["value"])
        for one in evaluation.models
        if one["name"] in (grid, tuned)
    }
    ends = signed_interval(metric, lead)
    return (
        f"{tried} On the validation subset, by which it was chosen, the winner has {metric_name(metric)}"
        f" {validation[tuned]}, and {grid}, the best of the grid, {validation[grid]}. The best of many owes a part of"
        f" such a score to luck; on the test subset, which no search has seen, they have {test[tuned]} and"
        f" {test[grid]}: a difference of {signed(metric, lead['value'])}{f' ({ends})' if ends else ''}."
    )


def candidates_table(task: str, table: pd.DataFrame, metric: str) -> Table:
    """The candidates, the best on validation first, then those that failed."""
    names = searched(table)
    ordered = table.sort_values("score", ascending=not higher_is_better(metric), na_position="last", kind="stable")
    rows = [
        (
            str(row["name"]).removeprefix("candidate-")
            + (", the grid's own point" if number == table.index[0] else ""),
            score(metric, row["score"]) if row["reason"] == "" else str(row["reason"]),
            f"{row['epochs']:.0f}" if row["reason"] == "" else UNDEFINED,
            *(_value(row[name]) for name in names),
        )
        for number, row in ordered.iterrows()
    ]
    header = ("candidate", metric_name(metric), "epochs", *(name.replace("_", " ") for name in names))
    caption = f"The candidates for {task_title(task)}, by their scores on the validation subset."
    return Table(header, rows, caption, numeric=frozenset(range(1, len(header))), shown=SHOWN)


def _value(value: object) -> str:
    return f"{value:.2g}" if isinstance(value, float) else str(value)
