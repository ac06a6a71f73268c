"""Networks that have collapsed: they predict nearly the same for every chip, as a constant does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mineral_pipeline.modelling.spec import ModelSpec

MIN_SPREAD = 0.02
"""Standard deviation of a network's predictions, as a share of the labels', below which it has collapsed."""


def is_collapsed(prediction: np.ndarray, label: np.ndarray, weight: np.ndarray) -> bool:
    """Whether predictions vary too little to be more than a constant; never where the labels do not vary either.

    Args:
        prediction: (sample,) in 0..1.
        label: (sample,) in 0..1.
        weight: (sample,) how much each sample counts.
    """
    if np.ptp(label) == 0:
        return False
    return _standard_deviation(prediction, weight) < MIN_SPREAD * _standard_deviation(label, weight)


def attempts(spec: ModelSpec) -> list[ModelSpec]:
    """The trainings that a network may have, each tried when the one before has collapsed.

    The second has another seed and half the learning rate. Networks on permuted labels have none, because there is
    nothing to learn, nor have candidates of a search, which tries other learning rates by itself.
    """
    if spec.permutation is not None or spec.kind == "candidate":
        return [spec]
    rate = spec.hyperparameters.learning_rate / 2
    # No seed of the settings, which are small: the network must not be that of another model.
    seed = int(np.random.SeedSequence((spec.seed, 1)).generate_state(1)[0])
    return [
        spec,
        replace(spec, seed=seed, hyperparameters=spec.hyperparameters.model_copy(update={"learning_rate": rate})),
    ]


def _standard_deviation(values: np.ndarray, weight: np.ndarray) -> float:
    deviation = values.astype("float64") - np.average(values.astype("float64"), weights=weight)
    return float(np.sqrt(np.average(deviation**2, weights=weight)))
