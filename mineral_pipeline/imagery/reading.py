"""Reading the band of an open file: whole, or only the lines that sampling takes pixels of."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.enums import Resampling
from rasterio.io import DatasetReader
from rasterio.windows import Window

from mineral_pipeline.imagery.grid import centre_indices

Positions = npt.NDArray[np.int64]
Band = npt.NDArray[np.integer[Any]]


def read_band(dataset: DatasetReader, shape: tuple[int, int]) -> Band:
    """The pixels that sampling takes of the first band for an image of ``shape``; all when that is its own."""
    if shape == dataset.shape:
        return np.asarray(dataset.read(1))
    lines, samples = map(centre_indices, dataset.shape, shape)
    _line(dataset, dataset.height - 1)  # a file cut short shows where nothing else is read
    return np.ascontiguousarray(_lines(dataset, lines)[:, samples])


def _lines(dataset: DatasetReader, lines: Positions) -> Band:
    """Whole lines, so that GDAL looks at no overview: by one reading of nearest neighbours, if GDAL's are the same.

    Halfway between two lines it takes the second.
    """
    if ((2 * np.arange(lines.size) + 1) * dataset.height % (2 * lines.size) == 0).any():
        return np.stack([_line(dataset, line) for line in lines])
    return np.asarray(dataset.read(1, out_shape=(lines.size, dataset.width), resampling=Resampling.nearest))


def _line(dataset: DatasetReader, line: int) -> Band:
    """All samples of one line."""
    return np.asarray(dataset.read(1, window=Window(0, line, dataset.width, 1))[0])
