"""Parts that all networks share: input, normalisation, output and initial weights. Imports Keras: for workers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from mineral_pipeline.modelling.backend import keras
from mineral_pipeline.modelling.pixel_statistics import PixelStatistics
from mineral_pipeline.settings import GlobalPooling, Initialiser, Normalisation, Pooling
from mineral_pipeline.workspace.pixels import PixelScale

__all__ = [
    "he_uniform", "image_input", "initial_bias", "initialiser", "join_statistics", "keras", "layer_seeds",
    "normalise", "pool", "pool_globally", "sigmoid_output",
]  # fmt: skip

MAX_BIAS = 3.0
"""Largest magnitude of the output's initial bias, as a logit: training can still leave a start at 5 % or 95 %."""

GROUPS = 4
"""Groups of feature maps that group normalisation makes: the smallest block of the study has 8 maps."""


def normalise(x: Any, normalisation: Normalisation) -> Any:
    """Normalised feature maps with a scale and an offset per map; unchanged for ``none``.

    ``layer`` is taken over all pixels and maps of an image, as is usual for convolutions (Wu and He 2018, Group
    Normalization): the same as a single group.

    Args:
        x: (n, y, x, maps) Keras tensor.
        normalisation: over what mean and variance are taken.
    """
    match normalisation:
        case "batch":
            return keras.layers.BatchNormalization()(x)
        case "group":
            return keras.layers.GroupNormalization(GROUPS)(x)
        case "layer":
            return keras.layers.GroupNormalization(1)(x)
        case "none":
            return x


def image_input(shape: tuple[int, ...], pixels: PixelScale) -> tuple[Any, Any]:
    """Input of a network, and the images scaled to 0..1 on the device with their channels last; fill stays 0.

    Args:
        shape: (sample, band, y, x) of a store; the number of samples does not matter.
        pixels: what the numbers of its pixels mean.

    Returns:
        Two Keras tensors: (n, band, y, x) integers, and (n, y, x, band) float32.
    """
    inputs = keras.Input(shape[1:], dtype=pixels.dtype, name="image")
    x = keras.layers.Rescaling(1 / pixels.white, name="scale")(inputs)
    return inputs, keras.layers.Permute((2, 3, 1), name="channels_last")(x)


def pool(x: Any, pooling: Pooling, window: int) -> Any:
    """(n, y, x, maps) feature maps, a Keras tensor, of which each window of pixels has become one."""
    if window == 1:
        return x
    layer = keras.layers.MaxPooling2D if pooling == "maximum" else keras.layers.AveragePooling2D
    return layer(window)(x)


def pool_globally(x: Any, pooling: GlobalPooling) -> Any:
    """(n, y, x, maps) feature maps as (n, features), a Keras tensor too."""
    match pooling:
        case "none":
            return keras.layers.Flatten()(x)
        case "average":
            return keras.layers.GlobalAveragePooling2D()(x)
        case "maximum":
            return keras.layers.GlobalMaxPooling2D()(x)
        case "both":
            both = [keras.layers.GlobalAveragePooling2D()(x), keras.layers.GlobalMaxPooling2D()(x)]
            return keras.layers.Concatenate()(both)


def join_statistics(x: Any, inputs: Any, pixels: PixelScale) -> Any:
    """(n, features), a Keras tensor, beside the standardised statistics of the images of `image_input`."""
    return keras.layers.Concatenate(name="with_statistics")([x, PixelStatistics.of(pixels)(inputs)])


def sigmoid_output(x: Any, labels: np.ndarray, loss: str) -> Any:
    """Output neuron in 0..1 that starts as the best constant for the training labels.

    Its initial weights are 0: random ones saturate the sigmoid of a wide network, and with the absolute error such a
    network does not recover (measured).

    Args:
        x: (n, features) Keras tensor.
        labels: (sample,) training labels in 0..1.
        loss: loss that training minimises.
    """
    bias = keras.initializers.Constant(initial_bias(labels, loss))
    return keras.layers.Dense(1, activation="sigmoid", bias_initializer=bias, kernel_initializer="zeros")(x)


def initial_bias(labels: np.ndarray, loss: str) -> float:
    """Logit of the best constant: the mean, or the median for the absolute error.

    With the absolute error and a sigmoid half the networks otherwise collapse to the constant (measured).
    """
    centre = np.median(labels) if loss == "mae" else np.mean(labels)
    share = float(np.clip(centre, 1e-6, 1 - 1e-6))
    return float(np.clip(np.log(share / (1 - share)), -MAX_BIAS, MAX_BIAS))


def layer_seeds(seed: int) -> Iterator[int]:
    """An endless series of seeds, one per layer, so that no state of the process decides a weight."""
    return (
        int(word) for number in itertools.count() for word in np.random.SeedSequence((seed, number)).generate_state(1)
    )


def he_uniform(seeds: Iterator[int]) -> Any:
    """He-uniform initial weights from the next seed."""
    return initialiser("he_uniform", seeds)


def initialiser(name: Initialiser, seeds: Iterator[int]) -> Any:
    """Initial weights of some distribution from the next seed."""
    return keras.initializers.get({"class_name": name, "config": {"seed": next(seeds)}})
