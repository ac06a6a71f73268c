"""Training one network, and predicting with it. Imports Keras: for workers."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mineral_pipeline.errors import DataError
from mineral_pipeline.modelling.backend import BACKEND_VERSION, EventFile, configure_process, jit_compile, keras
from mineral_pipeline.modelling.batch_sequence import BatchSequence
from mineral_pipeline.modelling.batch_statistics import STATISTICS_BATCHES, BatchStatistics
from mineral_pipeline.modelling.checkpoint import TrainingState
from mineral_pipeline.modelling.dataset import Subset
from mineral_pipeline.modelling.draft import Draft
from mineral_pipeline.modelling.initial_weights import start
from mineral_pipeline.modelling.networks import build_network
from mineral_pipeline.modelling.pairwise_ranking import RankedLoss, label_alone
from mineral_pipeline.modelling.pixel_statistics import PixelStatistics
from mineral_pipeline.modelling.spec import ModelSpec
from mineral_pipeline.modelling.weight_averaging import AveragedWeights
from mineral_pipeline.workspace import Workspace, artefacts

KERAS_LOSS = {"cross_entropy": "binary_crossentropy", "mae": "mae", "mse": "mse"}

WARM_UP_EPOCHS = 3
"""Epochs before whose end no weights are kept and training does not stop: a network starts as the best constant, and is
often worse for a while before it is better."""

WARM_UP_STEPS = 100
"""Steps before which training does not stop. Weights may be kept before: networks that learn by heart are at their best
within tens of steps (measured on presence at a weak signal: cross-entropy 0.7 there, 1 to 2 after 100 steps)."""

STOPPING = ("best", "best_epoch", "wait", "stopped_epoch")
"""Attributes of Keras' early stopping that change as it watches, beside the best weights."""


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network and the course of its training."""

    keras_model: Any
    """Keras model, (n, band, y, x) to (n, 1)."""
    history: pd.DataFrame
    """One row per epoch: epoch, seconds, loss (with penalties and the ranking loss), the spec's loss, and both on the
    validation subset (without the ranking loss), as the network has them that would have been saved after the epoch."""
    best_epoch: int
    """Epoch whose weights were kept."""

    def predict(self, images: np.ndarray) -> np.ndarray:
        """(n, band, y, x) to (n,) in 0..1."""
        return predict_images(self.keras_model, images)


def train(
    draft: Draft,
    spec: ModelSpec,
    train_subset: Subset,
    validation: Subset,
    *,
    state: TrainingState | None,
    keep: Callable[[TrainingState], None],
) -> TrainedNetwork:
    """Train until the validation loss stops to fall, and keep the best weights.

    Early stopping watches the loss without the L1/L2 penalties, which fall by themselves, and without the ranking loss:
    models of different hyperparameters must be comparable. The averages of batch normalisation are taken anew before
    each validation.

    Args:
        draft: the model in the making, which gets the event file.
        spec: all that decides this training, which may be another than the draft's first.
        train_subset: samples to learn.
        validation: samples to watch.
        state: where an interrupted training goes on; the network is the same as without the interruption.
        keep: given the state after each epoch; what it raises ends the training.

    Raises:
        DataError: training diverged.
    """
    configure_process()
    keras.utils.clear_session()
    model = compile_model(spec, train_subset)
    if not state:
        start(model, draft.workspace, spec)
        _adapt(model, train_subset)
    sequence = _to_learn(spec, train_subset, len(state.rows) if state else 0)
    stopping = EarlyStopping(spec, len(sequence), state)
    averaging = [AveragedWeights()] if spec.hyperparameters.weight_averaging else []
    course = Course(draft, spec.epochs, state, keep, [stopping, *averaging, _statistics(model, sequence)])
    history = course.run(model, sequence, _to_validate(spec, validation))
    if not np.isfinite(history[f"val_{spec.loss}"]).all():
        raise diverged(spec)
    if spec.hyperparameters.ranking:
        _compile(model, model.optimizer, spec, ranking=False)  # whoever trains on needs no code of ours
    return TrainedNetwork(model, history, stopping.best_epoch)


@dataclass(frozen=True)
class Course:
    """The epochs of a training, each recorded and kept when it is over."""

    draft: Draft
    """The model in the making, which gets the event file."""
    epochs: int
    """Maximum number of epochs."""
    state: TrainingState | None
    """Where an interrupted training goes on."""
    keep: Callable[[TrainingState], None]
    """Given the state after each epoch; what it raises ends the training."""
    callbacks: Sequence[Any] = ()
    """Callbacks of Keras, of which the first may be early stopping."""

    def run(self, model: Any, sequence: Any, validation: BatchSequence | None = None) -> pd.DataFrame:
        """Train a compiled model on batches, and return its history, one row per epoch.

        The ``sequence`` is a `BatchSequence`, or another data set of Keras with a ``reading``.
        """
        state, stopping = self.state, next((one for one in self.callbacks if isinstance(one, EarlyStopping)), None)
        if state:
            _restore(model, state)
        rows = list[dict[str, float]](state.rows if state else ())
        started = time.monotonic() - (rows[-1]["seconds"] if rows else 0)

        def record(epoch: int, logs: dict[str, float]) -> None:
            rows.append({"epoch": epoch, "seconds": time.monotonic() - started, **logs})
            events.add(rows[-1])
            self.keep(_capture(model, rows, stopping))

        workspace, file = self.draft.workspace, self.draft.file(artefacts.MODEL_EVENTS)
        with ExitStack() as stack:
            for one in (sequence, validation):
                if one is not None:
                    stack.enter_context(one.reading())
            events = EventFile(stack.enter_context(_live_path(workspace, file)))
            stack.callback(events.close)
            for row in rows:
                events.add(row)
            model.fit(
                sequence,
                validation_data=validation,
                initial_epoch=len(rows),
                epochs=len(rows) if state and state.is_over else self.epochs,
                verbose=0,
                shuffle=False,  # Keras would shuffle the batches again, from the state of the process
                callbacks=[*self.callbacks, _each_epoch(record)],
            )
        return pd.DataFrame(rows)


def diverged(spec: ModelSpec) -> DataError:
    """The error that the losses of a training are not numbers."""
    return DataError(f"{spec.path} diverged: lower learning_rate ({spec.hyperparameters.learning_rate:g})")


def identify(spec: ModelSpec, subset: Subset) -> str:
    """Digest of all that decides a training, which a checkpoint carries: the layers of a network may have changed."""
    configure_process()
    keras.utils.clear_session()  # which numbers the layers
    layers = build_network(spec, subset.images.shape, subset.images.scale, subset.label).to_json()
    facts = spec, layers, subset.images.shape, subset.images.images_per_file, keras.version(), BACKEND_VERSION
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def compile_model(spec: ModelSpec, subset: Subset) -> Any:
    """The untrained network with its optimiser, ready for ``fit``."""
    model = build_network(spec, subset.images.shape, subset.images.scale, subset.label)
    optimiser = make_optimiser(spec, math.ceil(len(subset) / subset.images.images_per_file))
    # Otherwise its variables are made inside the first step, which is then traced twice (measured: a second).
    optimiser.build(model.trainable_variables)
    _compile(model, optimiser, spec, ranking=spec.hyperparameters.ranking > 0)
    return model


def _compile(model: Any, optimiser: Any, spec: ModelSpec, *, ranking: bool) -> None:
    """Give a network its optimiser, and the spec's loss with or without the ranking loss, which no metric has."""
    loss, values = KERAS_LOSS[spec.loss], spec.hyperparameters
    metric = keras.metrics.MeanMetricWrapper(label_alone(loss) if ranking else keras.losses.get(loss), name=spec.loss)
    trained = RankedLoss(loss, values.ranking, values.ranking_km) if ranking else loss
    model.compile(optimiser, trained, weighted_metrics=[metric], jit_compile=jit_compile())


