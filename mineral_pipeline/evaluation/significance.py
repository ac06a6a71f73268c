"""How often the best of several models would score as well on labels that mean nothing: a p-value of the choice too.

The predictions stay as they are. The labels of validation and test are drawn anew, together, as random fields; each
time the best model is chosen on validation as it is in truth, and scored on test. The p-value thus accounts for the
number of models (the statistic is that of the best: P. Westfall and S. Young, Resampling-Based Multiple Testing, 1993).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mineral_pipeline.evaluation.label_fields import LabelField
from mineral_pipeline.evaluation.metrics import find_metric
from mineral_pipeline.evaluation.pairing import Pairing
from mineral_pipeline.evaluation.resampling import LABELS_PER_CALL, Resampling
from mineral_pipeline.learning import Task, higher_is_better, is_better

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
    kind: str = ""
    """Kind of the model; it decides nothing here."""


@dataclass(frozen=True)
class Side:
    """The samples of validation, or those of test."""

    rows: np.ndarray
    """(sample,) their numbers among all."""
    weight: np.ndarray
    """(1, sample) how much each counts."""
    pairing: Pairing
    """Which of them metrics of order compare."""

    def score(self, task: Task, metric: str, labels: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """(field,) a metric on labels (field, all samples), rounded so that equal scores are equal."""
        scored = find_metric(task, metric, self.pairing)(labels[:, self.rows], prediction[self.rows], self.weight)
        return np.asarray(np.round(scored, DECIMALS))


@dataclass(frozen=True)
class Judged:
    """The samples on which models are chosen and scored, and the metric that decides."""

    field: LabelField
    """Their labels."""
    validation_weight: np.ndarray
    """(sample,) how much each counts on validation; 0 for those of test."""
    test_weight: np.ndarray
    """(sample,) how much each counts on test; 0 for those of validation."""
    metric: str
    """Name of the primary metric."""
    pairing: Pairing
    """Which samples metrics of order compare; of a local metric all near pairs, since labels are drawn."""

    @cached_property
    def validation(self) -> Side:
        """The samples on which models are chosen."""
        return self._side(self.validation_weight)

    @cached_property
    def test(self) -> Side:
        """The samples on which the best is scored."""
        return self._side(self.test_weight)

    def _side(self, weight: np.ndarray) -> Side:
        rows = np.flatnonzero(weight > 0)
        return Side(rows, weight[None, rows], self.pairing.take(rows))


def significance(
    task: Task, judged: Judged, candidates: Sequence[Candidate], best: str, resampling: Resampling
) -> dict[str, Any]:
    """The p-value of the best model: (1 + fields on which the best scores as well or better) / (1 + fields).

    Args:
        task: task of the models.
        judged: samples of validation and test. The fields on which the metric is not defined count as good.
        candidates: models of which the best was chosen, itself among them.
        best: name of the chosen one.
        resampling: number and seed of the label fields.
    """
    position = next(number for number, one in enumerate(candidates) if one.name == best)
    (observed,) = judged.test.score(task, judged.metric, judged.field.label[None], candidates[position].prediction)
    rng, scores, n_fields = np.random.default_rng(resampling.seed), list[np.ndarray](), resampling.n_resamples
    rows = max(LABELS_PER_CALL // len(judged.test_weight), 1)
    for start in range(0, n_fields, rows):
        labels = judged.field.draw(min(rows, n_fields - start), rng)
        chosen = choose(task, labels, judged, candidates)
        scores.append(np.empty(len(labels)))
        for number in np.unique(chosen):
            fields, prediction = chosen == number, candidates[number].prediction
            scores[-1][fields] = judged.test.score(task, judged.metric, labels[fields], prediction)
    as_good = int((~is_better(judged.metric, observed, np.concatenate(scores))).sum())
    return {
        "p_value": (1 + as_good) / (1 + n_fields),
        "n_label_fields": n_fields,
        "models": len(candidates),
        "variogram": asdict(judged.field.variogram),
    }


def choose(task: Task, labels: np.ndarray, judged: Judged, candidates: Sequence[Candidate]) -> np.ndarray:
    """Positions (field,) of the best candidates on validation labels: by metric, then by loss, then by name.

    It is the rule of `mineral_pipeline.modelling.select_model`, for many labels (field, sample) at once. A metric that
    is not defined on some labels, because they make no pair, chooses by loss.
    """
    order = np.argsort([one.name for one in candidates], kind="stable")
    ordered, side = [candidates[position] for position in order], judged.validation
    scores = np.array([side.score(task, judged.metric, labels, one.prediction) for one in ordered])
    costs = np.nan_to_num(-scores if higher_is_better(judged.metric) else scores, nan=np.inf, posinf=np.inf)
    losses = np.array([side.score(task, one.loss, labels, one.prediction) for one in ordered])
    return np.asarray(order[np.argmin(np.where(costs == costs.min(axis=0), losses, np.inf), axis=0)])
