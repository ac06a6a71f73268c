"""Logistic regression from known deposits and places where none is known, which are not places without one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

PENALTY = 1e-3
"""Of the squared coefficients, beside a mean loss."""


@dataclass(frozen=True)
class Logistic:
    """Logistic regression on standardised features and their squares."""

    centre: np.ndarray
    """(feature,) means."""
    scale: np.ndarray
    """(feature,) standard deviations."""
    coefficients: np.ndarray
    """(1 + 2 features,) the constant first."""

    def predict(self, features: np.ndarray) -> np.ndarray:
        """(place,) probabilities."""
        return np.asarray(expit(_design(features, self.centre, self.scale) @ self.coefficients))


def _design(features: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    standard = np.clip((features - centre) / scale, -4, 4)
    return np.column_stack([np.ones(len(standard)), standard, standard**2])


def fit_weighted(features: np.ndarray, known: np.ndarray, weight: np.ndarray) -> Logistic:
    """Negatives as they are: cross-entropy, weighted."""
    centre, scale = features.mean(axis=0), features.std(axis=0) + 1e-9
    design, sign = _design(features, centre, scale), np.where(known, 1.0, -1.0)
    weight = weight / weight.sum()

    def risk(coefficients: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (design @ coefficients)
        loss = np.logaddexp(0, -margin) @ weight
        slope = -(sign * weight * expit(-margin)) @ design
        return loss + PENALTY * coefficients[1:] @ coefficients[1:], slope + _shrink(coefficients)

    start = np.zeros(design.shape[1])
    return Logistic(centre, scale, minimize(risk, start, jac=True, method="L-BFGS-B").x)


def fit_unlabelled(features: np.ndarray, known: np.ndarray, prior: float) -> Logistic:
    """Non-negative risk of positive and unlabelled places: R. Kiryo, G. Niu, M. du Plessis and M. Sugiyama, NIPS 2017.

    ``prior R_p(+1) + max(0, R_u(-1) - prior R_p(-1))`` with the sigmoid loss, as there; all places are unlabelled,
    those with a known deposit included. It is the risk of the true labels where the known are drawn at random among the
    positives.

    Args:
        features: (place, feature).
        known: (place,) whether a deposit is known.
        prior: share of the places with a deposit, known or not.
    """
    centre, scale = features.mean(axis=0), features.std(axis=0) + 1e-9
    design = _design(features, centre, scale)
    positive = design[known]

    def risk(coefficients: np.ndarray) -> tuple[float, np.ndarray]:
        known_positive, all_positive = expit(positive @ coefficients), expit(design @ coefficients)
        bend_known = prior * (known_positive * (1 - known_positive)) @ positive / len(positive)
        as_negative = all_positive.mean() - prior * known_positive.mean()
        slope = -bend_known
        if as_negative > 0:
            slope = slope + (all_positive * (1 - all_positive)) @ design / len(design) - bend_known
        total = prior * (1 - known_positive.mean()) + max(as_negative, 0.0)
        return total + PENALTY * coefficients[1:] @ coefficients[1:], slope + _shrink(coefficients)

    # The risk has several minima: it is descended from the model that takes the unlabelled for negative.
    start = fit_weighted(features, known, np.ones(len(known))).coefficients
    return Logistic(centre, scale, minimize(risk, start, jac=True, method="L-BFGS-B").x)


def _shrink(coefficients: np.ndarray) -> np.ndarray:
    """Slope of the penalty; the constant is free."""
    return 2 * PENALTY * np.concatenate([[0.0], coefficients[1:]])