def _adapt(model: Any, subset: Subset) -> None:
    """Give layers that standardise what they see the mean and deviation of training images."""
    for layer in model.layers:
        if isinstance(layer, PixelStatistics):
            layer.adapt(subset.samples.read_images())


def make_optimiser(spec: ModelSpec, steps: int) -> Any:
    """Adam, or AdamW (I. Loshchilov and F. Hutter, Decoupled weight decay regularization, 2019), for epochs of steps.

    The cosine is that of their SGDR (2017), without restarts, over the epochs after the warm-up.
    """
    values, rate = spec.hyperparameters, spec.hyperparameters.learning_rate
    warm_up = min(values.warm_up, spec.epochs)
    if values.schedule == "cosine" or warm_up:
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0 if warm_up else rate,
            decay_steps=max(spec.epochs - warm_up, 1) * steps,
            alpha=0.0 if values.schedule == "cosine" else 1.0,
            warmup_target=rate if warm_up else None,
            warmup_steps=warm_up * steps,
        )
    average: dict[str, Any] = {}
    if values.weight_averaging:
        average = {"use_ema": True, "ema_momentum": values.weight_averaging}
    if values.weight_decay == 0:
        return keras.optimizers.Adam(rate, **average)
    optimiser = keras.optimizers.AdamW(rate, weight_decay=values.weight_decay, **average)
    optimiser.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimiser


