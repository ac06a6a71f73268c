"""How often the best of several models would score as well on labels that mean nothing: a p-value of the choice too.

The predictions stay as they are. The labels of validation and test are drawn anew, together, as random fields; each
time the best model is chosen on validation as it is in truth, and scored on test. The p-value thus accounts for the
number of models (the statistic is that of the best: P. Westfall and S. Young, Resampling-based multiple testing, Wiley 1993).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mineral_pipeline.evaluation.label_fields import LabelField
from mineral_pipeline.evaluation.metrics import MEANS
from mineral_pipeline.evaluation.resampling import Resampling
from mineral_pipeline.learning import HIGHER_IS_BETTER, PRIMARY_METRIC, Task

LABELS_PER_CALL = 2_000_000
"""Labels that are scored at a time: 16 MB."""

ROUNDING = 1e-9
"""Difference between scores that are equal but for rounding."""


@dataclass(frozen=True)
class Candidate:
    """A model that might have been chosen as the best."""

    name: str
    """Its name, which breaks the last ties."""
    prediction: np.ndarray
    """(sample,) for the samples of the label field, those of validation and of test."""
    loss: str
    """Metric that breaks ties on validation."""


@dataclass(frozen=True)
class Judged:
    """The samples on which models are chosen and scored."""

    field: LabelField
    """Their labels."""
    validation_weight: np.ndarray
    """(sample,) how much each counts on validation; 0 for those of test."""
    test_weight: np.ndarray
    """(sample,) how much each counts on test; 0 for those of validation."""


def significance(
    task: Task, judged: Judged, candidates: Sequence[Candidate], best: str, resampling: Resampling
) -> dict[str, Any]:
    """The p-value of the best model: (1 + fields on which the best scores as well or better) / (1 + fields).

    Args:
        task: task of the models.
        judged: samples of validation and test.
        candidates: models of which the best was chosen, itself among them.
        best: name of the chosen one.
        resampling: number and seed of the label fields.
    """
    metric = PRIMARY_METRIC[task]
    sign = -1.0 if metric in HIGHER_IS_BETTER else 1.0
    chosen = next(one for one in candidates if one.name == best)
    observed = sign * _mean(metric, judged.field.label[None], chosen.prediction, judged.test_weight)[0]
    rng, scores, n_fields = np.random.default_rng(resampling.seed), list[np.ndarray](), resampling.n_resamples
    rows = max(LABELS_PER_CALL // len(judged.test_weight), 1)
    for start in range(0, n_fields, rows):
        labels = judged.field.draw(min(rows, n_fields - start), rng)
        scores.append(_best_scores(metric, sign, labels, judged, candidates))
    as_good = int((np.concatenate(scores) <= observed + ROUNDING).sum())
    return {
        "p_value": (1 + as_good) / (1 + n_fields),
        "n_label_fields": n_fields,
        "models": len(candidates),
        "variogram": asdict(judged.field.variogram),
    }


def _best_scores(
    metric: str, sign: float, labels: np.ndarray, judged: Judged, candidates: Sequence[Candidate]
) -> np.ndarray:
    """(field,) test scores, the lowest the best, of the model that is the best on the validation labels of each."""
    ordered = sorted(candidates, key=lambda one: one.name)
    costs = np.array(
        [
            [
                np.round(sign * _mean(metric, labels, one.prediction, judged.validation_weight), 9),
                _mean(one.loss, labels, one.prediction, judged.validation_weight),
            ]
            for one in ordered
        ]
    )
    tests = np.array([sign * _mean(metric, labels, one.prediction, judged.test_weight) for one in ordered])
    # By the metric, then by the loss, then by the name: the first of the ordered models.
    tied = costs[:, 0] == costs[:, 0].min(axis=0)
    winner = np.argmin(np.where(tied, costs[:, 1], np.inf), axis=0)
    return np.asarray(tests[winner, np.arange(tests.shape[1])])


def _mean(metric: str, labels: np.ndarray, prediction: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(field,) weighted means of what each sample adds to a metric."""
    counted = weight > 0
    parts = MEANS[metric](labels[:, counted], prediction[counted])
    return np.asarray(parts @ weight[counted] / weight.sum())
