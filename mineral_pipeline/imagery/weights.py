"""The weights of input pixels in the pixels of a downsampled image, for averages and for the Lanczos window."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mineral_pipeline.geometry import Integers

LOBES = 3
"""Lobes of the Lanczos window on each side of its centre, in chip pixels."""

LANCZOS_UNIT = {"uint8": 2**15, "uint16": 2**17}
"""Sum of the integer weights of the Lanczos window, by pixel type.

Sums of 8-bit pixels over lines stay exact in single precision and all others in double, and rounding the weights
changes a pixel by less than a tenth of a level in 255."""


class ResamplingWeights(NamedTuple):
    """The weights of input pixels in each of n output pixels along one axis, as integers.

    Sums of products of integers are exact, so that a chip has the same bytes whatever the processor, the number
    of threads and the order of summation.
    """

    starts: Integers
    """(n,) first input pixel of each output pixel."""
    weights: npt.NDArray[np.int64 | np.floating[Any]]
    """(n, k) weights of k consecutive input pixels; every row adds up to ``unit``."""
    unit: int
    """Sum of the weights of an output pixel."""

    @property
    def largest_sum(self) -> int:
        """Factor by which a weighted sum can exceed the largest pixel value."""
        return int(np.abs(self.weights).sum(axis=1).max())

    def astype(self, dtype: npt.DTypeLike) -> ResamplingWeights:
        """Return the same weights in another type, in which their sums must be exact."""
        return self._replace(weights=self.weights.astype(dtype))


@lru_cache(16)  # the bands of a scene share them, and its lines and samples often do
def area_weights(length: int, n: int) -> ResamplingWeights:
    """Return how much of each pixel each of ``n`` equal parts of ``length`` pixels covers, in n-ths of a pixel."""
    part = np.arange(n)
    count = min(-(-length // n) + 1, length)
    starts = np.minimum(part * length // n, length - count)
    pixel = starts[:, None] + np.arange(count)
    first = np.maximum(pixel * n, part[:, None] * length)
    last = np.minimum((pixel + 1) * n, (part[:, None] + 1) * length)
    return ResamplingWeights(starts, np.maximum(last - first, 0), length)


@lru_cache(16)
def lanczos_weights(length: int, n: int, unit: int) -> ResamplingWeights:
    """Return a Lanczos window of `LOBES` lobes, stretched to the scale, for each of ``n`` parts of ``length`` pixels.

    C. E. Duchon, Lanczos Filtering in One and Two Dimensions, J. Appl. Meteorol. 18 (1979) 1016-1022. At the image's
    borders the window is cut off and scaled to add up to ``unit`` again.
    """
    scale = length / n
    centre = (np.arange(n) + 0.5) * scale
    count = min(math.ceil(2 * LOBES * scale) + 1, length)
    starts = np.clip(np.ceil(centre - LOBES * scale - 0.5).astype(np.int64), 0, length - count)
    distance = (starts[:, None] + np.arange(count) + 0.5 - centre[:, None]) / scale
    window = np.where(np.abs(distance) < LOBES, np.sinc(distance) * np.sinc(distance / LOBES), 0)
    weights = np.rint(unit * window / window.sum(axis=1, keepdims=True)).astype(np.int64)
    weights[np.arange(n), weights.argmax(axis=1)] += unit - weights.sum(axis=1)
    return ResamplingWeights(starts, weights, unit)
