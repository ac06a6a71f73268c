"""How soon a ranking of places finds those that hold what was sought: success-rate and prediction-area curves.

The success-rate curve is the share of the places sought against the share of the ground searched, the best first:
C. Chung and A. Fabbri, Natural Hazards 30 (2003) 451-472. Where it meets the falling line of the ground that is left,
the two curves of a prediction-area plot cross: M. Yousefi and E. Carranza, Computers & Geosciences 79 (2015) 69-81.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from mineral_pipeline.evaluation.groups import Groups
from mineral_pipeline.evaluation.jackknife import Jackknife
from mineral_pipeline.geometry import Flags, Floats

SHARES = (0.01, 0.05, 0.10)
"""Shares of the places, the first of the ranking, in which hits are counted."""

SEARCHED = 0.10
"""Share of the ground up to which the area under the success-rate curve counts: nobody looks at all of it."""

AREA = "success"
"""Metric: the area under the success-rate curve up to `SEARCHED`, divided by it."""


def hits(share: float) -> str:
    """Metric: the share of the places sought that are among the first ``share`` of the ranking."""
    return f"hits_{100 * share:g}"


@dataclass(frozen=True)
class SuccessCurve:
    """Share found against share searched, from (0, 0) to (1, 1), straight between the points."""

    searched: Floats
    """(point,) share of the ground, or of the places, rising."""
    found: Floats
    """(point,) share of the places sought that lie in it."""

    def at(self, share: float) -> float:
        """What is found when a share is searched."""
        return float(np.interp(share, self.searched, self.found))

    def mean_up_to(self, share: float) -> float:
        """Area under the curve up to a share, divided by it: half the share for a ranking at random, at most 1."""
        inner = self.searched < share
        x, y = np.append(self.searched[inner], share), np.append(self.found[inner], self.at(share))
        return float(np.trapezoid(y, x) / share)

    @property
    def crossing(self) -> float:
        """Share found where it equals the share that need not be searched: the prediction rate of Yousefi."""
        return float(np.interp(1.0, self.searched + self.found, self.found))


def success_curve(score: Floats, sought: Flags, size: Floats | None = None) -> SuccessCurve:
    """The success-rate curve of a ranking. Places of one score are searched together, so that their order is no matter.

    Args:
        score: (place,) the highest is searched first; nan last.
        sought: (place,) whether a place holds what is sought; at least one does.
        size: (place,) ground of each place, in any unit; all alike by default.
    """
    values = np.where(np.isnan(score), -np.inf, score)
    _, tie = np.unique(-values, return_inverse=True)
    searched = np.bincount(tie, np.ones(len(values)) if size is None else size)
    found = np.bincount(tie, sought.astype(float))
    x, y = (np.concatenate([[0.0], np.cumsum(part) / part.sum()]) for part in (searched, found))
    return SuccessCurve(x, y)


def first_places(n_places: int, share: float) -> int:
    """Number of places that are the first ``share`` of a ranking: at least one."""
    return max(int(np.ceil(share * n_places - 1e-9)), 1)


def measure_success(score: Floats, sought: Flags, size: Floats) -> dict[str, float]:
    """`AREA` and the `hits` of a ranking; nan where nothing is sought."""
    if not sought.any():
        return dict.fromkeys([AREA, *map(hits, SHARES)], np.nan)
    by_ground, by_place = success_curve(score, sought, size), success_curve(score, sought)
    n_places = len(sought)
    shares = {hits(share): by_place.at(first_places(n_places, share) / n_places) for share in SHARES}
    return {AREA: by_ground.mean_up_to(SEARCHED), **shares}


def jackknife_success(score: Floats, sought: Flags, size: Floats, groups: Groups) -> Jackknife:
    """The metrics of `measure_success` with every place, and with each group of places left out."""
    n_groups = groups.kernel.shape[0]
    parts = [
        measure_success(score[kept], sought[kept], size[kept])
        for kept in (groups.number != number for number in range(n_groups if n_groups > 1 else 0))
    ]
    value = measure_success(score, sought, size)
    return Jackknife(value, {name: np.array([part[name] for part in parts]) for name in value}, groups)


def chance_of_hits(n_places: int, n_sought: int, n_first: int, n_hits: float) -> dict[str, float]:
    """What a ranking at random would find.

    Args:
        n_places: places that are ranked.
        n_sought: those that hold what is sought.
        n_first: the first of the ranking, that were searched.
        n_hits: those sought among them; a fraction where places tie.

    Returns:
        ``expected`` hits, and ``p_value``, the probability of as many or more: the hypergeometric distribution.
    """
    at_least = int(np.ceil(n_hits - 1e-9))
    p_value = stats.hypergeom.sf(at_least - 1, n_places, n_sought, n_first)
    return {"expected": n_first * n_sought / n_places, "p_value": float(p_value)}


def describe_success(score: Floats, sought: Flags, size: Floats, shares: Sequence[float] = SHARES) -> dict[str, Any]:
    """What a ranking finds, as plain values: `AREA`, the crossing of its prediction-area plot, hits beside chance."""
    curve, by_place = success_curve(score, sought, size), success_curve(score, sought)
    n_places, n_sought, found = len(sought), int(sought.sum()), []
    for share in shares:
        n_first = first_places(n_places, share)
        n_hits = by_place.at(n_first / n_places) * n_sought
        chance = chance_of_hits(n_places, n_sought, n_first, n_hits)
        found.append({"share": share, "places": n_first, "hits": round(n_hits, 6), **chance})
    crossing = curve.crossing
    density = crossing / (1 - crossing) if crossing < 1 else None
    return {
        AREA: curve.mean_up_to(SEARCHED),
        "hits": found,
        "prediction_rate": crossing,
        "normalised_density": density,
    }
