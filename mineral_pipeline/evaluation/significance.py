"""How often the best of several models would score as well on labels that mean nothing: a p-value of the choice too.

The predictions stay as they are. The labels of validation and test are drawn anew, together, as random fields; each
time the best model is chosen on validation as it is in truth, and scored on test. The p-value thus accounts for the
number of models (the statistic is that of the best: P. Westfall and S. Young, Resampling-Based Multiple Testing, 1993).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mineral_pipeline.evaluation.label_fields import LabelField
from mineral_pipeline.evaluation.metrics import MEANS
from mineral_pipeline.evaluation.resampling import Resampling
from mineral_pipeline.learning import HIGHER_IS_BETTER, PRIMARY_METRIC, Task, is_better

LABELS_PER_CALL = 2_000_000
"""Labels that are scored at a time: 16 MB."""

DECIMALS = 9
"""Decimals of a score that mean something."""


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
    position = next(number for number, one in enumerate(candidates) if one.name == best)
    observed = _test_scores(task, judged.field.label[None], judged, candidates)[position]
    rng, scores, n_fields = np.random.default_rng(resampling.seed), list[np.ndarray](), resampling.n_resamples
    rows = max(LABELS_PER_CALL // len(judged.test_weight), 1)
    for start in range(0, n_fields, rows):
        labels = judged.field.draw(min(rows, n_fields - start), rng)
        chosen = choose(task, labels, judged, candidates)
        scores.append(_test_scores(task, labels, judged, candidates)[chosen, np.arange(len(labels))])
    as_good = int((~is_better(PRIMARY_METRIC[task], observed, np.concatenate(scores))).sum())
    return {
        "p_value": (1 + as_good) / (1 + n_fields),
        "n_label_fields": n_fields,
        "models": len(candidates),
        "variogram": asdict(judged.field.variogram),
    }


def choose(task: Task, labels: np.ndarray, judged: Judged, candidates: Sequence[Candidate]) -> np.ndarray:
    """Positions (field,) of the best candidates on validation labels: by metric, then by loss, then by name.

    It is the rule of `mineral_pipeline.modelling.select_model`, for many labels (field, sample) at once.
    """
    order = np.argsort([one.name for one in candidates], kind="stable")
    metric, weight = PRIMARY_METRIC[task], judged.validation_weight
    ordered = [candidates[position] for position in order]
    scores = np.array([_mean(metric, labels, one.prediction, weight) for one in ordered])
    losses = np.array([_mean(one.loss, labels, one.prediction, weight) for one in ordered])
    best = scores.max(axis=0) if metric in HIGHER_IS_BETTER else scores.min(axis=0)
    return np.asarray(order[np.argmin(np.where(scores == best, losses, np.inf), axis=0)])


def _test_scores(task: Task, labels: np.ndarray, judged: Judged, candidates: Sequence[Candidate]) -> np.ndarray:
    """(candidate, field) primary metric on test."""
    metric = PRIMARY_METRIC[task]
    return np.array([_mean(metric, labels, one.prediction, judged.test_weight) for one in candidates])


def _mean(metric: str, labels: np.ndarray, prediction: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(field,) weighted means of what each sample adds to a metric, rounded so that equal scores are equal."""
    counted = weight > 0
    parts = MEANS[metric](labels[:, counted], prediction[counted])
    return np.asarray(np.round(parts @ weight[counted] / weight.sum(), DECIMALS))
