"""The averages of batch normalisation, taken anew with the weights of the moment. Imports Keras: for workers.

While it trains, a network is normalised by the mean and variance of each batch; when it predicts, by averages that
follow them. Averages that move with every step lag behind the weights: after some tens of steps the network that
predicts is another one than the network that was trained, and its validation loss says nothing about the training
(measured on the demonstration: MAE 0.19 in place of 0.10). They are therefore replaced after each epoch by those of
training batches under the weights that the epoch ended with (Wu and Johnson 2021, Rethinking "Batch" in BatchNorm,
section 3, "PreciseBN").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from mineral_pipeline.modelling.backend import compile_step, keras

STATISTICS_BATCHES = 20
"""Training batches from which the averages are taken; all, where there are fewer."""


def batch_normalisations(model: Any) -> list[Any]:
    """The layers of batch normalisation whose averages training moves, those of nested models too."""
    found = []
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable:
            found.append(layer)
        elif hasattr(layer, "layers"):
            found += batch_normalisations(layer)
    return found


class BatchStatistics:
    """Takes the averages of a model's batch normalisation anew; nothing else of the model changes.

    Every layer sees what it sees in training, because each batch passes in training mode and is normalised by its own
    statistics. The variance is that of all samples together: mean of the batches' variances plus variance of their
    means.
    """

    def __init__(self, model: Any) -> None:
        """Prepare to change ``model``, a Keras model with one input."""
        self.layers = batch_normalisations(model)
        self._model = model
        (images,) = model.inputs
        self._pass = compile_step(self._pass_through, images.shape[1:], images.dtype)

    def recompute(self, batches: Iterable[np.ndarray]) -> None:
        """Set the averages to those of ``batches``, (n, band, y, x) each, which must be as large as in training."""
        totals = [np.zeros((2, *layer.moving_mean.shape)) for layer in self.layers]
        seen = 0
        with self._keeping_the_last_batch():
            for images in batches:
                self._pass(images)
                seen += len(images)
                for layer, total in zip(self.layers, totals, strict=True):
                    mean, variance = _numpy(layer.moving_mean), _numpy(layer.moving_variance)
                    total += len(images) * np.stack([mean, variance + mean**2])
        for layer, total in zip(self.layers, totals, strict=True):
            mean, square = total / seen
            layer.moving_mean.assign(mean)
            layer.moving_variance.assign(np.maximum(square - mean**2, 0))

    def _pass_through(self, images: Any) -> None:
        self._model(images, training=True)

    @contextmanager
    def _keeping_the_last_batch(self) -> Iterator[None]:
        """A block in which the averages are those of the last batch; dropout's random state is as before after it."""
        momenta = [layer.momentum for layer in self.layers]
        before = [(variable, _numpy(variable)) for variable in self._model.non_trainable_variables]
        for layer in self.layers:
            layer.momentum = 0.0
        try:
            yield
        finally:
            for layer, momentum in zip(self.layers, momenta, strict=True):
                layer.momentum = momentum
            for variable, value in before:
                variable.assign(value)


def _numpy(variable: Any) -> np.ndarray:
    value = np.asarray(keras.ops.convert_to_numpy(variable))
    return value.astype("float64") if value.dtype.kind == "f" else value
