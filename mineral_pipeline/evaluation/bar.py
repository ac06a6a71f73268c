"""The bar: what the networks are worth beside every baseline, on the same samples and in the same resamples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mineral_pipeline.evaluation.description import describe
from mineral_pipeline.evaluation.jackknife import Jackknife, difference, interval_of_difference
from mineral_pipeline.learning import CONSTANT, RANDOM_LABELS, higher_is_better

Facts = Mapping[str, Any]
"""What a model's own ``metrics.json`` tells of it."""


def compare_with_baselines(
    models: Sequence[Facts], results: Mapping[str, Jackknife], metric: str
) -> dict[str, Any] | None:
    """The ``bar`` of ``evaluation/<task>/metrics.json``; None without a baseline.

    The ``best`` baseline is that of the test subset itself, which flatters the baselines and no network. A network
    beats it when the 95 % interval of the paired difference of the primary metric lies on the better side of 0; one
    that has collapsed to a constant does not. ``without_pixels`` is the bar of the baselines that see no pixel.

    Args:
        models: facts of the models.
        results: metrics of each by its name.
        metric: the primary metric, which is defined.
    """
    baselines = [one["name"] for one in models if one["role"] == "baseline"]
    if not baselines:
        return None
    sign = 1 if higher_is_better(metric) else -1
    best = max(baselines, key=lambda name: sign * results[name].value[metric])
    differences = [
        {"model": one["name"], "baseline": name, "metrics": _describe(difference(results[one["name"]], results[name]))}
        for one in networks(models)
        for name in baselines
    ]
    collapsed = {one["name"] for one in models if one.get("collapsed")}
    better = [
        one["model"] for one in differences if one["baseline"] == best and _excludes_zero(one["metrics"][metric], sign)
    ]
    found = {"best": best, "differences": differences, "beaten_by": [name for name in better if name not in collapsed]}
    if blind := _without_pixels(models, results, metric):
        found["without_pixels"] = blind
    return found


def _without_pixels(models: Sequence[Facts], results: Mapping[str, Jackknife], metric: str) -> dict[str, Any] | None:
    """The best of the baselines that see no pixel, and what sees pixels and beats it, the best first.

    Networks on permuted labels are neither.
    """
    blind = [one["name"] for one in models if not sees_pixels(one)]
    if not blind:
        return None
    sign = 1 if higher_is_better(metric) else -1
    best = max(blind, key=lambda name: sign * results[name].value[metric])
    pixels = [one for one in models if one["role"] == "baseline" and one["kind"] != RANDOM_LABELS and sees_pixels(one)]
    candidates = [one["name"] for one in [*networks(models), *pixels] if not one.get("collapsed")]
    gains = {
        name: describe(difference(results[name], results[best]), metric, interval_of_difference) for name in candidates
    }
    better = [name for name in candidates if _excludes_zero(gains[name], sign)]
    return {"best": best, "beaten_by": sorted(better, key=lambda name: -sign * results[name].value[metric])}


def sees_pixels(model: Facts) -> bool:
    """Whether a model sees pixels; those from before this was told are constant or do."""
    return bool(model.get("pixels", model["kind"] != CONSTANT))


def networks(models: Sequence[Facts]) -> list[Facts]:
    """The networks that are results: those of the grid, the tuned one and the ensemble, not its members."""
    members = {name for one in models for name in one.get("members", ())}
    return [one for one in models if one["role"] == "network" and one["name"] not in members]


def _describe(found: Jackknife) -> dict[str, dict[str, float | None]]:
    return {name: describe(found, name, interval_of_difference) for name in found.value}


def _excludes_zero(found: Mapping[str, float | None], sign: int) -> bool:
    """Whether an interval lies above 0 (sign 1) or below it (-1)."""
    end = found["low" if sign > 0 else "high"]
    return end is not None and sign * end > 0
