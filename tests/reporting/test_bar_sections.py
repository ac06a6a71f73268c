"""The bar on the page: every baseline beside the best network, differences, what pixels add, regions, the verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import small_world as world

from mineral_pipeline import reporting
from mineral_pipeline.learning import TASKS, Task
from mineral_pipeline.reporting import Evaluation, FigureItem, PageOptions, Table, style
from mineral_pipeline.reporting.bar_figures import differences_figure
from mineral_pipeline.reporting.bar_sections import added_text, bar_items, bar_table, regions_table
from mineral_pipeline.reporting.formatting import THIN, metric_name, signed, signed_interval
from mineral_pipeline.reporting.result_sections import metrics_table, results_section


def changed(found: Evaluation, **metrics: Any) -> Evaluation:
    return replace(found, metrics={**found.metrics, **metrics})


def labels(table: Table) -> list[str]:
    return [row[0] if isinstance(row[0], str) else row[0][0] for row in table.rows]


@pytest.fixture(params=TASKS)
def task(request: pytest.FixtureRequest) -> Task:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def found(task: Task) -> Evaluation:
    return world.with_bar(world.evaluation(task))


def test_every_baseline_stands_beside_the_best_network(task: Task, found: Evaluation) -> None:
    table = bar_table(task, found)
    assert table.rows[0][0] == "big-big-s0"
    assert table.rows[1][0] == ("coordinates", "sees no pixel")
    assert ("constant", "sees no pixel") in [row[0] for row in table.rows]
    assert {"statistics", "random convolutions", "brightness only", "random labels", "metadata"} < set(labels(table))
    assert len(table.header) == len(table.rows[0]) == 6
    assert "12,345 pairs" in table.caption
    assert ("of 210 places" in table.caption) == (task == "presence")
    assert "over 37 blocks" in table.caption


def test_the_difference_is_the_network_minus_the_baseline() -> None:
    found = world.with_bar(world.evaluation("presence"))
    table = bar_table("presence", found)
    rows = dict(zip(labels(table), table.rows, strict=True))
    assert rows["coordinates"][1] == (f"86.0{THIN}%", f"81.0{THIN}% to 91.0{THIN}%")
    assert rows["coordinates"][-1] == ("−2.0", "−6.0 to +2.0")
    assert rows["statistics"][-1] == ("+10.0", "+6.0 to +14.0")
    assert rows["big-big-s0"][-1] == rows["random labels"][-1] == ""
    assert "difference in accuracy, percentage points" in table.caption


def test_baselines_are_ranked_by_the_metric(task: Task, found: Evaluation) -> None:
    ranked = [label for label in labels(bar_table(task, found))[1:] if label != "random labels"]
    values = [found.baselines[label][0]["metrics"][found.metric]["value"] for label in ranked]
    assert values == sorted(values, reverse=task == "presence")


def test_added_is_a_sentence_and_a_table(task: Task, found: Evaluation) -> None:
    (text,) = added_text(found)
    assert "coordinates alone reach" in text
    assert "with big-big-s0" in text
    assert "with statistics" in text
    section = results_section(task, found)
    assert text in section.text
    (table,) = [item for item in section.items if isinstance(item, Table) and item.header[0] == "added"]
    assert labels(table) == ["big-big-s0"] * 2 + ["statistics"] * 2
    assert "5 folds of 700 samples" in table.caption
    assert table.rows[1][-1] == ("+0.043", "−0.002 to +0.088")


def test_scores_by_region(task: Task, found: Evaluation) -> None:
    table = regions_table(found)
    assert table.header == ("region", "big-big-s0", "coordinates", "statistics")
    assert labels(table) == ["Africa", "Europe", "elsewhere"]
    assert table.rows[1][0] == ("Europe", "127 samples, 61 positive")
    cells = [row[1] for row in table.rows[:2]]
    expected = [(f"50.0{THIN}%", "0.610"), (f"55.0{THIN}%", "–")] if task == "presence" else ["0.100", "0.100"]
    assert cells == expected


def test_the_figure_has_a_row_for_each_baseline(found: Evaluation) -> None:
    figure = differences_figure(found)
    ticks = {tick.get_text() for tick in figure.axes[0].get_yticklabels()}
    kinds = set(found.baselines) - {"random labels"}
    assert ticks == {"random labels 1", "random labels 2"} | kinds
    assert len(style.png(figure)) > 1000


def test_only_the_best_baseline_keeps_all_its_metrics(found: Evaluation) -> None:
    assert metrics_table(found).header == (
        "on the test subset",
        "big-big-s0",
        "random labels, mean of 2",
        "coordinates",
    )


def test_an_evaluation_of_an_earlier_version_shows_none_of_it(task: Task) -> None:
    old = world.evaluation(task)
    assert bar_items(task, old) == []
    assert added_text(old) == []
    assert len(metrics_table(old).header) == 5
    page = reporting.build_page(world.full(), PageOptions("t", "w", 5))
    assert page.verdicts == []
    assert '<p class="lead">Convolutional networks' in reporting.render(page, {one.name: b"" for one in page.figures})


def test_the_verdicts_are_the_first_paragraphs() -> None:
    full = world.full()
    data = replace(full, evaluations={task: world.with_bar(found) for task, found in full.evaluations.items()})
    page = reporting.build_page(data, PageOptions("t", "w", 5))
    html = reporting.render(page, {figure.name: b"" for figure in page.figures})
    texts = ("</h1>", "Presence. No network", "Richness. No network", "Convolutional")
    places = [html.index(text) for text in texts]
    assert places == sorted(places)
    assert html[places[0] : places[2]].count("<p") == 2
    assert {"bar-presence", "bar-richness"} < {figure.name for figure in page.figures}
    folds = {"number": 3, "held_out": {"sampled": 9, "usable": 9}, "selected": ["big-big-s0"] * 3, "incomplete": []}
    found = data.evaluations["presence"]
    both = replace(data, out_of_fold={"presence": replace(found, metrics={**found.metrics, "folds": folds})})
    verdicts = reporting.build_page(both, PageOptions("t", "w", 5)).verdicts
    assert [text.partition(". ")[0] for text in verdicts] == ["Presence, out of fold", "Presence", "Richness"]


def test_what_cannot_be_computed_is_left_out(task: Task, found: Evaluation) -> None:
    hole, metric = {"value": None, "low": None, "high": None}, found.metric
    differences = [{**one, "metrics": {**one["metrics"], metric: hole}} for one in found.bar["differences"]]
    models = [
        {**one, "metrics": {name: value if name == metric else hole for name, value in one["metrics"].items()}}
        for one in found.models
    ]
    bar = {**found.bar, "differences": differences}
    bare = changed(found, bar=bar, models=models, added=[], regions=[], interval={"unit": "blocks", "units": 1})
    table, figure = bar_items(task, bare)
    assert isinstance(table, Table)
    assert isinstance(figure, FigureItem)
    assert {row[-1] for row in table.rows} == {""}
    assert {row[3] for row in table.rows} == {"–"}
    style.png(figure.figure)
    assert bar_items(task, changed(bare, bar=None)) == []
    assert len(bar_items(task, changed(bare, bar={**bar, "differences": []}))) == 1
    gains = [{**one, "metrics": {"r2": {"alone": 0.1, "both": None, "difference": hole}}} for one in found.added]
    assert "a difference of –" in added_text(changed(found, added=gains))[0]


def test_without_intervals_points_are_drawn(found: Evaluation) -> None:
    value = {"value": 0.01, "low": None, "high": None}
    bare = [{**one, "metrics": {found.metric: value}} for one in found.bar["differences"]]
    style.png(differences_figure(changed(found, bar={**found.bar, "differences": bare})))


def test_when_every_network_has_collapsed_the_constant_is_the_result(task: Task, found: Evaluation) -> None:
    collapsed = changed(found, best="constant")
    assert [row[-1] for row in bar_table(task, collapsed).rows] == [""] * 7
    for item in bar_items(task, collapsed):
        if isinstance(item, FigureItem):
            style.png(item.figure)


def test_differences_have_a_sign_and_local_scores_a_distance() -> None:
    assert signed("accuracy", -0.0472) == "−4.7"
    assert signed("accuracy", 0.0) == signed("accuracy", -0.0001) == "+0.0"
    assert signed("auc", 0.0431) == "+0.043"
    assert signed_interval("mae", {"low": -0.01, "high": None}) == ""
    assert metric_name("local_auc_500") == f"local AUC, 500{THIN}km"
    assert metric_name("concordance_1000") == f"concordance, 1000{THIN}km"
    assert metric_name("cross_entropy") == "cross-entropy"
