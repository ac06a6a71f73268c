"""The compiled loops of downsampling: weighted sums of pixels, and of valid pixels, along lines and then samples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from mineral_pipeline.jit import njit

Array = npt.NDArray[Any]

LARGEST_SINGLE = 2**24
"""Integers up to here are exact in single precision, up to 2**53 in double (IEEE 754)."""

BLOCK = 128
"""Samples that are judged together: where they are all valid, or all fill, valid pixels need no sum of their own."""

EMPTY, MIXED, FULL = 0, 1, 2
"""What pixels hold: nothing but fill, both, nothing but valid pixels."""

AT_ONCE = 4
"""Input lines in one pass over an output line, which is loaded and stored once for all of them."""


@dataclass(frozen=True)
class ResamplingWeights:
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


def classify_blocks(image: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
    """Sum (y + 1, blocks) of what each block of `BLOCK` samples holds in all lines above each."""
    sums = np.zeros((image.shape[0] + 1, -(-image.shape[1] // BLOCK)), np.int64)
    _classify_blocks(image, sums)
    return sums


def weighted_sums(
    image: npt.NDArray[np.integer[Any]],
    judged: npt.NDArray[np.int64],
    down: ResamplingWeights,
    across: ResamplingWeights,
    wanted: npt.NDArray[np.bool_] | None = None,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Weighted sums of pixel values, and of ones where the pixel is not 0.

    Args:
        image: (y, x) uint8 or uint16, contiguous.
        judged: of `judge`.
        down: taps of n output lines along y.
        across: taps of m output samples along x.
        wanted: (n, m), where sums of pixel values are wanted; by default everywhere. They are 0 elsewhere.

    Returns:
        Two arrays (n, m) of integers in float64, exact.
    """
    single = image.dtype == np.uint8 and 255 * down.largest_sum < LARGEST_SINGLE
    dtype = np.float32 if single else np.float64
    total, cover = np.empty((2, len(down.starts), len(across.starts)))
    wanted = np.ones(total.shape, np.bool_) if wanted is None else wanted
    line = np.empty((2, image.shape[1]), dtype)
    lines = (down.starts, down.weights.astype(dtype))
    samples = (across.starts, across.weights.astype(np.float64), across.unit)
    _sum(image, judged, lines, samples, wanted, line, total, cover)
    return total, cover


_compiled = partial(njit, fastmath={"reassoc", "contract"})
"""The order of exact sums does not matter, so that the compiler may choose it."""


@_compiled
def _classify_blocks(image: Array, sums: Array) -> None:
    for y in range(image.shape[0]):
        for b in range(sums.shape[1]):
            block = image[y, b * BLOCK : (b + 1) * BLOCK]
            lowest = highest = block[0]
            for x in range(block.size):
                lowest, highest = min(lowest, block[x]), max(highest, block[x])
            sums[y + 1, b] = sums[y, b] + (FULL if lowest > 0 else MIXED if highest > 0 else EMPTY)


@_compiled
def _gather(image: Array, top: int, left: int, weights: Array, total: Array) -> None:
    """A weighted sum of lines, of which a processor does many pixels at a time."""
    total[:] = 0
    right = left + total.size
    whole = weights.size // AT_ONCE * AT_ONCE
    for k in range(0, whole, AT_ONCE):
        a, b = image[top + k, left:right], image[top + k + 1, left:right]
        c, d = image[top + k + 2, left:right], image[top + k + 3, left:right]
        p, q, r, s = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        for x in range(total.size):
            total[x] += p * a[x] + q * b[x] + r * c[x] + s * d[x]
    for k in range(whole, weights.size):
        line, weight = image[top + k, left:right], weights[k]
        for x in range(total.size):
            total[x] += weight * line[x]


@_compiled
def _gather_valid(image: Array, top: int, left: int, weights: Array, mask: Array, total: Array) -> None:
    """The same of ones where a pixel is not 0."""
    for k in range(weights.size):
        line, valid = image[top + k, left : left + total.size], mask[k, : total.size]
        for x in range(total.size):
            valid[x] = line[x] != 0
    _gather(mask, 0, 0, weights, total)


@_compiled
def _sum_lines(
    image: Array, top: int, weights: Array, states: Array, wanted: Array, mask: Array, values: Array, ones: Array
) -> None:
    """Weighted sums of the lines from ``top``, by spans of blocks that are alike."""
    b = 0
    while b < states.size:
        left, state, want = b * BLOCK, states[b], wanted[b]
        while b < states.size and states[b] == state and wanted[b] == want:
            b += 1
        right = min(b * BLOCK, values.size)
        if want and state != EMPTY:
            _gather(image, top, left, weights, values[left:right])
        else:
            values[left:right] = 0
        if state == MIXED:
            _gather_valid(image, top, left, weights, mask, ones[left:right])
        else:
            ones[left:right] = weights.sum() if state == FULL else 0


@_compiled
def _dot(values: Array, weights: Array) -> float:
    total = 0.0
    for k in range(weights.size):
        total += values[k] * weights[k]
    return total


@_compiled
def _sum_samples(
    values: Array, ones: Array, states: Array, across: Any, wanted: Array, total: Array, cover: Array
) -> None:
    """Weighted sums of the samples of one line."""
    lefts, weights, unit = across
    for j in range(lefts.size):
        left, right = lefts[j], lefts[j] + weights.shape[1]
        state = states[left // BLOCK]
        for b in range(left // BLOCK + 1, (right - 1) // BLOCK + 1):
            state = state if states[b] == state else MIXED
        total[j] = _dot(values[left:right], weights[j]) if wanted[j] and state != EMPTY else 0
        cover[j] = _dot(ones[left:right], weights[j]) if state == MIXED else ones[left] * unit


@_compiled
def _sum(
    image: Array, judged: Array, down: Any, across: Any, wanted: Array, line: Array, total: Array, cover: Array
) -> None:
    """One output line at a time: sums along lines, then along samples."""
    tops, weights = down
    lefts, width = across[0], across[1].shape[1]
    values, ones = line[0], line[1]
    states, wanted_blocks = np.empty(judged.shape[1], np.uint8), np.empty(judged.shape[1], np.uint8)
    mask = np.empty((weights.shape[1], values.size), np.uint8)
    for i in range(tops.size):
        for b in range(states.size):
            held = judged[tops[i] + weights.shape[1], b] - judged[tops[i], b]
            states[b] = EMPTY if held == 0 else FULL if held == FULL * weights.shape[1] else MIXED
        wanted_blocks[:] = 0
        for j in range(lefts.size):
            if wanted[i, j]:
                wanted_blocks[lefts[j] // BLOCK : (lefts[j] + width - 1) // BLOCK + 1] = 1
        _sum_lines(image, tops[i], weights[i], states, wanted_blocks, mask, values, ones)
        _sum_samples(values, ones, states, across, wanted[i], total[i], cover[i])
