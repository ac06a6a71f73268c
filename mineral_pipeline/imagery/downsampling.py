"""Downsampling by nearest neighbour, average or Lanczos, in which fill never mixes with the image.

The methods have the names of ImageMagick's options ``-sample``, ``-scale`` and ``-resize``, which the published study
used, and mean the same, except that ImageMagick knows nothing of fill:

- ``sampling`` (nearest neighbour) takes the pixel at the centre of each chip pixel;
- ``rescale`` (average) averages the area that each chip pixel covers, exactly, over its valid part;
- ``resize`` (Lanczos) filters with a Lanczos window of three lobes (ImageMagick's default for shrinking). Fill counts
  as the average of the valid part of the chip pixel, so that a constant stays constant up to its edge.

Away from fill ``sampling`` gives exactly ImageMagick's pixels; ``rescale`` and ``resize`` differ by at most one grey
level, except where ``resize`` overshoots the range of levels: ImageMagick clips after either axis (measured, 6.9).
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from mineral_pipeline.errors import RasterError
from mineral_pipeline.geometry import Floats
from mineral_pipeline.imagery._numba import classify, weighted_sums
from mineral_pipeline.imagery.grid import centre_indices, reduced_shape
from mineral_pipeline.imagery.raster import Pixels
from mineral_pipeline.imagery.weights import LANCZOS_UNIT, area_weights, lanczos_weights

Method = Literal["resize", "rescale", "sampling"]


def downsample(image: Pixels, size: int, method: str) -> Pixels:
    """Reduce an image to a smaller one of the same aspect.

    A pixel of the result is valid when at least half of its source is: half of its area, or for ``sampling`` the one
    pixel that it takes. Valid pixels are at least 1.

    Args:
        image: (y, x) uint8 or uint16, 0 = fill.
        size: edge in pixels of the square that the result fits in; smaller images are never enlarged.
        method: ``sampling`` (nearest neighbour), ``rescale`` (average) or ``resize`` (Lanczos).

    Returns:
        (y, x) of the same dtype; the longest edge has ``size`` pixels unless the image is smaller.

    Raises:
        RasterError: the image has another shape or dtype, the method is unknown, or the size is below 1.
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
    return _filter(image, shape, lanczos=method == "resize")


def _filter(image: Pixels, shape: tuple[int, int], lanczos: bool) -> Pixels:
    """Reduce an image to ``shape`` by averaging the valid part of each pixel, or by the Lanczos window."""
    pixels: npt.NDArray[np.integer[Any]] = np.ascontiguousarray(image)
    classified = classify(pixels)
    down, across = (area_weights(length, n) for length, n in zip(image.shape, shape, strict=True))
    if lanczos:
        unit = LANCZOS_UNIT[image.dtype.name]
        along_y, along_x = (lanczos_weights(length, n, unit) for length, n in zip(image.shape, shape, strict=True))
        filtered = weighted_sums(classified, along_y, along_x)
        fill = unit**2 - filtered.valid
        area = weighted_sums(classified, down, across, needed=fill != 0)
        values: Floats = (filtered.values + fill * (area.values / np.maximum(area.valid, 1))) / unit**2
    else:
        area = weighted_sums(classified, down, across)
        values = area.values / np.maximum(area.valid, 1)
    rounded = (values.clip(1, np.iinfo(image.dtype).max) + 0.5).astype(image.dtype)
    return rounded * (2 * area.valid >= down.unit * across.unit)  # type: ignore[return-value]
