"""Tables of reliability: what share of the places to which a model gives a probability hold a deposit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mineral_pipeline.learning import ENSEMBLE
from mineral_pipeline.reporting.formatting import UNDEFINED, percent, score
from mineral_pipeline.reporting.page import Cell, Table
from mineral_pipeline.reporting.report_data import Evaluation, Model


def reliability_tables(evaluation: Evaluation) -> list[Table]:
    """The reliability of the ensemble, else of the best model, before and after calibration; none of richness."""
    model = evaluation.ensemble or evaluation.best
    found = model.get("reliability")
    return [_table(model, found)] if found else []


def _table(model: Model, found: Mapping[str, Any]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            f"{percent(low, 0)} to {percent(low + 0.1, 0)}",
            *_cells(found["before"], low),
            *_cells(found["after"], low),
        )
        for low in sorted({one["low"] for side in ("before", "after") for one in found[side]["bins"]})
    ]
    errors = [("error", "", score("brier", found[side]["error"])) for side in ("before", "after")]
    rows.append(("calibration error", *errors[0][1:], *errors[1][1:]))
    name = "the ensemble" if model["kind"] == ENSEMBLE else str(model["name"])
    how = " and ".join(dict.fromkeys(_method(one) for one in found["calibrations"]))
    caption = (
        f"Do the probabilities of {name} mean what they say? Share of the places with a deposit among those to which it"
        f" gives a probability, before and after calibration on validation ({how}), where classes are balanced."
    )
    header = ("probability", "places before", "with a deposit", "places after", "with a deposit")
    return Table(header, rows, caption, numeric=frozenset(range(1, 5)))


def _cells(side: Mapping[str, Any], low: float) -> tuple[str, str]:
    """Number of places of a bin, and the share of them with a deposit."""
    for one in side["bins"]:
        if one["low"] == low:
            return f"{one['samples']:,}", percent(one["observed"], 0)
    return "0", UNDEFINED


def _method(calibration: Mapping[str, Any]) -> str:
    temperature = calibration["temperature"]
    return "isotonic regression" if temperature is None else f"temperature {temperature:.2f}"
