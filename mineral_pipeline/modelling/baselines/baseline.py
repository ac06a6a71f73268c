"""What a baseline is: features of chips, and a function that fits a predictor to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from mineral_pipeline.learning import Task
from mineral_pipeline.modelling.dataset import Samples
from mineral_pipeline.modelling.spec import NETWORK_KINDS, Loss
from mineral_pipeline.registry import Registry


@dataclass(frozen=True)
class Examples:
    """Features of samples, and what is to be predicted from them."""

    features: pd.DataFrame
    """One row per sample."""
    task: Task
    """``presence`` or ``richness``."""
    loss: Loss
    """Loss that is to be minimised."""
    label: np.ndarray
    """(sample,) in 0..1; 0 or 1 for presence."""
    weight: np.ndarray
    """(sample,) with mean 1."""


class FeaturePredictor(Protocol):
    """A fitted baseline. It is saved with skops: its class must be importable wherever it is loaded."""

    def predict(self, features: pd.DataFrame) -> np.ndarray:
        """(sample,) in 0..1, from one row of features per sample."""


@dataclass(frozen=True)
class Baseline:
    """A model without a network, which every network must beat."""

    name: str
    """Kind and name of its models, such as ``brightness``."""
    label: str
    """Name in figures and tables of the report, such as ``brightness only``."""
    features: Callable[[Samples], pd.DataFrame]
    """One row of features per sample, from ``samples.table``, ``samples.metadata``, ``samples.read_images()``, or of
    several."""
    fit: Callable[[Examples, Examples], FeaturePredictor]
    """Fits a predictor to the training subset; the validation subset is for choices, such as that of a penalty."""
    parameters: int | None = None
    """Number of fitted parameters, where it is fixed."""
    types: Sequence[type | str] = ()
    """Classes of the predictor and of all that it holds, or their full names, but for those that `skops.io` trusts: of
    Python, of numpy and most of scikit-learn's. Nothing else is made of a file of a model, which a stranger may have
    written. Those of scikit-learn's trees must be named, because strange ones can crash the process:
    ``sklearn.tree._tree.Tree`` (also of forests and gradient boosting), and of the histogram-based ones
    ``sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor``."""
    pixels: bool = True
    """Whether the features come from pixels."""


BASELINES: Registry[Baseline] = Registry("baseline")
"""All baselines by name."""


def register(baseline: Baseline) -> Baseline:
    """Make a baseline known, and return it.

    Raises:
        ValueError: a baseline of the name exists already, or the name is that of a kind of networks.
    """
    if baseline.name in NETWORK_KINDS:
        raise ValueError(f"baseline {baseline.name!r}: networks have a kind of that name: choose another name")
    return BASELINES.register(baseline.name, baseline)
