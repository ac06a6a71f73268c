"""The section on back-tests and the images of the first prospects: what they say, and what is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from mineral_pipeline.evaluation import LIMIT, MODEL, RIVAL, Places, Ranking, compare_rankings
from mineral_pipeline.reporting import FigureItem, ProspectView, Table
from mineral_pipeline.reporting.backtest_figures import backtest_figure
from mineral_pipeline.reporting.backtest_sections import backtest_section
from mineral_pipeline.reporting.view_figures import nice_length, views_figure
from mineral_pipeline.reporting.view_sections import views_section


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    block = np.repeat(np.arange(30), 10)
    lonlat = np.column_stack([rng.uniform(-90, 90, 30), rng.uniform(-60, 60, 30)])[block]
    places = Places(rng.random(300) < 0.2, np.ones(300), block.astype(str), lonlat)
    rankings = [
        Ranking("the prospects", MODEL, places.sought + rng.normal(0, 0.8, 300)),
        Ranking("chance", RIVAL, np.zeros(300)),
        Ranking("density <of> deposits", RIVAL, rng.random(300)),
        Ranking("attainable", LIMIT, places.sought + rng.normal(0, 0.3, 300)),
    ]
    about = {"hide": "year", "year": 1980, "hidden_deposits": 1234, "not_compared": 7}
    return about | compare_rankings(rankings, places)


def test_the_section_says_what_was_hidden_and_what_came_out(found: dict[str, Any]) -> None:
    section = backtest_section({"late": found})
    told = section.text[1]
    assert "all deposits that were found after 1980 were hidden, 1,234 deposits" in told
    assert found["verdict"] in told
    assert "of what attainable gains over chance" in told
    assert "7 candidates are left out" in told
    figure, table = section.items
    assert isinstance(figure, FigureItem)
    assert isinstance(table, Table)
    assert figure.name == "backtest-late"
    assert [row[0] for row in table.rows] == [one["name"] for one in found["rankings"]]
    assert all(len(row) == len(table.header) for row in table.rows)
    assert table.rows[0][2] == "–"
    value, ends = table.rows[1][2]
    assert value == f"{found['rankings'][1]['difference']['success']['value']:+.3f}"
    assert " to " in ends
    assert backtest_section({}).missing == "the job backtest"


def test_the_curves_are_those_of_the_document(found: dict[str, Any]) -> None:
    left, right = backtest_figure(found).axes
    lines = {str(line.get_label()): line for line in left.get_lines()}
    assert list(lines) == [one["name"] for one in found["rankings"]]
    share = np.asarray(lines["chance"].get_xdata())
    assert share.max() == pytest.approx(0.1)
    assert np.asarray(lines["chance"].get_ydata()) == pytest.approx(share, abs=1e-5)
    rate = found["rankings"][0]["prediction_rate"]
    (dot,) = [line for line in right.get_lines() if line.get_marker() == "o"]
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == pytest.approx((1 - rate, rate))
    rising, falling = right.get_lines()[:2]
    assert np.interp(1 - rate, *map(np.asarray, rising.get_data())) == pytest.approx(rate, abs=0.02)
    assert np.interp(1 - rate, *map(np.asarray, falling.get_data())) == pytest.approx(rate)


@pytest.mark.parametrize(("longest", "length"), [(1, 1), (99_999, 50_000), (50_000, 50_000), (0.3, 0.2), (2.1e6, 2e6)])
def test_bars_of_scale_have_round_lengths(longest: float, length: float) -> None:
    assert nice_length(longest) == pytest.approx(length)


def view(rank: int, **changes: Any) -> ProspectView:
    image = np.full((40, 50), 99, "uint8")
    outline = np.array([[0.0, 0], [49, 0], [49, 39], [0, 39], [0, 0]])
    values = {"image": image, "band": "B7", "outline": outline, "metres": 2500.0}
    return ProspectView(rank, "034033", -179.98, -12.3, **{**values, **changes})


def panels(figure: Figure) -> list[Any]:
    return [axes for axes in figure.axes if axes.get_visible()]


def test_every_prospect_has_its_image_its_outline_its_place_and_a_bar() -> None:
    figure = views_figure([view(1), view(2), view(3), view(4), view(5, image=None, missing="it is gone")])
    first, *_, last = panels(figure)
    assert first.get_title(loc="left") == "1 · 034/033"
    assert first.get_xlabel() == "12.30°\u202fS, 179.98°\u202fW"
    outline, bar = first.get_lines()
    np.testing.assert_array_equal(np.transpose(outline.get_data()), view(1).outline)
    start, end = bar.get_xdata()
    assert (end - start) * 2500 == pytest.approx(50_000)  # 0.4 of 125 km at most
    assert [text.get_text() for text in first.texts] == ["50\u202fkm"]
    assert [text.get_text() for text in last.texts] == ["not readable"]
    assert len(panels(figure)) == 5


def test_the_section_names_what_cannot_be_shown() -> None:
    section = views_section([view(1), view(2, image=None, band="", missing="chip P2 is damaged")])
    assert section.text[0].endswith("in band B7.")
    assert section.text[1] == "Prospect 2 cannot be shown: chip P2 is damaged"
    assert views_section([]).missing == "the job prospect"
