"""The compiled loop of downsampling: weighted sums of pixels, and of valid pixels, along lines and then samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

LARGEST_SINGLE = 2**24
"""Integers up to here are exact in single precision, up to 2**53 in double (IEEE 754)."""


@dataclass(frozen=True)
class Taps:
    """What each of n output pixels takes of the input pixels along one axis, in integers.

    Sums of products of integers are exact, so that a chip has the same bytes whatever the processor, the number
    of threads and the order of summation.
    """

    starts: npt.NDArray[np.int64]
    """(n,) first input pixel of each."""
    weights: npt.NDArray[np.int64]
    """(n, k) weights of k consecutive input pixels; every row adds up to ``unit``."""
    unit: int
    """What the weights of an output pixel add up to."""

    @property
    def largest_sum(self) -> int:
        """By how much a weighted sum can exceed the largest pixel value."""
        return int(np.abs(self.weights).sum(axis=1).max())


def weighted_sums(
    image: npt.NDArray[np.integer[Any]], down: Taps, across: Taps
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Weighted sums of pixel values, and of ones where the pixel is not 0.

    Args:
        image: (y, x) uint8 or uint16.
        down: taps of n output lines along y.
        across: taps of m output samples along x.

    Returns:
        Two arrays (n, m) of integers in float64, exact.
    """
    single = image.dtype == np.uint8 and 255 * down.largest_sum < LARGEST_SINGLE
    dtype = np.float32 if single else np.float64
    total, cover = np.empty((2, len(down.starts), len(across.starts)))
    values, ones = np.empty((2, image.shape[1]), dtype)  # of one line
    down_weights, across_weights = down.weights.astype(dtype), across.weights.astype(np.float64)
    pixels = np.ascontiguousarray(image)
    _sum(pixels, down.starts, down_weights, across.starts, across_weights, values, ones, total, cover)
    return total, cover


def _compiled(function: Callable[..., None]) -> Callable[..., None]:
    """Compile at the first call and keep the machine code on disk, where there is a place for it."""
    # the order of exact sums does not matter, so the compiler may choose it
    options: dict[str, Any] = {"nogil": True, "fastmath": {"reassoc", "contract"}}
    try:
        return numba.njit(cache=True, **options)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # neither this folder nor the home can be written, as in some containers
        return numba.njit(**options)(function)  # type: ignore[no-any-return]


@_compiled
def _sum(
    image: Array,
    tops: Array,
    down: Array,
    lefts: Array,
    across: Array,
    values: Array,
    ones: Array,
    total: Array,
    cover: Array,
) -> None:
    """One output line at a time: a weighted sum of input lines, which a processor does many pixels at a time."""
    for i in range(down.shape[0]):
        values[:] = 0
        ones[:] = 0
        for k in range(down.shape[1]):
            weight = down[i, k]
            line = image[tops[i] + k]
            if weight != 0:
                for x in range(line.size):
                    values[x] += weight * line[x]
                    ones[x] += weight * (line[x] != 0)
        for j in range(across.shape[0]):
            value_sum, one_sum = 0.0, 0.0
            for k in range(across.shape[1]):
                value_sum += across[j, k] * values[lefts[j] + k]
                one_sum += across[j, k] * ones[lefts[j] + k]
            total[i, j], cover[i, j] = value_sum, one_sum