def predict_images(keras_model: Any, images: np.ndarray) -> np.ndarray:
    """(n, band, y, x) to (n,) float64 in 0..1, without a graph: tracing one pays only after hundreds of batches."""
    return np.asarray(keras.ops.convert_to_numpy(keras_model(images, training=False))[:, 0], "float64")


def _to_learn(spec: ModelSpec, subset: Subset, first_epoch: int) -> BatchSequence:
    return BatchSequence(
        subset,
        spec.seed,
        first_epoch,
        augmentation=spec.hyperparameters.augmentation,
        neighbourhoods=spec.hyperparameters.ranking > 0,
        max_bytes=spec.memory_mb * 2**20,
    )


def _to_validate(spec: ModelSpec, subset: Subset) -> BatchSequence:
    return BatchSequence(subset, max_bytes=spec.memory_mb * 2**20)


def _live_path(workspace: Workspace, name: str) -> AbstractContextManager[str]:
    """Path of a file that can be watched while it grows; on an object store it appears when it is whole."""
    return nullcontext(workspace.path(name)) if workspace.is_local else workspace.upload_from_local(name)


class EarlyStopping(keras.callbacks.EarlyStopping):  # type: ignore[misc]  # Keras is untyped
    """Keeps the weights of the best epoch, and stops after ``patience`` epochs without a better one.

    Neither happens before the end of `WARM_UP_EPOCHS`, or of training where it has fewer; nor does it stop within
    `WARM_UP_STEPS`.
    """

    def __init__(self, spec: ModelSpec, steps: int, state: TrainingState | None = None) -> None:
        """Watch the loss of ``spec`` on the validation subset, in epochs of ``steps`` steps; go on from ``state``."""
        super().__init__(
            monitor=f"val_{spec.loss}",
            mode="min",
            patience=spec.patience,
            restore_best_weights=True,
            start_from_epoch=min(WARM_UP_EPOCHS, spec.epochs) - 1,
        )
        self._min_epochs = max(WARM_UP_EPOCHS, math.ceil(WARM_UP_STEPS / steps))
        self._state = state

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Start anew, or where the interrupted training was."""
        super().on_train_begin(logs)
        if self._state:
            self.best_weights = list(self._state.best_weights) or None
            for name in STOPPING:
                setattr(self, name, self._state.stopping[name])

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Compare the epoch with the best one."""
        super().on_epoch_end(epoch, logs)
        if self.stopped_epoch == epoch and epoch + 1 < self._min_epochs:
            self.model.stop_training = False


def _capture(model: Any, rows: Sequence[dict[str, float]], stopping: EarlyStopping | None) -> TrainingState:
    """All from which a training goes on after the epoch of the last row."""
    return TrainingState(
        rows=tuple(rows),
        stopping={name: getattr(stopping, name) for name in STOPPING} if stopping else {},
        is_over=model.stop_training,
        variables=[keras.ops.convert_to_numpy(variable) for variable in _variables(model)],
        best_weights=(stopping and stopping.best_weights) or (),
    )


def _restore(model: Any, state: TrainingState) -> None:
    """Set the variables of a compiled model to those of a state."""
    for variable, value in zip(_variables(model), state.variables, strict=True):
        variable.assign(value)


def _variables(model: Any) -> list[Any]:
    """Weights, averages, states of random generators, and the optimiser's moments and count of steps."""
    return [*model.variables, *model.optimizer.variables]


def _statistics(model: Any, sequence: BatchSequence) -> Any:
    """Takes the averages of batch normalisation anew before each validation, which follows an epoch."""
    statistics = BatchStatistics(model)
    if not statistics.layers:
        return keras.callbacks.Callback()
    return keras.callbacks.LambdaCallback(
        on_test_begin=lambda logs: statistics.recompute(sequence.first_images(STATISTICS_BATCHES))
    )


def _each_epoch(record: Callable[[int, dict[str, float]], None]) -> Any:
    return keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: record(epoch, {key: float(value) for key, value in logs.items()})
    )
