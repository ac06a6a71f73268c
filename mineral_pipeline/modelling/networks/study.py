"""The nine architectures as data: three convolutional parts by three dense parts.

A convolutional part is a chain of blocks (convolution, batch normalisation, ReLU, max pooling). Chips of 32 to 512
pixels go through the same blocks: only the pooling widens with the chip, so that the last feature map is at most
`FINAL_SIDE` pixels wide and the dense part keeps its size. Parameters for one band, 3 x 3 kernels and any chip whose
last map is 8 x 8 (32, 64, 128, 256, 512 pixels):

    convolutions / dense     small     medium        big
    small                   20,105     69,353    139,049
    medium                  48,201    146,601    281,833
    big                    100,913    297,617    563,921
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from mineral_pipeline.settings import Size

FINAL_SIDE = 8
"""Largest width of the last feature map in pixels."""


@dataclass(frozen=True)
class Architecture:
    """Blocks and layers of one network."""

    filters: tuple[int, ...]
    """Feature maps of each convolutional block."""
    units: tuple[int, ...]
    """Neurons of each hidden dense layer; the output neuron comes after them."""


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


def architecture(convolution: Size, dense: Size) -> Architecture:
    """One of the nine."""
    return Architecture(CONVOLUTIONS[convolution], DENSE_LAYERS[dense])


def pooling(side: int, blocks: int, final: int = FINAL_SIDE) -> tuple[int, ...]:
    """Edge of the max pooling window of each block, a power of two; wide ones come first, where they save most.

    Args:
        side: edge of a chip in pixels.
        blocks: number of blocks.
        final: the last feature map is at most so wide (pooling rounds down).
    """
    halvings = max(math.ceil(math.log2((side + 1) / (final + 1))), 0)
    each, more = divmod(halvings, blocks)
    return tuple(2 ** (each + (block < more)) for block in range(blocks))
