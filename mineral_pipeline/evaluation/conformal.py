"""Conformal intervals of a number of deposits: they hold the truth as often as they say, however wrong the model is.

Split conformal prediction (J. Lei, M. G'Sell, A. Rinaldo, R. Tibshirani and L. Wasserman, Journal of the American
Statistical Association 113 (2018) 1094-1111) with the residuals of places that the models have not seen, on the scale
of ``ln(1 + n)``, within classes of like predictions (V. Vovk, Conditional validity of inductive conformal predictors,
Machine Learning 92 (2013) 349-376). Richness is this logarithm divided by its largest: an interval of the number is one
of richness too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

CONFIDENCE = 0.9
"""Confidence of an interval."""

MIN_SUPPORT = 30
"""Fewest residuals, by their effective number, that support a finite interval."""

PER_CLASS = 60
"""Residuals for each class of predictions."""

MAX_CLASSES = 5
"""Largest number of classes of predictions."""


@dataclass(frozen=True)
class ConformalIntervals:
    """Half-widths of the intervals by class of the predicted number, on the scale of ln(1 + n)."""

    edges: np.ndarray
    """(class - 1,) inner edges of the classes, numbers of deposits, increasing."""
    half_width: np.ndarray
    """(class,) infinite where support is thin."""
    largest: float
    """Largest prediction with a residual; beyond it there is no support."""
    samples: int
    """Number of residuals."""

    @property
    def facts(self) -> dict[str, Any]:
        """Plain values, for JSON, which knows no infinity."""
        widths = [float(one) if np.isfinite(one) else None for one in self.half_width]
        return {
            "confidence": CONFIDENCE,
            "samples": self.samples,
            "edges": self.edges.tolist(),
            "half_width": widths,
            "largest": self.largest if np.isfinite(self.largest) else None,
        }

    def interval(self, predicted: np.ndarray, applicable: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Intervals (place,), (place,) of the number of deposits of places.

        Args:
            predicted: (place,) expected numbers.
            applicable: (place,) whether the model applies; by default it does everywhere.

        Returns:
            From 0 and to infinity where support is thin: there are too few residuals, none of so large a prediction,
            or the model does not apply.
        """
        width = self.half_width[np.searchsorted(self.edges, predicted, side="right")]
        thin = (predicted > self.largest) | ~np.isfinite(predicted)
        if applicable is not None:
            thin |= ~applicable
        width = np.where(thin, np.inf, width)
        centre = np.log1p(np.where(np.isfinite(predicted), predicted, 0))
        return np.maximum(np.expm1(centre - width), 0), np.expm1(centre + width)


def fit_conformal(predicted: np.ndarray, observed: np.ndarray, weight: np.ndarray | None = None) -> ConformalIntervals:
    """Intervals from the residuals of places that the models have not seen.

    Args:
        predicted: (place,) expected number of deposits.
        observed: (place,) known deposits.
        weight: (place,) how often such a place occurs where intervals are wanted, by default alike: the conformal
            quantile is then a weighted one (R. Tibshirani, R. Foygel Barber, E. Candes and A. Ramdas, NeurIPS 2019).
    """
    weights = np.ones(len(predicted)) if weight is None else np.asarray(weight, float)
    if not len(predicted):
        return ConformalIntervals(np.empty(0), np.array([np.inf]), -np.inf, 0)
    score = np.abs(np.log1p(observed) - np.log1p(predicted))
    n_classes = int(np.clip(effective_number(weights) // PER_CLASS, 1, MAX_CLASSES))
    edges = np.unique(np.quantile(predicted, np.arange(1, n_classes) / n_classes))
    edges = edges[edges > predicted.min()]  # else the first class would be empty, of predictions that are all alike
    number = np.searchsorted(edges, predicted, side="right")
    widths = [conformal_quantile(score[number == one], weights[number == one]) for one in range(len(edges) + 1)]
    return ConformalIntervals(edges, np.array(widths), float(predicted.max()), len(predicted))


def conformal_quantile(score: np.ndarray, weight: np.ndarray) -> float:
    """The least score that, with that of one more place, holds `CONFIDENCE` of the weight; infinite with few.

    The place that is asked for counts as the heaviest of the others, which errs on the wide side.
    """
    if effective_number(weight) < MIN_SUPPORT:
        return np.inf
    order = np.argsort(score, kind="stable")
    reached = np.cumsum(weight[order]) / (weight.sum() + weight.max())
    place = int(np.searchsorted(reached, CONFIDENCE - 1e-12))
    return float(score[order][place]) if place < len(score) else np.inf


def effective_number(weight: np.ndarray) -> float:
    """How many samples of equal weight tell as much (L. Kish, Survey Sampling, 1965)."""
    squares = float((weight**2).sum())
    return float(weight.sum()) ** 2 / squares if squares else 0.0
