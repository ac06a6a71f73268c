"""Schedules of the learning rate, weight decay, augmentation and global pooling: against their formulas."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_samples import settings

from mineral_pipeline import modelling
from mineral_pipeline.modelling.dataset import open_subset
from mineral_pipeline.workspace import Workspace

# Keras 3.15 makes arrays of TensorFlow variables in a way that numpy 2 announces to retire.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def compiled(workspace: Workspace, epochs: int = 5, **values: Any) -> Any:
    """The untrained small-small network with its optimiser."""
    from mineral_pipeline.modelling.training import compile_model

    train = {"convolutions": ["small"], "dense_layers": ["small"], "epochs": epochs, "hyperparameters": values}
    (spec,) = modelling.grid_specs(settings(workspace, train=train), workspace, "presence")
    return compile_model(spec, open_subset(workspace, "presence", "train"))


def rates(model: Any, steps: int) -> list[float]:
    """Learning rate of each of the first steps."""
    schedule = model.optimizer._learning_rate
    return [float(schedule(step)) for step in range(steps)]


def steps_of(workspace: Workspace) -> int:
    subset = open_subset(workspace, "presence", "train")
    return math.ceil(len(subset) / subset.images.images_per_file)


def test_the_cosine_ends_at_zero_with_the_last_epoch(curated: Workspace) -> None:
    each = steps_of(curated)
    found = rates(compiled(curated, learning_rate=0.01, schedule="cosine", warm_up=2), 5 * each + 1)
    rising = [0.01 * step / (2 * each) for step in range(2 * each)]
    falling = [0.01 * math.cos(math.pi * step / (6 * each)) ** 2 for step in range(3 * each + 1)]
    np.testing.assert_allclose(found, rising + falling, rtol=1e-5, atol=1e-9)


def test_a_warm_up_alone_stays_at_the_learning_rate(curated: Workspace) -> None:
    each = steps_of(curated)
    found = rates(compiled(curated, learning_rate=0.01, warm_up=1), 5 * each)
    np.testing.assert_allclose(found, [0.01 * min(step / each, 1) for step in range(5 * each)], rtol=1e-5)


def test_a_warm_up_of_all_epochs_is_no_error(curated: Workspace) -> None:
    assert max(rates(compiled(curated, schedule="cosine", warm_up=9), 5 * steps_of(curated))) <= 1e-3


def test_weight_decay_shrinks_weights_and_no_biases(curated: Workspace) -> None:
    model = compiled(curated, learning_rate=0.1, weight_decay=0.5)
    before = [np.array(variable) for variable in model.trainable_variables]
    model.optimizer.apply([np.zeros_like(value) for value in before])
    for variable, value in zip(model.trainable_variables, before, strict=True):
        factor = 0.95 if variable.name == "kernel" else 1.0
        np.testing.assert_allclose(np.array(variable), factor * value, rtol=1e-5)


@pytest.mark.parametrize(("pooling", "seen"), [("average", 16), ("maximum", 16), ("both", 32), ("none", 16 * 64)])
def test_global_pooling_decides_what_the_dense_layers_see(curated: Workspace, pooling: str, seen: int) -> None:
    model = compiled(curated, global_pooling=pooling)
    hidden = next(layer for layer in model.layers if layer.__class__.__name__ == "Dense")
    assert hidden.kernel.shape == (seen, 16)


@given(st.integers(0, 2**32), st.integers(1, 3), st.integers(2, 5))
def test_an_image_keeps_its_pixels_and_their_neighbours(seed: int, bands: int, size: int) -> None:
    from mineral_pipeline.modelling.batch_sequence import reorient

    image = np.arange(bands * size * size, dtype="uint8").reshape(1, bands, size, size)
    (turned,) = reorient(image, np.random.default_rng(seed))
    for band in range(bands):
        assert sorted(turned[band].ravel()) == sorted(image[0, band].ravel())
        # what lies beside each other stays beside each other, one column or one row apart
        assert {abs(int(step)) for step in np.diff(turned[band].astype(int), axis=1).ravel()} in ({1}, {size})


def test_all_orientations_are_equally_likely(curated: Workspace) -> None:
    from mineral_pipeline.modelling.batch_sequence import BatchSequence, reorient

    square = np.array([[1, 2], [3, 4]], dtype="uint8")
    found = reorient(np.broadcast_to(square, (4000, 1, 2, 2)), np.random.default_rng(0))
    kinds, counts = np.unique(found.reshape(4000, 4), axis=0, return_counts=True)
    assert len(kinds) == 8
    assert counts.min() > 400

    subset = open_subset(curated, "presence", "train")
    plain, augmented = BatchSequence(subset, seed=0), BatchSequence(subset, seed=0, augmentation=True)
    seen = []
    for _ in range(2):
        plain.on_epoch_begin()
        augmented.on_epoch_begin()
        (images, labels, _), (turned, same_labels, _) = plain[0], augmented[0]
        np.testing.assert_array_equal(labels, same_labels)
        np.testing.assert_array_equal(
            np.sort(images.reshape(len(images), -1)), np.sort(turned.reshape(len(turned), -1))
        )
        seen.append((images != turned).any(axis=(1, 2, 3)).mean())
        np.testing.assert_array_equal(turned, augmented[0][0])
    assert min(seen) > 0.5
    plain.close()
    augmented.close()
