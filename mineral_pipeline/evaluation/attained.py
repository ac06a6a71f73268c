"""How much of what can be attained on a simulated planet the chosen model has, from the document of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Attained:
    """What can be attained, and how much of it the chosen model has."""

    metric: str
    """The primary metric, or the first of the task where that is one of pairs of places."""
    scores: Mapping[str, float]
    """Value of ``attainable``, boosting on the true patches, and of ``bayes``, who knows how the planet was made."""
    part: str
    """Share that the model has of what lies between chance and ``attainable``; empty where there is nothing."""


def attained(document: Mapping[str, Any]) -> Attained | None:
    """What ``evaluation/<task>/metrics.json`` tells of it; None but for a simulated planet."""
    found = document.get("attainable")
    if not found:
        return None
    known = found["scores"]["attainable"]
    metric = document["primary_metric"] if document["primary_metric"] in known else next(iter(known))
    gain = found["gains"][document["best"]].get(metric)
    part = "" if gain is None else "nothing" if gain <= 0 else f"{gain:.0%}"
    return Attained(metric, {name: values[metric] for name, values in found["scores"].items()}, part)
