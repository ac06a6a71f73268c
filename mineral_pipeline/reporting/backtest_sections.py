"""The section on back-tests: whether the prospects find again what was hidden, sooner than their rivals do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mineral_pipeline.learning import of_subject
from mineral_pipeline.reporting.backtest_figures import CHANCE, backtest_figure
from mineral_pipeline.reporting.formatting import THIN, UNDEFINED, interval, percent, score, signed, signed_interval
from mineral_pipeline.reporting.page import Cell, FigureItem, Section, Table

AREA = "success"
"""Metric by which rankings are compared: the area under the success-rate curve to 10 % of the ground."""

HIDING = {
    "places": "all deposits{of} of random locations",
    "regions": "all deposits{of} of whole regions",
    "year": "all deposits{of} that were found after {year}",
}
"""What was hidden, in words."""

METHOD = (
    "Known deposits were hidden and everything was done again without them, from the labels to the prospects, so that"
    " places that hold nothing else became candidates. The success rate is the share of such places that a ranking has"
    " found when a share of the ground is searched, the best first (Chung and Fabbri 2003); its area to 10"
    f"{THIN}% of the ground, as a mean, is 0.050 by chance. The prediction rate is where what is found equals the"
    " ground that need not be searched (Yousefi and Carranza 2015). Places that hold no known deposit count as misses,"
    " though some may hold an unknown one."
)


def backtest_section(backtests: Mapping[str, Mapping[str, Any]]) -> Section:
    """All back-tests of a workspace: for each what was hidden, its verdict, its curves and its table."""
    title, anchor = "Would it have found them?", "backtest"
    if not backtests:
        return Section(anchor, title, missing="the job backtest")
    text, items = [METHOD], list[FigureItem | Table]()
    for name, found in backtests.items():
        text += [about(name, found)]
        items += [figure_item(name, found), rankings_table(name, found)]
    return Section(anchor, title, text, items)


def about(name: str, found: Mapping[str, Any]) -> str:
    """What a back-test has hidden, and what came out."""
    of = of_subject(found.get("commodity") or "")
    hidden = HIDING[found["hide"]].format(year=found["year"], of=of)
    told = [
        f"Back-test {name}: {hidden} were hidden, {found['hidden_deposits']:,} deposits; {found['sought']:,} of"
        f" {found['candidates']:,} candidates held some. {found['verdict']}"
    ]
    for limit, share in found["attained"].items():
        if share is not None:
            told.append(f"The prospects have {percent(share, 0)} of what {limit} gains over chance.")
    if found["not_compared"]:
        told.append(f"{found['not_compared']:,} candidates are left out, which a model of the comparison has learnt.")
    return " ".join(told)


def figure_item(name: str, found: Mapping[str, Any]) -> FigureItem:
    """The curves of a back-test."""
    model = found["rankings"][0]
    return FigureItem(
        f"backtest-{name}",
        backtest_figure(found),
        f"Back-test {name}. Left, the first tenth of the ground; dotted, what is attainable where the truth is known."
        " Right, all of it: the curves cross at the prediction rate.",
        f"Success-rate curves of {len(found['rankings'])} rankings; the prospects reach {model[AREA]['value']:.3f}.",
    )


def rankings_table(name: str, found: Mapping[str, Any]) -> Table:
    """Every ranking with its area, its hits and how far the prospects are ahead of it."""
    shares = [f"hits in the first {100 * one['share']:g}{THIN}%" for one in found["rankings"][0]["hits"]]
    header = ("ranking", "area to 10 %", "prospects minus it", *shares, "prediction rate")
    rows = [_row(one) for one in found["rankings"]]
    caption = (
        f"Back-test {name}: 95{THIN}% intervals over {found['groups']:,} groups of the split; below the hits, those"
        " expected by chance and the probability of as many."
    )
    return Table(header, rows, caption, numeric=frozenset(range(1, len(header))))


def _row(one: Mapping[str, Any]) -> Sequence[Cell]:
    area, ahead = one[AREA], one["difference"][AREA]
    is_model, is_ordered = one["role"] == "model", one["name"] != CHANCE
    return (
        one["name"],
        (score(AREA, area["value"]), interval(AREA, area)),
        UNDEFINED if is_model else (signed(AREA, ahead["value"]), signed_interval(AREA, ahead)),
        *(
            (f"{hit['hits']:.3g} of {hit['places']:,}", f"{hit['expected']:.1f}, p {hit['p_value']:.2g}" * is_ordered)
            for hit in one["hits"]
        ),
        percent(one["prediction_rate"], 0),
    )
