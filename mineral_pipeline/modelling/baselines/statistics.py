"""Hand-made statistics of the pixels through boosted trees: what a practitioner would try before a network.

Per band: quantiles, moments, gradients and texture at several scales; between bands: colour and correlation. Fill (0)
is in none of them, and neither is the shape of what is valid, which tells the latitude.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, combinations

import numpy as np
import pandas as pd

from mineral_pipeline.modelling.baselines.baseline import Baseline, register
from mineral_pipeline.modelling.baselines.estimators import BOOSTED_TYPES, fit_boosted_trees
from mineral_pipeline.modelling.dataset import Samples
from mineral_pipeline.workspace.pixels import PixelScale

QUANTILES = (5, 25, 50, 75, 95)
"""Percent of the pixels of a band that are darker."""

GRADIENT_QUANTILES = (50, 90, 99)
"""Percent of the pixels of a band that are flatter."""

LAGS = (1, 2, 4, 8)
"""Distances in pixels at which texture is measured."""

EDGE = 0.5
"""Least gradient of an edge, in standard deviations of the band per pixel."""


def statistic_features(samples: Samples) -> pd.DataFrame:
    """One column per statistic, one row per sample; nan where too few pixels of a chip are valid."""
    none = np.empty((0, *samples.images.shape[1:]), samples.images.dtype)
    tables = [describe(images, samples.images.scale) for images in chain([none], samples.read_images())]
    return pd.concat(tables, ignore_index=True)


def describe(images: np.ndarray, scale: PixelScale | None = None) -> pd.DataFrame:
    """The statistics of images (image, band, y, x) of whole numbers: one column each, one row per image.

    Without ``scale`` pixels are digital numbers.
    """
    scale = scale or PixelScale.of_numbers(images.dtype)
    black, white = np.float32(scale.black), np.float32(scale.white - scale.black)
    bands = [np.where(one > 0, (one - black) / white, np.nan) for one in np.moveaxis(images, 1, 0)]
    columns: dict[str, np.ndarray] = {}
    with np.errstate(invalid="ignore", divide="ignore"):  # nan where nothing is valid, or all is of one value
        for number, band in enumerate(bands):
            columns |= {f"{name} {number}": values for name, values in _of_band(band).items()}
        for (number, band), (other_number, other) in combinations(enumerate(bands), 2):
            pair = _of_pair(band, other)
            columns |= {f"{name} {number}-{other_number}": values for name, values in pair.items()}
    return pd.DataFrame(columns)


def _of_band(band: np.ndarray) -> dict[str, np.ndarray]:
    """Statistics of the brightness of a band, (image, y, x), nan where fill."""
    deviation, steepness = _deviation(band), _gradient(band)
    is_edge = np.where(np.isnan(steepness), np.nan, steepness >= EDGE * deviation[:, None, None])
    return {
        "mean": _mean(band),
        "deviation": deviation,
        **{f"quantile {percent}": values for percent, values in _quantiles(band, QUANTILES)},
        **{f"gradient {percent}": values for percent, values in _quantiles(steepness, GRADIENT_QUANTILES)},
        "edges": _mean(is_edge),
        **{f"texture {lag}": _texture(band, lag) for lag in LAGS},
    }


def _of_pair(band: np.ndarray, other: np.ndarray) -> dict[str, np.ndarray]:
    """Statistics of two bands, from the pixels that are valid in both."""
    colour = (band - other) / (band + other)
    a, b = (one - _mean(one + 0 * two)[:, None, None] for one, two in ((band, other), (other, band)))
    return {
        "colour": _mean(colour),
        "colour deviation": _deviation(colour),
        "correlation": _mean(a * b) / np.sqrt(_mean(a * a + 0 * b) * _mean(b * b + 0 * a)),
    }


def _mean(values: np.ndarray) -> np.ndarray:
    """(image,) mean of what is not nan."""
    return np.asarray(np.nansum(values, axis=(1, 2), dtype="float64") / np.sum(~np.isnan(values), axis=(1, 2)))


def _deviation(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(_mean((values - _mean(values)[:, None, None]) ** 2)))


def _quantiles(values: np.ndarray, percents: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Each percentage with (image,) quantiles of what is not nan, linear between the values."""
    pixels = values.shape[1] * values.shape[2]
    ordered = np.sort(values.reshape(len(values), pixels), axis=1) if pixels else np.full((len(values), 1), np.nan)
    last = np.maximum(np.sum(~np.isnan(ordered), axis=1) - 1, 0)  # nan comes after it
    for percent in percents:
        place = last * (percent / 100)
        low = place.astype(int)
        below, above = (np.take_along_axis(ordered, at[:, None], 1)[:, 0] for at in (low, np.minimum(low + 1, last)))
        yield percent, below + (above - below) * (place - low)


def _gradient(band: np.ndarray) -> np.ndarray:
    """Magnitude of the gradient per pixel, (image, y - 2, x - 2): from central differences of valid neighbours."""
    along_y, along_x = band[:, 2:, 1:-1] - band[:, :-2, 1:-1], band[:, 1:-1, 2:] - band[:, 1:-1, :-2]
    return np.asarray(np.hypot(along_y, along_x) / 2)


def _texture(band: np.ndarray, lag: int) -> np.ndarray:
    """(image,) root of the mean squared difference of pixels at a distance along either axis."""
    differences = (band[:, lag:] - band[:, :-lag]), (band[:, :, lag:] - band[:, :, :-lag])
    total = sum(np.nansum(one**2, axis=(1, 2), dtype="float64") for one in differences)
    return np.asarray(np.sqrt(total) / np.sqrt(sum(np.sum(~np.isnan(one), axis=(1, 2)) for one in differences)))


register(Baseline("statistics", "pixel statistics", statistic_features, fit_boosted_trees, types=BOOSTED_TYPES))
