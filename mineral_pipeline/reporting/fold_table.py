"""The scores out of fold, beside those of the single split."""

from __future__ import annotations

from mineral_pipeline.learning import SELECTED
from mineral_pipeline.reporting.formatting import UNDEFINED, interval, metric_name, score
from mineral_pipeline.reporting.page import Cell, Table
from mineral_pipeline.reporting.report_data import Evaluation, Model


def fold_table(evaluation: Evaluation, out_of_fold: Evaluation) -> Table:
    """The primary metric of every model on the test subset of the split, and out of fold.

    Args:
        evaluation: evaluation of the split.
        out_of_fold: evaluation over all folds.
    """
    metric = out_of_fold.metric
    of_split = {model["name"]: model for model in evaluation.models} | {SELECTED: evaluation.best}
    rows = [
        (str(model["label"]), _cell(of_split.get(model["name"]), metric), _cell(model, metric))
        for model in out_of_fold.models
    ]
    return Table(
        (metric_name(metric), "one split", "out of fold"), rows, caption(out_of_fold), numeric=frozenset({1, 2})
    )


def caption(out_of_fold: Evaluation) -> str:
    """What out of fold means, how many locations it covers, and what is left out."""
    folds = out_of_fold.metrics["folds"]
    held_out = folds["held_out"]
    text = (
        f"Out of fold: each of {folds['number']} times other {out_of_fold.unit} are held out, with the ground that they"
        f" share with others, and all models are trained and selected anew. {held_out['sampled']:,} of"
        f" {held_out['usable']:,} usable locations are predicted so"
    )
    if held_out["sampled"] < held_out["usable"]:
        text += "; the others are the surplus of a class or of a richness"
    text += f". Selected in the folds: {', '.join(folds['selected'])}."
    if folds["incomplete"]:
        text += f" Not in every fold, and left out: {', '.join(folds['incomplete'])}."
    return text


def _cell(model: Model | None, metric: str) -> Cell:
    found = model["metrics"].get(metric) if model else None
    return (score(metric, found["value"]), interval(metric, found)) if found else UNDEFINED
