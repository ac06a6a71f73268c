"""From predicted richness to a number of deposits: the mean, of which a prediction on the log scale is not the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

BELIEF = 30
"""Places for which it counts that a prediction is on the scale of the truth: with few, the slope stays near 1."""


@dataclass(frozen=True)
class NumberGivenOne:
    """The expected number of deposits of a place that holds at least one, by its predicted richness.

    ``ln(1 + n) = intercept + slope ln(1 + N) richness + residual``, and so ``E(n) = smearing exp(intercept + ...) - 1``
    with ``smearing``, the mean of the residuals' exponentials (N. Duan, Smearing estimate, Journal of the American
    Statistical Association 78 (1983) 605-610). The line undoes what the loss does to the scale: a network of the mean
    absolute error predicts medians, and one that has also learnt barren places predicts too little where there is one.
    """

    intercept: float
    """Of ln(1 + n)."""
    slope: float
    """Per unit of predicted ln(1 + n), not below 0; drawn towards 1 where places are few."""
    smearing: float
    """Mean of the exponential of the residuals."""
    max_deposits: int
    """Largest known number of deposits of a place."""
    samples: int
    """Number of places with a deposit to which it was fitted."""

    @property
    def facts(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"intercept": self.intercept, "slope": self.slope, "smearing": self.smearing, "samples": self.samples}

    def __call__(self, richness: np.ndarray) -> np.ndarray:
        """Expected number of deposits, (...), of places of a predicted richness; at least 1 and at most the largest."""
        log_number = self.intercept + self.slope * np.log1p(self.max_deposits) * np.asarray(richness)
        return np.asarray(np.clip(self.smearing * np.exp(log_number) - 1, 1, max(self.max_deposits, 1)))


def fit_number_given_one(richness: np.ndarray, n_deposits: np.ndarray, max_deposits: int) -> NumberGivenOne | None:
    """Fit `NumberGivenOne` to held-out places with a deposit; None where there is none.

    Args:
        richness: (place,) predicted richness, 0 to 1.
        n_deposits: (place,) known deposits; places without one are passed over.
        max_deposits: largest number of deposits of all places.
    """
    rich = n_deposits > 0
    if not rich.any():
        return None
    predicted, actual = np.log1p(max_deposits) * richness[rich].astype(float), np.log1p(n_deposits[rich].astype(float))
    spread = float(np.var(predicted))
    covariance = float(np.mean((predicted - predicted.mean()) * (actual - actual.mean())))
    places = int(rich.sum())
    slope = max((places * covariance / spread + BELIEF) / (places + BELIEF), 0.0) if spread > 1e-12 else 0.0
    intercept = float(actual.mean() - slope * predicted.mean())
    smearing = float(np.mean(np.exp(actual - intercept - slope * predicted)))
    return NumberGivenOne(intercept, slope, smearing, int(max_deposits), places)
