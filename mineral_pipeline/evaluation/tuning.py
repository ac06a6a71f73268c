"""What the search over hyperparameters gained: its winner beside the best network of the grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mineral_pipeline.evaluation.description import describe
from mineral_pipeline.evaluation.jackknife import Jackknife, difference, interval_of_difference
from mineral_pipeline.evaluation.significance import Candidate, Judged, choose
from mineral_pipeline.learning import TUNED, Task


def compare_with_grid(
    task: Task,
    judged: Judged,
    candidates: Sequence[Candidate],
    results: Mapping[str, Jackknife],
) -> dict[str, Any] | None:
    """Compare the winner of the search with the network of the grid that validation has chosen.

    Both are the best of many on validation, where their scores owe a part to luck; on test they owe none.

    Args:
        task: task of the models.
        judged: samples of validation and test.
        candidates: the networks that could be chosen as the best, of the kinds ``grid`` and ``tuned``.
        results: scores on the test subset by name.

    Returns:
        Names of the two, ``grid`` and ``tuned``; ``validation``, the primary metric of each there; and ``difference``,
        the winner of the search minus the other on test, by metric; None where there are no two.
    """
    grid, searched = ([one for one in candidates if one.kind == kind] for kind in ("grid", TUNED))
    if not grid or not searched:
        return None
    (tuned,), label = searched, judged.field.label[None]
    best = grid[int(choose(task, label, judged, grid)[0])]
    minus = difference(results[tuned.name], results[best.name])
    return {
        "grid": best.name,
        "tuned": tuned.name,
        "validation": {
            one.name: float(judged.validation.score(task, judged.metric, label, one.prediction)[0])
            for one in (best, tuned)
        },
        "difference": {metric: describe(minus, metric, interval_of_difference) for metric in minus.value},
    }
