"""The grid of a small image: its shape, the pixels that sampling takes for it, and where its pixels lie."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from affine import Affine


def reduced_shape(shape: tuple[int, int], size: int) -> tuple[int, int]:
    """Lines and samples of an image of ``shape`` that fits in ``size`` x ``size``, rounded to the nearest."""
    longest = max(*shape, size)
    lines, samples = (max(1, (2 * edge * size + longest) // (2 * longest)) for edge in shape)
    return lines, samples


def centre_indices(length: int, n: int) -> npt.NDArray[np.int64]:
    """The pixel (n,) at the centre of each of ``n`` equal parts of ``length`` pixels.

    Of two at the same distance from the centre it is the first, as in ImageMagick; GDAL takes the second.
    """
    return ((2 * np.arange(n) + 1) * length - 1) // (2 * n)


def scaled_transform(transform: Affine, shape: tuple[int, int], reduced: tuple[int, int]) -> Affine:
    """The affine transform of an image of ``reduced`` shape on the ground of one of ``shape``."""
    if transform.is_identity:  # no georeference, and none comes of it
        return transform
    down, across = np.divide(shape, reduced).tolist()
    a, b, c, d, e, f = transform[:6]
    return Affine(a * across, b * down, c, d * across, e * down, f)
