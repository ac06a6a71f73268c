"""The search on the page: its candidates, its winner beside the best of the grid, and what it does not say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import small_world as world
from matplotlib.colors import to_hex

from mineral_pipeline import reporting
from mineral_pipeline.reporting import Evaluation, FigureItem, PageOptions, Table, style
from mineral_pipeline.reporting.formatting import THIN
from mineral_pipeline.reporting.search_figures import best_candidate, search_figure, searched
from mineral_pipeline.reporting.search_sections import candidates_table, search_section


def candidates(*, failed: bool = True) -> pd.DataFrame:
    """Six candidates: the grid's own point, the best one, one that has collapsed, and one that failed."""
    n = 6
    table = pd.DataFrame(
        {
            "name": [f"candidate-{k}" for k in range(n)],
            "learning_rate": np.geomspace(1e-5, 1e-2, n),
            "kernel": [3, 3, 5, 7, 9, 11],
            "augmentation": [False, True, False, True, False, True],
            "stride": 1,
            "reason": "",
            "score": [0.7, 0.72, 0.8, 0.95, 0.65, 0.6],
            "loss": 0.5,
            "epochs": [10, 8, 9, 3, 4, 5],
            "seconds": 1.0,
            "collapsed": [False, False, False, True, False, False],
        }
    )
    if failed:
        row = table.index[-1]
        table["collapsed"] = table["collapsed"].astype(object)
        table.loc[row, "reason"] = "DataError: diverged"
        table.loc[row, ["score", "loss", "epochs", "seconds", "collapsed"]] = np.nan
    return table


def compared(task: str = "presence") -> Evaluation:
    found = world.evaluation(task)
    metric = found.metric
    tuned = world.network("tuned", "tuned", metric, 0.8)
    lead = {metric: {"value": 0.02, "low": -0.01, "high": 0.05}}
    search = {"grid": "big-big-s0", "tuned": "tuned", "validation": {"big-big-s0": 0.9, "tuned": 0.93}}
    metrics = {**found.metrics, "models": [*found.models, tuned], "search": search | {"difference": lead}}
    return replace(found, metrics=metrics)


def test_it_says_what_the_winner_is_worth_where_nothing_was_chosen() -> None:
    section = search_section({"presence": candidates()}, {"presence": compared()})
    (text,) = section.text
    assert text.startswith("Presence: 6 points were tried, of which 1 failed. ")
    assert f"the winner has accuracy 93.0{THIN}%, and big-big-s0, the best of the grid, 90.0{THIN}%" in text
    assert f"they have 80.0{THIN}% and 84.0{THIN}%: a difference of +2.0 (−1.0 to +5.0)." in text
    figure, table = section.items
    assert isinstance(figure, FigureItem)
    assert isinstance(table, Table)
    assert figure.name == "search-presence"


def test_candidates_are_listed_with_what_was_searched_and_those_that_failed_last() -> None:
    table = candidates_table("presence", candidates(), "accuracy")
    assert table.header == ("candidate", "accuracy", "epochs", "learning rate", "kernel", "augmentation")
    assert [row[0] for row in table.rows] == ["3", "2", "1", "0, the grid's own point", "4", "5"]
    assert table.rows[-1][1:3] == ("DataError: diverged", "–")
    assert table.rows[1][1:] == (f"80.0{THIN}%", "9", "0.00016", "5", "False")
    assert candidates_table("richness", candidates(), "mae").rows[0][0] == "4", "a small error is the best"


def test_the_best_has_not_collapsed_and_not_failed() -> None:
    assert best_candidate(candidates(), "accuracy") == "candidate-2"
    assert best_candidate(candidates(), "mae") == "candidate-4"
    assert best_candidate(candidates().iloc[-1:], "accuracy") == ""


def test_every_searched_hyperparameter_has_a_panel() -> None:
    assert searched(candidates()) == ["learning_rate", "kernel", "augmentation"]
    figure = search_figure(candidates(), "accuracy")
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_xlabel() for axes in panels] == ["learning rate", "kernel", "augmentation"]
    assert [axes.get_xscale() for axes in panels] == ["log", "linear", "linear"]
    assert [label.get_text() for label in panels[2].get_xticklabels()] == ["False", "True"]
    best = next(line for line in panels[1].lines if line.get_label() == "the best")
    assert (list(best.get_xdata()), list(best.get_ydata())) == ([5.0], [0.8])
    assert to_hex(best.get_color()) == style.ACCENT
    assert style.png(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize("missing", [{}, {"richness": candidates()}])
def test_without_a_search_that_is_evaluated_the_page_says_what_would_make_it(missing: dict[str, Any]) -> None:
    assert search_section(missing, {"presence": compared()}).missing == "the job tune, before evaluate"


def test_a_search_where_nothing_can_be_compared_says_so() -> None:
    section = search_section({"presence": candidates(failed=False)}, {"presence": world.evaluation()})
    assert section.text == [
        "Presence: 6 points were tried. No network of the grid and of the search is left to compare."
    ]


def test_a_search_of_one_point_has_no_figure() -> None:
    section = search_section({"presence": candidates().iloc[:1]}, {"presence": compared()})
    assert [type(item) for item in section.items] == [Table]


def test_the_page_shows_both_tasks() -> None:
    data = replace(
        world.full(),
        searches={"presence": candidates(), "richness": candidates()},
        evaluations={"presence": compared(), "richness": compared("richness")},
    )
    names = [figure.name for figure in reporting.build_page(data, PageOptions("Title", "here", 12)).figures]
    assert [name for name in names if name.startswith("search")] == ["search-presence", "search-richness"]
