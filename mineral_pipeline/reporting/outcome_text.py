"""In words: what the best model of a task reaches, what chance does, and what intervals are over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mineral_pipeline.reporting.formatting import THIN, UNDEFINED, interval, score
from mineral_pipeline.reporting.page import Cell
from mineral_pipeline.reporting.report_data import Evaluation, Model

EVERY_NETWORK_COLLAPSED = "Every network has collapsed to a constant"


def outcome_text(evaluation: Evaluation) -> str:
    """What the best model reaches, what networks on random labels do, and how likely chance does as well."""
    best, metric, random = evaluation.best, evaluation.metric, evaluation.random_labels
    who = f"The best by the validation subset, {best['name']},"
    if evaluation.is_constant:
        who = f"{EVERY_NETWORK_COLLAPSED}: the result is the baseline {best['name']}, which"
    text = f"{who} reaches {_with_interval(best['metrics'][metric], metric)} on the test subset"
    if random:
        ends = random_interval(evaluation, metric)
        many = f"{len(random)} networks trained on random labels reach on average"
        text += f"; {many if len(random) > 1 else 'a network trained on random labels reaches'} {mean(random, metric)}"
        text += f" ({ends})" if ends else ""
    found = evaluation.metrics.get("significance")
    if not found:
        return text + "."
    models, fields = found["models"], found["n_label_fields"]
    chosen = f"the best of the {models} networks, chosen anew each time," if models > 1 else "this network"
    variogram = found["variogram"]
    structure = f"range {variogram['range_km']:,.0f}{THIN}km, nugget {variogram['nugget']:.2f}"
    if variogram["nugget"] == 1:
        structure = "which are not alike near each other"
    return (
        f"{text}. With labels that lie on the Earth like the true ones but mean nothing, {chosen} scores as well or"
        f" better with p = {found['p_value']:.3f} ({fields:,} random fields with the labels' variogram, {structure})."
    )


def interval_text(evaluation: Evaluation) -> str:
    """What intervals are over, and what they do not hold."""
    units, unit = evaluation.units, evaluation.unit
    if units < 2:
        return "The test subset cannot be resampled: there are no intervals."
    return (
        f"Intervals are 95 % intervals over the {units:,} {unit} of the test subset, each of which is left out in turn;"
        f" neighbouring {unit} may err alike. Intervals are too narrow for a model that is alike"
        " over thousands of kilometres."
    )


def _with_interval(found: Mapping[str, float | None], metric: str) -> str:
    ends = interval(metric, found)
    return score(metric, found["value"]) + (f" ({ends})" if ends else "")


def random_interval(evaluation: Evaluation, metric: str) -> str:
    """The interval of the mean of the random-label networks; empty when it has none."""
    return interval(metric, evaluation.metrics.get("baseline", {}).get("metrics", {}).get(metric, {}))


def mean(models: Sequence[Model], metric: str) -> str:
    """Mean of a metric over models."""
    return score(metric, sum(model["metrics"][metric]["value"] for model in models) / len(models))


def metric_cell(evaluation: Evaluation, models: Sequence[Model], metric: str) -> Cell:
    """A metric of a model, or its mean over models of a kind, and the 95 % interval."""
    found = [model["metrics"].get(metric) for model in models]
    if None in found or any(one["value"] is None for one in found):
        return UNDEFINED
    if len(models) > 1:
        return mean(models, metric), random_interval(evaluation, metric) if models == evaluation.random_labels else ""
    return score(metric, found[0]["value"]), interval(metric, found[0])
