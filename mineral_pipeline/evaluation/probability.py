"""Probabilities that mean what they say: calibrated on held-out samples, then brought to the classes' true shares.

A network that has learnt from as many places with a deposit as without one gives probabilities of that balance. What a
geologist asks is the probability on the ground as it is, where deposits are rarer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

MIN_FOR_ISOTONIC = 1000
"""Fewest samples of each class for isotonic regression: with fewer it overfits (A. Niculescu-Mizil and R. Caruana,
Predicting good probabilities with supervised learning, ICML 2005)."""

LEAST = 1e-6
"""Nothing is more certain than this, so that odds are finite."""

TEMPERATURES = (0.05, 20.0)
"""Range in which a temperature is sought; at its ends predictions are useless or nearly certain."""

DEVIATION = 1.0
"""Standard deviation of the logarithm of a temperature before a sample is seen: a dozen samples do not undo a model."""


@dataclass(frozen=True)
class Calibration:
    """A function from a model's probabilities to calibrated ones, which does not change their order."""

    method: str
    """``temperature`` or ``isotonic``."""
    samples: int
    """Number of samples to which it was fitted."""
    temperature: float | None
    """Divisor of the logits; None of an isotonic one."""
    apply: Callable[[np.ndarray], np.ndarray]
    """From (...) probabilities to as many calibrated ones."""

    @property
    def facts(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"method": self.method, "temperature": self.temperature, "samples": self.samples}


def fit_calibration(label: np.ndarray, prediction: np.ndarray, weight: np.ndarray | None = None) -> Calibration:
    """Calibrate probabilities on samples on which the model was not trained.

    Isotonic regression where there are `MIN_FOR_ISOTONIC` samples of each class; else one temperature by which logits
    are divided, that of the least cross-entropy, drawn towards 1 by few samples (C. Guo, G. Pleiss, Y. Sun and K.
    Weinberger, On calibration of modern neural networks, ICML 2017). Samples of one class cannot tell it: nothing is
    changed then.

    Args:
        label: (sample,) 0 or 1.
        prediction: (sample,) in 0..1.
        weight: (sample,) how much each sample counts; by default once.
    """
    weights, positive = np.ones(len(label)) if weight is None else weight.astype(float), label > 0.5
    if min(positive.sum(), (~positive).sum()) >= MIN_FOR_ISOTONIC:
        return Calibration("isotonic", len(label), None, _isotonic(positive, prediction, weights))
    temperature = _temperature(positive, prediction, weights) if 0 < positive.sum() < len(positive) else 1.0
    return Calibration(
        "temperature", len(label), temperature, lambda given: logistic(logit(np.asarray(given)) / temperature)
    )


def _temperature(positive: np.ndarray, prediction: np.ndarray, weight: np.ndarray) -> float:
    from scipy.optimize import minimize_scalar

    logits, sign = logit(prediction), np.where(positive, -1.0, 1.0)

    def cost(log_temperature: float) -> float:
        cross_entropy = float(np.logaddexp(0, sign * logits / np.exp(log_temperature)) @ weight)
        return cross_entropy + (log_temperature / DEVIATION) ** 2 / 2

    return float(np.exp(minimize_scalar(cost, bounds=np.log(TEMPERATURES), method="bounded").x))


def _isotonic(positive: np.ndarray, prediction: np.ndarray, weight: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Isotonic regression, linear between the middles of its steps, so that places keep an order within a step."""
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression().fit_transform(prediction, positive.astype(float), sample_weight=weight)
    steps, number = np.unique(fitted, return_inverse=True)
    mass = np.bincount(number, weight)
    middle = np.bincount(number, weight * prediction) / mass
    inner = (mass * steps + 1) / (mass + 2)  # of Laplace's rule: no step of few samples is certain
    inner = np.maximum.accumulate(inner)
    return lambda given: np.interp(given, middle, inner)


def to_shares(probability: np.ndarray, balance: float, share: float) -> np.ndarray:
    """Probabilities where positives have another share: odds times (true prior odds / odds of the training).

    The features of each class are taken to be the same in both (label shift); see M. Saerens, P. Latinne and C.
    Decaestecker, Neural Computation 14 (2002) 21-41.

    Args:
        probability: (...) calibrated where positives have the share ``balance``.
        balance: share of the positives, by weight, among the samples of the calibration; within 0..1, both excluded.
        share: their share among the places that are asked for; within 0..1.
    """
    share = min(max(share, LEAST), 1 - LEAST)
    return logistic(logit(probability) + logit(np.array(share)) - logit(np.array(balance)))


def logit(probability: np.ndarray) -> np.ndarray:
    """Logarithm of the odds, finite: probabilities are brought within `LEAST` of 0 and 1."""
    inside = np.clip(np.asarray(probability, float), LEAST, 1 - LEAST)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def logistic(logits: np.ndarray) -> np.ndarray:
    """The probability of some logits."""
    return np.asarray(1 / (1 + np.exp(-np.asarray(logits))))
