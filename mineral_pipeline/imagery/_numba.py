"""Compiled loops of downsampling: weighted sums of pixel values, and of valid pixels, over lines and then samples."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mineral_pipeline.geometry import Flags, Floats, Integers
from mineral_pipeline.imagery.weights import ResamplingWeights
from mineral_pipeline.jit import njit

Array = npt.NDArray[Any]

MAX_EXACT_FLOAT32 = 2**24
"""Integers up to here are exact in single precision, up to 2**53 in double (IEEE 754)."""

BLOCK_WIDTH = 128
"""Samples that are classified together: in blocks that are all valid, or all fill, valid pixels need not be counted."""

EMPTY, MIXED, FULL = 0, 1, 2
"""States of a block of pixels: all fill, both fill and valid pixels, all valid."""

LINES_PER_PASS = 4
"""Input lines in one pass over an output line, which is loaded and stored once for all of them."""


class ClassifiedImage(NamedTuple):
    """An image, and where it is all fill or all valid."""

    pixels: npt.NDArray[np.integer[Any]]
    """(y, x) uint8 or uint16, contiguous; 0 is fill."""
    block_sums: Integers
    """(y + 1, blocks) sums of the states of each block of `BLOCK_WIDTH` samples over all lines above."""


class WeightedSums(NamedTuple):
    """Weighted sums for every output pixel, integers in float64 (n, m)."""

    values: Floats
    """Sums of the weighted pixel values."""
    valid: Floats
    """Sums of the weights of valid pixels."""


class _Blocks(NamedTuple):
    """The blocks of samples of the input lines of one output line."""

    states: npt.NDArray[np.uint8]
    """(blocks,) `EMPTY`, `MIXED` or `FULL`."""
    needed: npt.NDArray[np.uint8]
    """(blocks,) 1 where sums of pixel values are needed, else 0."""


class _LineSums(NamedTuple):
    """Weighted sums over the input lines of one output line, float32 or float64."""

    values: Array
    """(x,) sums of the weighted pixel values."""
    valid: Array
    """(x,) sums of the weights of valid pixels."""
    mask: npt.NDArray[np.uint8]
    """(k, x) working memory: 1 where a pixel is valid."""


def classify(image: npt.NDArray[np.integer[Any]]) -> ClassifiedImage:
    """Find out which blocks of a contiguous image (y, x) are all fill or all valid."""
    block_sums = np.zeros((image.shape[0] + 1, -(-image.shape[1] // BLOCK_WIDTH)), np.int64)
    _classify(image, block_sums)
    return ClassifiedImage(image, block_sums)


def weighted_sums(
    image: ClassifiedImage, down: ResamplingWeights, across: ResamplingWeights, needed: Flags | None = None
) -> WeightedSums:
    """Sum the weighted pixel values, and the weights of valid pixels, exactly.

    Args:
        image: the image (y, x).
        down: weights of n output lines along y.
        across: weights of m output samples along x.
        needed: (n, m), True where sums of pixel values are needed; they are 0 elsewhere. By default everywhere.
    """
    single = image.pixels.dtype == np.uint8 and 255 * down.largest_sum < MAX_EXACT_FLOAT32
    sums = WeightedSums(*np.empty((2, len(down.starts), len(across.starts))))
    needed = np.ones(sums.values.shape, np.bool_) if needed is None else needed
    _sum(image, down.astype(np.float32 if single else np.float64), across.astype(np.float64), needed, sums)
    return sums


_compiled = partial(njit, fastmath={"reassoc", "contract"})
"""The order of exact sums does not matter, so that the compiler may choose it."""


@_compiled
def _classify(image: Array, block_sums: Array) -> None:
    """Write the sums of `ClassifiedImage` below the first line, which is 0."""
    for y in range(image.shape[0]):
        for b in range(block_sums.shape[1]):
            block = image[y, b * BLOCK_WIDTH : (b + 1) * BLOCK_WIDTH]
            lowest = highest = block[0]
            for x in range(block.size):
                lowest, highest = min(lowest, block[x]), max(highest, block[x])
            block_sums[y + 1, b] = block_sums[y, b] + (FULL if lowest > 0 else MIXED if highest > 0 else EMPTY)


@_compiled
def _add_lines(lines: Array, left: int, weights: Array, total: Array) -> None:
    """Write the weighted sum of lines (k, x), from sample ``left``, with weights (k,) to ``total``."""
    total[:] = 0
    right = left + total.size
    whole = weights.size // LINES_PER_PASS * LINES_PER_PASS
    for k in range(0, whole, LINES_PER_PASS):  # the inner loop runs in vector registers
        a, b = lines[k, left:right], lines[k + 1, left:right]
        c, d = lines[k + 2, left:right], lines[k + 3, left:right]
        p, q, r, s = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        for x in range(total.size):
            total[x] += p * a[x] + q * b[x] + r * c[x] + s * d[x]
    for k in range(whole, weights.size):
        line, weight = lines[k, left:right], weights[k]
        for x in range(total.size):
            total[x] += weight * line[x]


@_compiled
def _add_valid(lines: Array, left: int, weights: Array, mask: Array, total: Array) -> None:
    """Write the sum of the weights of valid pixels to ``total``, as `_add_lines` does for pixel values."""
    for k in range(weights.size):
        line, valid = lines[k, left : left + total.size], mask[k, : total.size]
        for x in range(total.size):
            valid[x] = line[x] != 0
    _add_lines(mask, 0, weights, total)


@_compiled
def _sum_lines(lines: Array, weights: Array, blocks: _Blocks, sums: _LineSums) -> None:
    """Write weighted sums of lines (k, x) to ``sums``, by runs of blocks that are alike."""
    states, needed = blocks
    values, valid, mask = sums
    b = 0
    while b < states.size:
        left, state, need = b * BLOCK_WIDTH, states[b], needed[b]
        while b < states.size and states[b] == state and needed[b] == need:
            b += 1
        right = min(b * BLOCK_WIDTH, values.size)
        if need and state != EMPTY:
            _add_lines(lines, left, weights, values[left:right])
        else:
            values[left:right] = 0
        if state == MIXED:
            _add_valid(lines, left, weights, mask, valid[left:right])
        else:
            valid[left:right] = weights.sum() if state == FULL else 0


@_compiled
def _dot(values: Array, weights: Array) -> float:
    total = 0.0
    for k in range(weights.size):
        total += values[k] * weights[k]
    return total


@_compiled
def _sum_samples(line: _LineSums, states: Array, across: ResamplingWeights, needed: Array, sums: WeightedSums) -> None:
    """Write weighted sums of the samples of one line (x,) to one line (m,) of ``sums``."""
    starts, weights, unit = across
    values, valid, _ = line
    for j in range(starts.size):
        left, right = starts[j], starts[j] + weights.shape[1]
        state = states[left // BLOCK_WIDTH]
        for b in range(left // BLOCK_WIDTH + 1, (right - 1) // BLOCK_WIDTH + 1):
            state = state if states[b] == state else MIXED
        sums.values[j] = _dot(values[left:right], weights[j]) if needed[j] and state != EMPTY else 0
        sums.valid[j] = _dot(valid[left:right], weights[j]) if state == MIXED else valid[left] * unit


@_compiled
def _sum(
    image: ClassifiedImage, down: ResamplingWeights, across: ResamplingWeights, needed: Array, sums: WeightedSums
) -> None:
    """Write all weighted sums, one output line at a time: over input lines, then over samples."""
    height, width = down.weights.shape[1], across.weights.shape[1]
    count = image.block_sums.shape[1]
    blocks = _Blocks(np.empty(count, np.uint8), np.empty(count, np.uint8))
    samples, dtype = image.pixels.shape[1], down.weights.dtype
    line = _LineSums(np.empty(samples, dtype), np.empty(samples, dtype), np.empty((height, samples), np.uint8))
    for i in range(down.starts.size):
        top, bottom = down.starts[i], down.starts[i] + height
        for b in range(count):
            held = image.block_sums[bottom, b] - image.block_sums[top, b]
            blocks.states[b] = EMPTY if held == 0 else FULL if held == FULL * height else MIXED
        blocks.needed[:] = 0
        for j in range(across.starts.size):
            if needed[i, j]:
                first, last = across.starts[j] // BLOCK_WIDTH, (across.starts[j] + width - 1) // BLOCK_WIDTH
                blocks.needed[first : last + 1] = 1
        _sum_lines(image.pixels[top:bottom], down.weights[i], blocks, line)
        _sum_samples(line, blocks.states, across, needed[i], WeightedSums(sums.values[i], sums.valid[i]))
