"""Networks of averaged weights: what is validated, kept and saved while others are trained. Imports Keras: for workers.

The average is Keras' own, exponential over the steps (Polyak and Juditsky 1992, Acceleration of stochastic
approximation by averaging). Keras' callback that exchanges the weights does so for validation only, so that early
stopping would keep those that are trained, and it exchanges by adding and subtracting, which rounds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mineral_pipeline.modelling.backend import keras


class AveragedWeights(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Puts the averages in place of the weights from the beginning of a validation to the end of its epoch.

    It comes after what keeps the weights of an epoch, and before what looks at the weights that are validated or at
    those that are trained on.
    """

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Validate the averages."""
        self._exchange()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Train on with the weights."""
        self._exchange()

    def _exchange(self) -> None:
        optimiser = self.model.optimizer
        pairs = zip(optimiser._trainable_variables, optimiser._model_variables_moving_average, strict=True)
        for weight, average in pairs:
            trained = _numpy(weight)
            weight.assign(average)
            average.assign(trained)


def _numpy(variable: Any) -> np.ndarray:
    return np.array(keras.ops.convert_to_numpy(variable))
