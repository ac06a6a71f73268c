"""Three ways to make a scene small, none of which lets fill bleed into the image or the image into fill.

They mean what ImageMagick means by ``-sample``, ``-scale`` and ``-resize``, which the published study used, but for
fill, of which ImageMagick knows nothing:

- ``sampling`` takes the pixel at the centre of each chip pixel;
- ``rescale`` averages the area that each chip pixel covers, exactly, over its valid part;
- ``resize`` filters with a Lanczos window of three lobes (ImageMagick's default for shrinking), where fill stands in
  as the average of the valid part of the chip pixel, so that a constant stays constant up to its edge.

Away from fill ``sampling`` gives ImageMagick's very pixels; ``rescale`` and ``resize`` lie within one grey level, but
for what ``resize`` overshoots the range of levels by: ImageMagick cuts that off after either axis (measured, 6.9).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from mineral_pipeline.errors import RasterError
from mineral_pipeline.imagery._numba import ResamplingWeights, classify_blocks, weighted_sums
from mineral_pipeline.imagery.grid import centre_indices, reduced_shape
from mineral_pipeline.imagery.raster import Pixels

Method = Literal["resize", "rescale", "sampling"]

LOBES = 3
"""Lobes of the Lanczos window on each side of its centre, in chip pixels."""

FILTER_UNIT = {"uint8": 2**15, "uint16": 2**17}
"""What the weights of the Lanczos window add up to, by type of pixel: sums of 8-bit pixels along lines stay exact in
single precision and all others in double, and rounding the weights changes a pixel by less than a tenth of a level in
255."""


def downsample(image: Pixels, size: int, method: str) -> Pixels:
    """Make an image small, keeping its aspect.

    A pixel of the result is valid when at least half of its source is: half of its area, or for ``sampling`` the one
    pixel that it takes. Valid pixels are at least 1.

    Args:
        image: (y, x) uint8 or uint16, 0 = fill.
        size: edge of a square in pixels that the result fits in; smaller images are never enlarged.
        method: ``resize``, ``rescale`` or ``sampling``.

    Returns:
        (y, x) of the same dtype, the longest edge of ``size`` pixels unless the image is smaller.

    Raises:
        RasterError: another shape, dtype or method, or a size below 1.
    """
    if image.ndim != 2 or 0 in image.shape or image.dtype not in (np.uint8, np.uint16):
        raise RasterError(f"image of shape {image.shape} and type {image.dtype}: give (y, x) of uint8 or uint16")
    if method not in get_args(Method):
        raise RasterError(f"downsampling method {method!r}: use one of {', '.join(get_args(Method))}")
    if size < 1:
        raise RasterError(f"size {size} of a downsampled image: give at least 1 pixel")
    shape = reduced_shape((image.shape[0], image.shape[1]), size)
    if shape == image.shape:
        return image.copy()
    if method == "sampling":
        return image[np.ix_(*map(centre_indices, image.shape, shape))]
    return _average(image, shape, filtered=method == "resize")


def _average(image: Pixels, shape: tuple[int, int], filtered: bool) -> Pixels:
    pixels: npt.NDArray[np.integer[Any]] = np.ascontiguousarray(image)
    judged = classify_blocks(pixels)
    down, across = (area_weights(length, n) for length, n in zip(image.shape, shape, strict=True))
    if filtered:
        unit = FILTER_UNIT[image.dtype.name]
        along, over = (lanczos_weights(length, n, unit) for length, n in zip(image.shape, shape, strict=True))
        filled, seen = weighted_sums(pixels, judged, along, over)
        lacking = unit**2 - seen
        total, cover = weighted_sums(pixels, judged, down, across, wanted=lacking != 0)
        values = (filled + lacking * (total / np.maximum(cover, 1))) / unit**2
    else:
        total, cover = weighted_sums(pixels, judged, down, across)
        values = total / np.maximum(cover, 1)
    rounded = (values.clip(1, np.iinfo(image.dtype).max) + 0.5).astype(image.dtype)
    return rounded * (2 * cover >= down.unit * across.unit)  # type: ignore[return-value]


@lru_cache(16)  # the bands of a scene share them, and its lines and samples often do
def area_weights(length: int, n: int) -> ResamplingWeights:
    """What each of ``n`` equal parts of ``length`` pixels covers of each pixel, in n-ths of a pixel."""
    part = np.arange(n)
    count = min(-(-length // n) + 1, length)
    starts = np.minimum(part * length // n, length - count)
    pixel = starts[:, None] + np.arange(count)
    first = np.maximum(pixel * n, part[:, None] * length)
    last = np.minimum((pixel + 1) * n, (part[:, None] + 1) * length)
    return ResamplingWeights(starts, np.maximum(last - first, 0), length)


@lru_cache(16)
def lanczos_weights(length: int, n: int, unit: int) -> ResamplingWeights:
    """Lanczos window of ``LOBES`` lobes, stretched to the scale, for each of ``n`` parts of ``length`` pixels.

    C. E. Duchon, Lanczos Filtering in One and Two Dimensions, J. Appl. Meteorol. 18 (1979) 1016-1022. At the image's
    borders the window is cut off and made to add up to ``unit`` again.
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
