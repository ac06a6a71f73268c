"""Reliability: what share of the places to which a model gives a probability hold a deposit."""

from __future__ import annotations

from typing import Any

import numpy as np

BINS = 10
"""Equal bins of probability."""


def reliability(label: np.ndarray, probability: np.ndarray, weight: np.ndarray | None = None) -> dict[str, Any]:
    """The table behind a reliability diagram, and the expected calibration error.

    M. Naeini, G. Cooper and M. Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning, AAAI 2015.

    Args:
        label: (sample,) 0 or 1.
        probability: (sample,) in 0..1.
        weight: (sample,) how much each sample counts; by default once.

    Returns:
        ``error``, the mean distance of the shares from the probabilities over samples, and ``bins`` that hold samples:
        ``low``, ``high``, ``samples``, mean ``predicted`` and ``observed`` share.
    """
    weights = np.ones(len(label)) if weight is None else np.asarray(weight, float)
    number = np.minimum((np.asarray(probability) * BINS).astype(int), BINS - 1)
    bins, total = list[dict[str, float]](), 0.0
    for one in np.unique(number):
        inside = number == one
        predicted, observed = (
            float(np.average(values[inside], weights=weights[inside])) for values in (probability, label)
        )
        total += weights[inside].sum() * abs(predicted - observed)
        low, high = one / BINS, (one + 1) / BINS
        bins.append(
            {"low": low, "high": high, "samples": int(inside.sum()), "predicted": predicted, "observed": observed}
        )
    return {"error": float(total / weights.sum()) if len(bins) else None, "bins": bins}
