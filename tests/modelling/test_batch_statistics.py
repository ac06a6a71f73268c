"""The averages of batch normalisation are those of the training batches under the weights of the moment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from synthetic_samples import settings

from mineral_pipeline import modelling
from mineral_pipeline.evaluation import measure
from mineral_pipeline.modelling import ModelSpec, training
from mineral_pipeline.modelling.backend import keras
from mineral_pipeline.modelling.batch_statistics import BatchStatistics
from mineral_pipeline.modelling.dataset import open_subset
from mineral_pipeline.modelling.draft import begin
from mineral_pipeline.workspace import Workspace, artefacts

# Keras 3.15 makes arrays of TensorFlow variables in a way that numpy 2 announces to retire.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def small_spec(workspace: Workspace, **train: object) -> ModelSpec:
    """A small network for richness, without dropout."""
    quick = {"convolutions": ["small"], "dense_layers": ["small"], "hyperparameters": {"dropout": 0.0}}
    (spec,) = modelling.grid_specs(settings(workspace, train=quick | train), workspace, "richness")
    return spec


def two_normalisations() -> tuple[Any, list[Any]]:
    """Two layers of batch normalisation, one of them in a nested model, with dropout before and after."""
    inputs = keras.Input((1, 6, 6), dtype="uint8")
    x = keras.layers.Permute((2, 3, 1))(keras.layers.Rescaling(1 / 255)(inputs))
    first = keras.layers.BatchNormalization(momentum=0.5)
    x = keras.layers.Flatten()(first(keras.layers.Conv2D(3, 3)(x)))
    x = keras.layers.Dense(4, "relu")(x)
    second = keras.layers.BatchNormalization()
    nested = keras.Sequential([keras.Input((4,)), second])
    x = keras.layers.Dropout(0.5, seed=3)(nested(x))
    return keras.Model(inputs, keras.layers.Dense(1)(x)), [first, second]


def test_the_averages_are_those_of_all_samples_as_training_sees_them() -> None:
    keras.utils.set_random_seed(1)
    model, (first, second) = two_normalisations()
    rng = np.random.default_rng(0)
    batches = [rng.integers(0, 60 * (n + 1), (size, 1, 6, 6)).astype("uint8") for n, size in enumerate((8, 8, 5))]
    before = [np.asarray(weight) for weight in model.trainable_weights]
    random_state = np.asarray(model.get_layer(index=-2).seed_generator.state)

    BatchStatistics(model).recompute(batches)

    convolution, dense = model.layers[3], model.layers[6]
    maps = [np.asarray(convolution(images[:, 0, :, :, None] / np.float32(255)), "float64") for images in batches]
    together = np.concatenate(maps)
    np.testing.assert_allclose(first.moving_mean, together.mean((0, 1, 2)), rtol=1e-4)
    np.testing.assert_allclose(first.moving_variance, together.var((0, 1, 2)), rtol=1e-4)
    hidden = []
    for one in maps:  # normalised by its own mean and variance, one batch at a time
        normal = (one - one.mean((0, 1, 2))) / np.sqrt(one.var((0, 1, 2)) + first.epsilon)
        hidden.append(np.maximum(normal.reshape(len(one), -1) @ np.asarray(dense.kernel), 0))
    np.testing.assert_allclose(second.moving_mean, np.concatenate(hidden).mean(0), rtol=1e-3)
    np.testing.assert_allclose(second.moving_variance, np.concatenate(hidden).var(0), rtol=1e-3)

    assert all(np.array_equal(a, b) for a, b in zip(before, model.trainable_weights, strict=True))
    np.testing.assert_array_equal(model.get_layer(index=-2).seed_generator.state, random_state)
    assert (first.momentum, second.momentum) == (0.5, 0.99)


def test_the_network_that_predicts_is_the_one_that_was_trained(curated: Workspace) -> None:
    spec = small_spec(curated, epochs=1)  # fourteen steps: averages that move with them are far behind
    train, validation = (open_subset(curated, "richness", subset) for subset in ("train", "validation"))
    network = training.train(begin(curated, spec), spec, train, validation, state=None, keep=lambda state: None)
    images = np.asarray(train.images.array)
    predicted = network.predict(images)
    as_trained = np.concatenate(
        [
            np.asarray(network.keras_model(images[start : start + 16], training=True))[:, 0]
            for start in range(0, 216, 16)
        ]
    )
    assert np.abs(predicted - as_trained).mean() < 0.25 * as_trained.std()
    assert np.abs(predicted - train.label).mean() < 1.1 * np.abs(as_trained - train.label).mean()


@pytest.mark.slow
def test_no_network_is_kept_before_it_has_been_trained_for_a_while(curated: Workspace) -> None:
    # With this learning rate the first epochs are worse than the constant that the network starts from.
    rate = {"dropout": 0.0, "learning_rate": 0.05}
    spec = replace(small_spec(curated, epochs=20, patience=1, hyperparameters=rate), permutation=0)
    metrics = modelling.fit(curated, spec, measure)
    history = curated.read_table(artefacts.model("richness", spec.name, artefacts.MODEL_HISTORY))
    assert len(history) >= 8, "8 epochs of 14 steps are the first to be more than 100"
    assert metrics["best_epoch"] == 2 + history["val_mae"][2:].argmin()


@pytest.mark.parametrize(
    ("steps", "losses", "best", "epochs"),
    [
        (50, [0.1, 0.2, 0.5, 0.4, 0.6, 0.7], 3, 6),  # the first two are not compared; two after the best are too many
        (50, [0.1, 0.2, 0.5, 0.6, 0.7, 0.8], 2, 5),
        (20, [0.1, 0.2, 0.3, 0.5, 0.4], 2, 5),  # 100 steps are over, and patience as well
        (10, [0.1, 0.2, 0.3, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.2], 9, 10),  # 100 steps end with the tenth epoch
        (1000, [0.1], 0, 1),
        (1000, [0.1, 0.2], 1, 2),  # what has no three epochs keeps the last
    ],
)
def test_neither_the_first_epochs_nor_the_first_steps_decide(
    curated: Workspace, steps: int, losses: list[float], best: int, epochs: int
) -> None:
    stopping = training.EarlyStopping(small_spec(curated, epochs=len(losses), patience=2), steps)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    stopping.set_model(model)
    model.stop_training = False
    stopping.on_train_begin()
    for epoch, loss in enumerate(losses):
        model.set_weights([np.full((1, 1), epoch), np.zeros(1)])
        stopping.on_epoch_end(epoch, {"val_mae": loss})
        if model.stop_training:
            break
    stopping.on_train_end()
    assert epoch + 1 == epochs
    assert (stopping.best_epoch, float(model.get_weights()[0][0, 0])) == (best, best)


@pytest.mark.parametrize(
    ("normalisation", "depends_on_the_batch"), [("batch", True), ("group", False), ("layer", False), ("none", False)]
)
def test_the_normalisation_of_the_settings_is_built(
    curated: Workspace, normalisation: str, depends_on_the_batch: bool
) -> None:
    spec = small_spec(curated, normalisation=normalisation)
    assert spec.normalisation == normalisation
    model = training.compile_model(spec, open_subset(curated, "richness", "train"))
    features = keras.Model(model.input, model.layers[-3].output)
    images = np.asarray(open_subset(curated, "richness", "test").images.array)[:6]
    together, alone = (np.asarray(features(part, training=True))[0] for part in (images, images[:1]))
    assert together.std() > 0
    assert (not np.allclose(together, alone, atol=1e-4)) == depends_on_the_batch
    convolution = next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    assert convolution.use_bias == (normalisation == "none")
