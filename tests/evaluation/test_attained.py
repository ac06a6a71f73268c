"""How much of what can be attained the chosen model has."""

from __future__ import annotations

from typing import Any

import pytest

from mineral_pipeline.evaluation.attained import attained


def document(primary: str, **gains: float) -> dict[str, Any]:
    scores = {"attainable": {"accuracy": 0.8, "auc": 0.9}, "bayes": {"accuracy": 0.85, "auc": 0.95}}
    return {"primary_metric": primary, "best": "net", "attainable": {"scores": scores, "gains": {"net": gains}}}


@pytest.mark.parametrize(
    ("primary", "gains", "metric", "part"),
    [
        ("auc", {"auc": 0.624}, "auc", "62%"),
        ("auc", {"auc": -0.1}, "auc", "nothing"),
        ("auc", {}, "auc", ""),
        ("local_auc_500", {"accuracy": 0.5}, "accuracy", "50%"),
    ],
)
def test_the_share_of_the_gain(primary: str, gains: dict[str, float], metric: str, part: str) -> None:
    found = attained(document(primary, **gains))
    assert found is not None
    assert (found.metric, found.part) == (metric, part)
    assert found.scores == {"attainable": {"accuracy": 0.8, "auc": 0.9}[metric], "bayes": found.scores["bayes"]}


def test_there_is_none_on_the_earth() -> None:
    assert attained({"primary_metric": "auc", "best": "net"}) is None
