"""The table of architectures and the networks made of it."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mineral_pipeline.modelling import ModelSpec
from mineral_pipeline.modelling.networks import build, study
from mineral_pipeline.modelling.networks.study import CONVOLUTIONS, DENSE_LAYERS, FINAL_SIDE, pooling
from mineral_pipeline.settings import Hyperparameters

HALVES = np.array([0.0, 1.0])
SPEC = ModelSpec(
    "presence", "name", "grid", "small", "small", Hyperparameters(), 0, 1, 1, "cross_entropy", None, "digest"
)  # fmt: skip


@given(side=st.integers(8, 4096), blocks=st.integers(1, 6))
def test_pooling_leaves_a_small_map_and_no_smaller_than_needed(side: int, blocks: int) -> None:
    windows = pooling(side, blocks)
    assert len(windows) == blocks
    assert all(window & (window - 1) == 0 for window in windows)
    assert list(windows) == sorted(windows, reverse=True)
    left = side
    for window in windows:
        left //= window
    assert 1 <= left <= FINAL_SIDE
    assert left * 2 + 1 > FINAL_SIDE, "one halving fewer would do"


@pytest.mark.parametrize("convolution", CONVOLUTIONS)
def test_parameters_are_as_the_table_says_whatever_the_chip_size(convolution: str) -> None:
    (row,) = re.findall(rf"^    {convolution} +([\d,]+) +([\d,]+) +([\d,]+)$", study.__doc__ or "", re.MULTILINE)
    for dense, count, side in zip(DENSE_LAYERS, row, (32, 64, 512), strict=True):
        built = build.build(replace(SPEC, convolution=convolution, dense=dense), (9, 1, side, side), "uint8", HALVES)
        assert built.count_params() == int(count.replace(",", "")), dense


def test_a_network_takes_integers_of_any_bands_and_gives_shares() -> None:
    built = build.build(SPEC, (9, 3, 40, 48), "uint16", HALVES)
    images = np.random.default_rng(0).integers(0, 2**16, (5, 3, 40, 48), dtype="uint16")
    shares = np.asarray(built(images, training=False))
    assert shares.shape == (5, 1)
    assert ((shares > 0) & (shares < 1)).all()
    scaled = np.asarray(built.get_layer("scale")(images))
    np.testing.assert_allclose(scaled, images / 65535, rtol=1e-6)


def test_weights_come_from_the_seed_alone() -> None:
    def weights(seed: int) -> list[np.ndarray]:
        return [
            np.asarray(w) for w in build.build(replace(SPEC, seed=seed), (9, 1, 32, 32), "uint8", HALVES).get_weights()
        ]

    first, again, other = weights(1), weights(1), weights(2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_weights_are_he_uniform_and_layers_differ() -> None:
    built = build.build(SPEC, (9, 1, 32, 32), "uint8", HALVES)
    kernels = [np.asarray(layer.kernel) for layer in built.layers if hasattr(layer, "kernel")]
    assert not kernels[-1].any()  # the output starts as the constant
    for kernel in kernels[:-1]:
        bound = np.sqrt(6 / np.prod(kernel.shape[:-1]))
        assert 0.8 * bound < np.abs(kernel).max() <= bound
    assert not np.array_equal(kernels[1].ravel()[:100], kernels[2].ravel()[:100])


@pytest.mark.parametrize(
    ("labels", "loss", "share"),
    [
        ([0, 0, 0, 1], "cross_entropy", 0.25),
        ([0.1, 0.2, 0.9], "mae", 0.2),
        ([0.1, 0.2, 0.9], "mse", 0.4),
        ([0, 0, 0], "cross_entropy", 1 / (1 + np.exp(build.FARTHEST))),
    ],
)
def test_training_starts_from_the_best_constant(labels: list[float], loss: str, share: float) -> None:
    assert 1 / (1 + np.exp(-build.first_bias(np.array(labels), loss))) == pytest.approx(share)
    built = build.build(replace(SPEC, loss=loss), (9, 1, 32, 32), "uint8", np.array(labels))
    assert float(built.layers[-1].bias[0]) == pytest.approx(build.first_bias(np.array(labels), loss))


def test_a_baseline_without_a_network_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="constant model has no network"):
        build.build(replace(SPEC, kind="constant", convolution=None), (9, 1, 32, 32), "uint8", HALVES)
