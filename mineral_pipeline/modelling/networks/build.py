"""From a model's spec to a Keras network."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from mineral_pipeline.modelling.backend import keras
from mineral_pipeline.modelling.networks.study import architecture, pooling
from mineral_pipeline.modelling.spec import ModelSpec

MOMENTUM = 0.9
"""Of batch normalisation: its averages settle within some 40 steps, and short runs have a hundred."""

FARTHEST = 3.0
"""Bound of the output's first bias, as a logit: a start at 5 % or 95 % can still be left."""


def build(spec: ModelSpec, shape: tuple[int, ...], dtype: str, labels: np.ndarray) -> Any:
    """The network of a spec, not compiled.

    Args:
        spec: of a kind that has a network.
        shape: (sample, band, y, x) of a store; the number of samples does not matter.
        dtype: of its pixels, an unsigned integer; the network scales them to 0..1 on the device.
        labels: (n,) of training in 0..1, from which the output's first bias is taken.

    Returns:
        A Keras model from (n, band, y, x) to (n, 1) in 0..1.
    """
    if spec.convolution is None or spec.dense is None:
        raise ValueError(f"{spec.name}: a {spec.kind} model has no network")
    layers, values = keras.layers, spec.hyperparameters
    plan, seeds = architecture(spec.convolution, spec.dense), _seeds(spec.seed)
    inputs = keras.Input(shape[1:], dtype=dtype, name="image")
    x = layers.Rescaling(1 / np.iinfo(dtype).max, name="scale")(inputs)
    x = layers.Permute((2, 3, 1), name="channels_last")(x)
    for filters, window in zip(plan.filters, pooling(min(shape[2:]), len(plan.filters)), strict=True):
        x = layers.Conv2D(
            filters,
            values.kernel,
            padding="same",
            use_bias=False,
            kernel_initializer=_he(seeds),
            kernel_regularizer=keras.regularizers.L1L2(values.conv_l1, values.conv_l2),
        )(x)
        # Pooling commutes with ReLU; before the normalisation it leaves that a quarter of the pixels (measured: 40 %
        # of the time at 64 pixels).
        x = layers.MaxPooling2D(window)(x) if window > 1 else x
        x = layers.BatchNormalization(momentum=MOMENTUM)(x)
        x = layers.ReLU()(x)
    x = layers.Dropout(values.dropout, seed=next(seeds))(layers.Flatten()(x))
    for units in plan.units:
        x = layers.Dense(
            units,
            activation="relu",
            kernel_initializer=_he(seeds),
            kernel_regularizer=keras.regularizers.L1L2(values.dense_l1, values.dense_l2),
        )(x)
    bias = keras.initializers.Constant(first_bias(labels, spec.loss))
    # No weights at first: the network starts as the best constant. Random ones saturate the sigmoid of a wide network,
    # and with the absolute error it never comes back (measured).
    outputs = layers.Dense(1, activation="sigmoid", bias_initializer=bias, kernel_initializer="zeros")(x)
    return keras.Model(inputs, outputs, name=spec.name)


def first_bias(labels: np.ndarray, loss: str) -> float:
    """Logit of the best constant: the mean, or the median for the absolute error.

    With the absolute error and a sigmoid half the networks otherwise collapse to the constant.
    """
    centre = np.median(labels) if loss == "mae" else np.mean(labels)
    share = float(np.clip(centre, 1e-6, 1 - 1e-6))
    return float(np.clip(np.log(share / (1 - share)), -FARTHEST, FARTHEST))


def _seeds(seed: int) -> Iterator[int]:
    """One seed per layer: no state of the process decides a weight."""
    return (
        int(word) for number in itertools.count() for word in np.random.SeedSequence((seed, number)).generate_state(1)
    )


def _he(seeds: Iterator[int]) -> Any:
    return keras.initializers.HeUniform(seed=next(seeds))
