"""A masked autoencoder: convolutions that learn from images without labels. Imports Keras: for workers.

Random squares of an image are hidden, and a light decoder tells their pixels from what the convolutions see of the rest
(Xie et al. 2022, SimMIM: a simple framework for masked image modeling, CVPR): what is hidden is filled with the mean of
what is seen, the decoder is linear, and the loss is the absolute error on hidden pixels alone. Pixels are standardised
by mean and deviation of what is seen of their band, so that bright and dark scenes count alike.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

import numpy as np

from mineral_pipeline.errors import SettingsError
from mineral_pipeline.modelling.backend import BACKEND_VERSION, configure_process, jit_compile, keras
from mineral_pipeline.modelling.batch_sequence import StreamedBatches, reorient
from mineral_pipeline.modelling.checkpoint import TrainingState
from mineral_pipeline.modelling.chunk_cache import ChunkCache, batch_rows, shuffle_rows
from mineral_pipeline.modelling.dataset import Samples
from mineral_pipeline.modelling.draft import Draft
from mineral_pipeline.modelling.layers import image_input, layer_seeds
from mineral_pipeline.modelling.networks import NETWORKS
from mineral_pipeline.modelling.spec import ModelSpec, PretrainingPlan
from mineral_pipeline.modelling.training import Course, TrainedNetwork, diverged, make_optimiser

BATCH = 32
"""Images in a batch."""

MIN_DEVIATION = 1.0
"""Least deviation, in digital numbers, by which pixels are standardised."""


def pretrain(
    draft: Draft, samples: Samples, *, state: TrainingState | None, keep: Callable[[TrainingState], None]
) -> TrainedNetwork:
    """Train the autoencoder of the draft's spec on images; ``state`` and ``keep`` are as in `training.train`.

    Raises:
        SettingsError: the network has no convolutional part.
        DataError: it diverged.
    """
    configure_process()
    keras.utils.clear_session()
    spec, first = draft.spec, len(state.rows) if state else 0
    model = build_autoencoder(spec, samples)
    sequence = MaskedSequence(samples, _plan(spec), first)
    optimiser = make_optimiser(spec, len(sequence))
    optimiser.build(model.trainable_variables)
    model.compile(optimiser, "mae", jit_compile=jit_compile())
    history = Course(draft, spec.epochs, state, keep).run(model, sequence)
    if not np.isfinite(history["loss"]).all():
        raise diverged(spec)
    return TrainedNetwork(model, history, len(history) - 1)


def identify(spec: ModelSpec, samples: Samples) -> str:
    """Digest of all that decides a pretraining, which a checkpoint carries."""
    configure_process()
    keras.utils.clear_session()
    layers, rows = build_autoencoder(spec, samples).to_json(), hashlib.sha256(samples.rows.tobytes()).hexdigest()
    facts = spec, layers, samples.images.shape, rows, keras.version(), BACKEND_VERSION
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def build_autoencoder(spec: ModelSpec, samples: Samples) -> keras.Model:
    """The untrained autoencoder, from (n, band, y, x) to (n, y, x, band), whose convolutions are the network's.

    Raises:
        SettingsError: the network has no convolutional part.
    """
    encode = NETWORKS[str(spec.network)].encode
    if encode is None:
        raise SettingsError(f"train.pretraining: the network {spec.network} has no convolutional part: leave one out")
    _, bands, height, width = samples.images.shape
    seeds = layer_seeds(spec.seed)
    inputs, x = image_input(samples.images.shape, samples.images.scale)
    maps = encode(spec, x, seeds)
    window = math.ceil(height / maps.shape[1]), math.ceil(width / maps.shape[2])
    # zeros: it starts with the mean, as the output of every network starts with the best constant
    x = keras.layers.Conv2DTranspose(bands, window, window, kernel_initializer="zeros", name="decoder")(maps)
    if tuple(x.shape[1:3]) != (height, width):
        x = keras.layers.Resizing(height, width, name="to_size")(x)
    return keras.Model(inputs, x, name=spec.name)


def _plan(spec: ModelSpec) -> PretrainingPlan:
    assert spec.pretraining is not None, "only a pretraining is pretrained"
    return spec.pretraining


class MaskedSequence(StreamedBatches):
    """Batches of images with hidden squares, in a new random order and other squares in each epoch.

    They follow from the seed of the plan and the number of the epoch.
    """

    def __init__(self, samples: Samples, plan: PretrainingPlan, first_epoch: int = 0) -> None:
        """Read ``samples`` from the epoch ``first_epoch`` on."""
        self._samples, self._plan = samples, plan
        super().__init__(ChunkCache(samples.images), batch_rows(samples.rows, BATCH), first_epoch)

    def make(self, number: int, images: np.ndarray, epoch: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One batch of `hide`."""
        rng = np.random.default_rng((self._plan.seed, epoch, number))
        if images.shape[2] == images.shape[3]:
            images = reorient(images, rng)
        return hide(images, self._plan, rng)

    def on_epoch_begin(self) -> None:
        """Draw the order of the next epoch."""
        self._epoch += 1
        rng = np.random.default_rng((self._plan.seed, self._epoch))
        order = shuffle_rows(len(self._samples), self._samples.images.images_per_file, rng, self._cache.shuffled)
        self._batches = batch_rows(self._samples.rows[order], BATCH)


def hide(
    images: np.ndarray, plan: PretrainingPlan, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images with hidden squares, and what is to be told of them.

    Args:
        images: (n, band, y, x) whole numbers, 0 = fill.
        plan: edge and fraction of the squares.
        rng: source of the squares.

    Returns:
        The images, whose hidden pixels have the mean of those seen; (n, y, x, band) float32 standardised pixels; and
        (n, y, x) float32 weights with mean 1, above 0 for pixels that are hidden and are no fill.
    """
    count, _, height, width = images.shape
    squares = rng.random((count, -(-height // plan.square), -(-width // plan.square))) < plan.masked_fraction
    hidden = squares.repeat(plan.square, axis=1).repeat(plan.square, axis=2)[:, :height, :width]
    is_valid = images > 0
    seen = is_valid & ~hidden[:, None]
    # where nothing is seen, all that is valid stands for it
    seen = np.where(seen.any(axis=(2, 3), keepdims=True), seen, is_valid)
    pixels, number = images.astype("float32"), np.maximum(seen.sum(axis=(2, 3), keepdims=True), 1)
    mean = np.where(seen, pixels, 0).sum(axis=(2, 3), keepdims=True, dtype="float64") / number
    deviation = np.sqrt(np.where(seen, (pixels - mean) ** 2, 0).sum(axis=(2, 3), keepdims=True) / number)
    filled = np.where(is_valid & hidden[:, None], np.maximum(np.round(mean), 1), images).astype(images.dtype)
    target = np.where(is_valid, (pixels - mean) / np.maximum(deviation, MIN_DEVIATION), 0)
    weight = (hidden & is_valid.all(axis=1)).astype("float32")
    return filled, np.moveaxis(target, 1, -1).astype("float32"), weight / max(float(weight.mean()), 1e-6)
