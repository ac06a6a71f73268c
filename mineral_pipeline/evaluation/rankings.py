"""Rankings of the same places beside each other: what each finds of the deposits that a back-test has hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mineral_pipeline.errors import DataError
from mineral_pipeline.evaluation.description import defined, describe
from mineral_pipeline.evaluation.groups import find_groups
from mineral_pipeline.evaluation.jackknife import difference, interval_of_difference
from mineral_pipeline.evaluation.success import (
    AREA,
    SEARCHED,
    SHARES,
    describe_success,
    jackknife_success,
    success_curve,
)
from mineral_pipeline.geometry import Flags, Floats

MODEL, RIVAL, LIMIT = "model", "rival", "limit"
"""Roles of rankings: the one that is judged, those that it must beat, and what can be attained at most."""

GRID = np.unique(np.concatenate([np.linspace(0, SEARCHED, 101), np.linspace(SEARCHED, 1, 181)]))
"""Shares of the ground at which curves are kept, for figures."""


@dataclass(frozen=True)
class Places:
    """The places that are ranked; the same for every ranking."""

    sought: Flags
    """(place,) whether it holds what is sought."""
    size: Floats
    """(place,) ground of each, in any unit."""
    group: np.ndarray
    """(place,) key of what the split keeps together, such as a block."""
    lonlat: Floats
    """(place, 2) position in degrees."""


@dataclass(frozen=True)
class Ranking:
    """A ranking of the places."""

    name: str
    """What it is called for people."""
    role: str
    """`MODEL`, `RIVAL` or `LIMIT`."""
    score: Floats
    """(place,) the highest is searched first."""


def compare_rankings(rankings: Sequence[Ranking], places: Places) -> dict[str, Any]:
    """Compare the rankings; the first is the one that is judged.

    Args:
        rankings: the model, then the others.
        places: the places.

    Returns:
        Plain values, for JSON: ``candidates``, ``sought`` and ``groups``, their numbers; ``rankings``, each with its
        name, role, `AREA` with its 95 % interval, hits beside chance, prediction rate, ``difference`` (the model minus
        it, with intervals over the groups) and its curve; ``attained``, what the model has of what each limit gains
        over chance; and ``verdict``.

    Raises:
        DataError: no place holds what is sought, or every one does.
    """
    n_places, n_sought = len(places.sought), int(places.sought.sum())
    if n_sought in (0, n_places):
        raise DataError(
            f"{n_sought:,} of {n_places:,} candidates hold a hidden deposit: no ranking is better than another"
        )
    groups = find_groups(places.group, places.lonlat)
    results = [jackknife_success(one.score, places.sought, places.size, groups) for one in rankings]
    described = []
    for one, found in zip(rankings, results, strict=True):
        minus = difference(results[0], found)
        curve = success_curve(one.score, places.sought, places.size)
        described.append(
            {"name": one.name, "role": one.role}
            | describe_success(one.score, places.sought, places.size)
            | {
                AREA: describe(found, AREA),
                "difference": {name: describe(minus, name, interval_of_difference) for name in minus.value},
                "curve": [round(curve.at(share), 5) for share in GRID],
            }
        )
    return {
        "candidates": n_places,
        "sought": n_sought,
        "groups": len(np.unique(places.group)),
        "searched": [round(float(share), 5) for share in GRID],
        "rankings": described,
        "attained": {
            one.name: attained(results[0].value[AREA], found.value[AREA])
            for one, found in zip(rankings, results, strict=True)
            if one.role == LIMIT
        },
        "verdict": verdict(described, n_places),
    }


def attained(score: float, limit: float) -> float | None:
    """Share of what a limit gains over chance that a score gains, of `AREA`; None where the limit gains nothing."""
    chance = SEARCHED / 2
    return defined((score - chance) / (limit - chance)) if limit > chance else None


def verdict(rankings: Sequence[Mapping[str, Any]], n_places: int) -> str:
    """In words, whether the first ranking is ahead of each rival by an interval that excludes 0."""
    model = rankings[0]
    (tenth,) = (one for one in model["hits"] if one["share"] == max(SHARES))
    found = (
        f"Of the places whose deposits were hidden, {tenth['hits']:g} are among the first {tenth['places']:,} of"
        f" {n_places:,} prospects, {tenth['expected']:.1f} expected by chance."
    )
    rivals = [one for one in rankings if one["role"] == RIVAL]
    behind = [one["name"] for one in rivals if (one["difference"][AREA]["low"] or 0) > 0]
    others = [one["name"] for one in rivals if one["name"] not in behind]
    if not others:
        return f"{found} The prospects are ahead of every rival, with intervals that exclude 0."
    ahead = f"ahead of {_join(behind)}, but " if behind else ""
    return f"{found} The prospects are {ahead}not surely ahead of {_join(others)}."


def _join(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
