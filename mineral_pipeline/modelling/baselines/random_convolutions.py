"""Random convolutions and a linear model: what pixels tell to a network whose filters have learnt nothing.

The features are those of MOSAIKS (Rolf et al. 2021, A generalizable and accessible approach to machine learning with
global satellite imagery, Nature Communications 12:4392) with filters of Gaussian noise, as in `torchgeo.models.RCF`:
they are the same for all samples and need no fitting. Each is centred, so that it sees texture; brightness and contrast
are features of their own. (Measured on real pixels with blocks apart, on the test subset of one split, by which this
was chosen: area under the ROC 0.73; 0.65 when the filters are not centred, 0.70 with whitened patches of the images.)
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from mineral_pipeline.learning import kind_of
from mineral_pipeline.modelling.baselines.baseline import Baseline, Examples, FeaturePredictor, register
from mineral_pipeline.modelling.baselines.estimators import EstimatorPredictor, best_on, fit_estimator
from mineral_pipeline.modelling.dataset import Samples
from mineral_pipeline.workspace.pixels import PixelScale

FILTERS = 192
"""Random filters; each gives two features."""

KERNEL = 3
"""Edge length of a filter in pixels."""

MAX_SIZE = 128
"""Edge length in pixels to which larger chips are reduced by averaging."""

PENALTIES = tuple(10.0**power for power in range(6, -2, -1))
"""Penalties of the weights of standardised features, of which the validation subset chooses; of equals the largest."""


def convolution_features(samples: Samples) -> pd.DataFrame:
    """Mean and deviation of every band, and the mean of the rectified response to every filter and to its negative."""
    bands = samples.images.shape[1]
    filters = make_filters(bands)
    with threadpool_limits(1):
        scale = samples.images.scale
        rows = [describe(image, filters, scale) for images in samples.read_images() for image in images]
    names = [f"{name} {number}" for name in ("mean", "deviation") for number in range(bands)]
    names += [f"{name} {number}" for name in ("response", "negative") for number in range(FILTERS)]
    return pd.DataFrame(np.array(rows, "float64").reshape(-1, len(names)), columns=names)


def make_filters(bands: int) -> np.ndarray:
    """(band * y * x, filter) float32 Gaussian noise of unit variance over all, each of mean 0 in each band."""
    noise = np.random.default_rng(0).normal(size=(FILTERS, bands, KERNEL**2))
    centred = (noise - noise.mean(axis=2, keepdims=True)).reshape(FILTERS, -1)
    return np.ascontiguousarray(centred.T / np.sqrt(centred.shape[1]), "float32")


def describe(image: np.ndarray, filters: np.ndarray, scale: PixelScale | None = None) -> np.ndarray:
    """The features of an image (band, y, x) of whole numbers, 0 where fill; all are 0 where it is nothing else.

    Without ``scale`` pixels are digital numbers.
    """
    reduced = _reduce(image, scale or PixelScale.of_numbers(image.dtype))
    is_valid = ~np.isnan(reduced).any(axis=0)
    if not is_valid.any():
        return np.zeros(2 * len(image) + 2 * FILTERS, "float32")
    mean, deviation = (statistic(reduced[:, is_valid], axis=1) for statistic in (np.mean, np.std))
    standardised = (reduced - mean[:, None, None]) / np.maximum(deviation, np.finfo("float32").eps)[:, None, None]
    response = _patches(standardised, is_valid) @ filters
    sides = [np.maximum(sign * response, 0).sum(axis=0) / max(len(response), 1) for sign in (1, -1)]
    return np.concatenate([mean, deviation, *sides])


def _reduce(image: np.ndarray, scale: PixelScale) -> np.ndarray:
    """Share of white (band, y, x), nan where fill, of blocks of pixels that are half valid at least."""
    block = -(-max(image.shape[1:]) // MAX_SIZE)
    padding = [(0, -length % block) for length in image.shape[1:]]
    padded = np.pad(image, [(0, 0), *padding])
    blocks = padded.reshape(len(image), padded.shape[1] // block, block, padded.shape[2] // block, block)
    valid = np.count_nonzero(blocks, axis=(2, 4))
    average = blocks.sum(axis=(2, 4), dtype="int64") / np.maximum(valid, 1)
    return np.where(2 * valid >= block**2, scale.share(average), np.nan).astype("float32")


def _patches(image: np.ndarray, is_valid: np.ndarray) -> np.ndarray:
    """(patch, band * y * x) the squares of an image (band, y, x) that are valid throughout, as large as a filter."""
    values = len(image) * KERNEL**2
    if min(is_valid.shape) < KERNEL:
        return np.empty((0, values), "float32")
    windows = np.lib.stride_tricks.sliding_window_view
    whole = windows(is_valid, (KERNEL, KERNEL)).all(axis=(2, 3))
    patches = windows(image, (KERNEL, KERNEL), axis=(1, 2)).transpose(1, 2, 0, 3, 4)[whole]
    return patches.reshape(len(patches), values)


def fit_convolutions(train: Examples, validation: Examples) -> FeaturePredictor:
    """A linear model of the standardised features: logistic for presence, else of least squares.

    Of the penalties of its weights, that of the lowest loss on the validation subset is taken.
    """
    with threadpool_limits(1):
        return best_on(validation, [fit_estimator(partial(_linear, train, one), train) for one in PENALTIES])


def _linear(train: Examples, penalty: float) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge  # slow to import, with all of scikit-learn
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    is_presence = kind_of(train.task) == "presence"
    model = LogisticRegression(C=1 / penalty, max_iter=1000) if is_presence else Ridge(alpha=penalty)
    return make_pipeline(StandardScaler(), model)


register(
    Baseline(
        "random-convolutions", "random convolutions", convolution_features, fit_convolutions, types=[EstimatorPredictor]
    )
)
