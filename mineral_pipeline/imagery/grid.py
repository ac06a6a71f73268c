"""The grid of a downsampled image: shape, georeference, and the pixels that nearest-neighbour sampling takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio.enums import Resampling
from rasterio.io import DatasetReader
from rasterio.windows import Window

from mineral_pipeline.geometry import Integers

Band = npt.NDArray[np.integer[Any]]


def reduced_shape(shape: tuple[int, int], size: int) -> tuple[int, int]:
    """Return the shape, rounded, to which an image of ``shape`` is reduced to fit in ``size`` x ``size``."""
    longest = max(*shape, size)
    lines, samples = (max(1, (2 * edge * size + longest) // (2 * longest)) for edge in shape)
    return lines, samples


def scaled_transform(transform: Affine, shape: tuple[int, int], reduced: tuple[int, int]) -> Affine:
    """Return the affine transform of an image of ``reduced`` shape that covers the ground of one of ``shape``."""
    if transform.is_identity:  # no georeference, so that the result has none
        return transform
    down, across = np.divide(shape, reduced).tolist()
    a, b, c, d, e, f = transform[:6]
    return Affine(a * across, b * down, c, d * across, e * down, f)


def centre_indices(length: int, n: int) -> Integers:
    """Return the pixels (n,) at the centres of ``n`` equal parts of ``length`` pixels.

    Of two pixels at the same distance from a centre the first is taken, as by ImageMagick; GDAL takes the second.
    """
    return ((2 * np.arange(n) + 1) * length - 1) // (2 * n)


def read_band(dataset: DatasetReader, shape: tuple[int, int]) -> Band:
    """Read the pixels of the first band that sampling takes for an image of ``shape``; all pixels for its own shape."""
    if shape == dataset.shape:
        return np.asarray(dataset.read(1))
    lines, samples = map(centre_indices, dataset.shape, shape)
    _read_line(dataset, dataset.height - 1)  # fails on a truncated file, of which the other lines may be whole
    return np.ascontiguousarray(_read_lines(dataset, lines)[:, samples])


def _read_lines(dataset: DatasetReader, lines: Integers) -> Band:
    """Read whole lines, since GDAL uses overviews for parts of them.

    One read of nearest neighbours gives them, unless a centre lies halfway between two lines: GDAL takes the second.
    """
    if ((2 * np.arange(lines.size) + 1) * dataset.height % (2 * lines.size) == 0).any():
        return np.stack([_read_line(dataset, line) for line in lines])
    return np.asarray(dataset.read(1, out_shape=(lines.size, dataset.width), resampling=Resampling.nearest))


def _read_line(dataset: DatasetReader, line: int) -> Band:
    """Read all samples of one line."""
    return np.asarray(dataset.read(1, window=Window(0, line, dataset.width, 1))[0])
