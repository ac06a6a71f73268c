"""The nine networks of the study: three convolutional parts by three dense parts.

A convolutional part is a chain of blocks (convolution, max pooling, normalisation, ReLU). Chips of 32 to 512
pixels go through the same blocks: only the pooling widens with the chip, so that the last feature map is at most
``final_size`` pixels wide, 8 in the study's, and the dense part keeps its size. Parameters for one band, 3 x 3 kernels
and any chip whose last map is 8 x 8 (32, 64, 128, 256, 512 pixels):

    convolutions / dense     small     medium        big
    small                   20,105     69,353    139,049
    medium                  48,201    146,601    281,833
    big                    100,913    297,617    563,921
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mineral_pipeline.errors import DataError
from mineral_pipeline.modelling.networks.network import Network, register
from mineral_pipeline.modelling.spec import ModelSpec
from mineral_pipeline.settings import Size
from mineral_pipeline.workspace.pixels import PixelScale

CONVOLUTIONS: dict[Size, tuple[int, ...]] = {
    "small": (8, 16, 16),
    "medium": (8, 16, 32, 32),
    "big": (16, 16, 32, 32, 64),
}
"""Feature maps of the blocks of each convolutional part."""

DENSE_LAYERS: dict[Size, tuple[int, ...]] = {
    "small": (16,),
    "medium": (64,),
    "big": (128, 32),
}
"""Neurons of the hidden layers of each dense part."""


def study_network(convolution: Size, dense: Size) -> str:
    """Name of one of the nine networks."""
    return f"{convolution}-{dense}"


@dataclass(frozen=True)
class Architecture:
    """Blocks and layers of one network."""

    filters: tuple[int, ...]
    """Feature maps of each convolutional block."""
    units: tuple[int, ...]
    """Neurons of each hidden dense layer; the output neuron comes after them."""

    def build(self, spec: ModelSpec, shape: tuple[int, ...], pixels: PixelScale, labels: np.ndarray) -> Any:
        """The Keras model, not compiled; see `Network.build`."""
        from mineral_pipeline.modelling import layers  # TensorFlow takes seconds to import: only workers do

        keras, values, seeds = layers.keras, spec.hyperparameters, layers.layer_seeds(spec.seed)
        inputs, x = layers.image_input(shape, pixels)
        x = self.encode(spec, x, seeds)
        x = layers.pool_globally(x, values.global_pooling)
        if values.statistics:
            x = layers.join_statistics(x, inputs, pixels)
        x = keras.layers.Dropout(values.dropout, seed=next(seeds))(x)
        for units in self.units:
            x = keras.layers.Dense(
                units,
                activation=values.activation,
                kernel_initializer=layers.initialiser(values.initialiser, seeds),
                kernel_regularizer=keras.regularizers.L1L2(values.dense_l1, values.dense_l2),
            )(x)
        return keras.Model(inputs, layers.sigmoid_output(x, labels, spec.loss), name=spec.name)

    def encode(self, spec: ModelSpec, x: Any, seeds: Iterator[int]) -> Any:
        """The convolutional part; see `Network.encode`."""
        from mineral_pipeline.modelling import layers

        keras, values = layers.keras, spec.hyperparameters
        for filters, (_, window) in zip(self.filters, self._edges(spec, min(x.shape[1:3])), strict=True):
            x = keras.layers.Conv2D(
                filters,
                values.kernel,
                strides=values.stride,
                padding=values.padding,
                use_bias=spec.normalisation == "none",
                kernel_initializer=layers.initialiser(values.initialiser, seeds),
                kernel_regularizer=keras.regularizers.L1L2(values.conv_l1, values.conv_l2),
            )(x)
            # The maximum commutes with ReLU; before the normalisation it leaves that a quarter of the pixels (measured:
            # 40 % of the time at 64 pixels).
            x = layers.pool(x, values.pooling, window)
            x = layers.normalise(x, spec.normalisation)
            x = keras.layers.Activation(values.activation)(x)
        return x

    def feature_maps(self, spec: ModelSpec, shape: tuple[int, ...]) -> int:
        """Number of values that the convolutions of one image give; see `Network.feature_maps`."""
        edges = self._edges(spec, min(shape[2:]))
        return sum(filters * edge**2 for filters, (edge, _) in zip(self.filters, edges, strict=True))

    def _edges(self, spec: ModelSpec, size: int) -> list[tuple[int, int]]:
        """Edges of the feature maps and of the pooling windows of all blocks, for chips of ``size`` pixels.

        Raises:
            DataError: nothing is left of a chip.
        """
        values, blocks = spec.hyperparameters, len(self.filters)
        edges = list[tuple[int, int]]()
        for number, window in enumerate(pooling(-(-size // values.stride**blocks), blocks, values.final_size), 1):
            size -= values.kernel - 1 if values.padding == "valid" else 0
            edges.append((-(-max(size, 0) // values.stride), window))
            size = edges[-1][0] // window
            if size < 1:
                raise DataError(
                    f"{spec.path}: nothing is left of a chip in block {number} of {blocks} with kernel {values.kernel},"
                    f" stride {values.stride} and padding {values.padding}: lower these, or take padding same"
                )
        return edges


def pooling(size: int, blocks: int, final: int) -> tuple[int, ...]:
    """Edge of the max pooling window of each block, a power of two; wide ones come first, where they save most.

    Args:
        size: edge of a chip in pixels.
        blocks: number of blocks.
        final: largest width of the last feature map (pooling rounds down).
    """
    halvings = max(math.ceil(math.log2((size + 1) / (final + 1))), 0)
    each, more = divmod(halvings, blocks)
    return tuple(2 ** (each + (block < more)) for block in range(blocks))


for convolution, filters in CONVOLUTIONS.items():
    for dense, units in DENSE_LAYERS.items():
        one = Architecture(filters, units)
        register(
            Network(study_network(convolution, dense), one.build, convolution, dense, one.encode, one.feature_maps)
        )
