"""Whether pixels tell of minerals, in words: the first thing that a reader of an evaluation must know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mineral_pipeline.evaluation.bar import sees_pixels
from mineral_pipeline.evaluation.description import in_words
from mineral_pipeline.learning import CONSTANT, LOCAL_METRICS, RANDOM_LABELS, SELECTED, Kind, higher_is_better, kind_of

Document = Mapping[str, Any]
"""``evaluation/<task>/metrics.json``, as far as it is made."""

NAMES = {"auc": "AUC", "f1": "F1", "mae": "MAE", "mse": "MSE", "rmse": "RMSE", "r2": "R²", "local_auc": "local AUC"}
"""How metrics are written, where that is not their name."""

CHOICE = "what validation chose in each fold"
"""What the networks are called that each fold has selected."""

ADDED_METRIC: dict[Kind, str] = {"presence": "auc", "richness": "r2"}
"""Metric by which the sentence tells what predictions add to coordinates."""


def verdict(document: Document) -> str:
    """One plain statement about the networks of a task: do they beat the bar, and what do they add to coordinates?

    Args:
        document: content of ``evaluation/<task>/metrics.json`` with ``primary_metric``, ``interval``, ``best`` and
            ``models`` and, where they can be computed, ``bar`` and ``added``.
    """
    chosen = _model(document, document["best"])
    if chosen["role"] != "network":
        return "Every network has collapsed to a constant: nothing has been learnt from the pixels." + _added(document)
    return _beside_the_bar(document, chosen) + _added(document)


def _beside_the_bar(document: Document, chosen: Mapping[str, Any]) -> str:
    bar, name = document.get("bar"), _name(document["primary_metric"])
    if bar is None:
        return "Whether a network beats the bar cannot be told: there is no baseline."
    baseline, found = _model(document, bar["best"]), _difference(document, chosen["name"])
    scores = (
        f"{_with_sight(baseline)} reaches {name} {_score(document, baseline)} {_where(chosen)},"
        f" {_introduced(chosen)} {_score(document, chosen)}; the difference is {in_words(found)}"
        f"{'' if higher_is_better(document['primary_metric']) else ' (lower is better)'}."
    )
    if found["low"] is None:
        interval = document["interval"]
        too_few = f"there are too few {interval['unit']} for an interval ({interval['units']:,})"
        return f"Whether a network beats the bar cannot be told: {too_few}. {scores[:1].upper()}{scores[1:]}"
    others = [one for one in bar["beaten_by"] if one != chosen["name"]]
    if chosen["name"] in bar["beaten_by"]:
        return f"{_subject(chosen)} beats the bar: {scores}"
    if others:
        return (
            f"The network that validation chose does not beat the bar: {scores} {', '.join(others)}"
            f" {'does' if len(others) == 1 else 'do'}, as the luckiest of several may: nothing chose"
            f" {'it' if len(others) == 1 else 'them'} beforehand."
        )
    return f"No network beats the bar: {scores} {_meaning(baseline, found)}"


def _meaning(baseline: Mapping[str, Any], found: Mapping[str, float]) -> str:
    """What it means that no network is better than a baseline."""
    if baseline["kind"] in (CONSTANT, RANDOM_LABELS):
        return "Nothing shows that the networks have learnt anything."
    is_worse = found["low"] * found["high"] > 0  # for certain
    if sees_pixels(baseline):
        said = "The networks tell less" if is_worse else "Nothing shows that the networks tell more"
        return f"{said} than a simple model of the pixels ({baseline['label']})."
    if is_worse:
        return "The networks have learnt where people have looked, not what the ground shows."
    return "Nothing shows that the networks have learnt more than where people have looked."


def _added(document: Document) -> str:
    """What the predictions of the chosen network, and those from statistics of the pixels, add to coordinates."""
    metric, found = (
        ADDED_METRIC[kind_of(document["task"])],
        {one["model"]: one["metrics"] for one in document.get("added", ())},
    )
    if not found:
        return " What pixels add to coordinates cannot be told: the test samples are too few, or too near each other."
    gains = [
        f"{CHOICE if name == SELECTED else name} adds {in_words(gain)}"
        + ("" if gain["low"] is not None and gain["low"] > 0 else ", which may be nothing")
        for name, metrics in found.items()
        if (gain := metrics[metric]["difference"])["value"] is not None
    ]
    alone = next(iter(found.values()))[metric]["alone"]
    return f" To the {_name(metric)} of coordinates alone, {alone:.3f}, {'; '.join(gains)}." if gains else ""


def _difference(document: Document, model: str) -> dict[str, Any]:
    """By how much a network is above the best baseline in the primary metric."""
    pair = model, document["bar"]["best"]
    found = next(one for one in document["bar"]["differences"] if (one["model"], one["baseline"]) == pair)
    return dict(found["metrics"][document["primary_metric"]])


def _model(document: Document, name: str) -> dict[str, Any]:
    return next(dict(one) for one in document["models"] if one["name"] == name)


def _with_sight(baseline: Mapping[str, Any]) -> str:
    known = sees_pixels(baseline) or baseline["kind"] == CONSTANT
    return str(baseline["label"]) if known else f"{baseline['label']}, which sees no pixel,"


def _where(chosen: Mapping[str, Any]) -> str:
    """Of which samples the scores are: models that were chosen in each fold are scored out of fold."""
    return "out of fold" if chosen["kind"] == SELECTED else "on the test subset"


def _introduced(chosen: Mapping[str, Any]) -> str:
    return CHOICE if chosen["kind"] == SELECTED else f"{chosen['name']}, the network that validation chose,"


def _subject(chosen: Mapping[str, Any]) -> str:
    return CHOICE.capitalize() if chosen["kind"] == SELECTED else str(chosen["name"])


def _score(document: Document, model: Mapping[str, Any]) -> str:
    return in_words(model["metrics"][document["primary_metric"]])


def _name(metric: str) -> str:
    """A metric as it is written, such as ``local AUC (500 km)``."""
    kind, _, km = metric.rpartition("_")
    if kind in LOCAL_METRICS.values():
        return f"{NAMES.get(kind, kind)} ({km} km)"
    return NAMES.get(metric, metric.replace("_", " "))
