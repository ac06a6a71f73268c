"""The table of architectures and the networks made of it."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mineral_pipeline.errors import DataError, SettingsError
from mineral_pipeline.modelling import ModelSpec, layers
from mineral_pipeline.modelling.networks import NETWORKS, build_network, study
from mineral_pipeline.modelling.networks.study import CONVOLUTIONS, DENSE_LAYERS, pooling
from mineral_pipeline.settings import Hyperparameters
from mineral_pipeline.workspace.pixels import REFLECTANCE, PixelScale

HALVES = np.array([0.0, 1.0])
BYTES = PixelScale.of_numbers("uint8")
SPEC = ModelSpec(
    "presence", "name", "grid", "small-small", Hyperparameters(), "batch", 0, 1, 1, "cross_entropy", None, "digest"
)  # fmt: skip


@given(size=st.integers(8, 4096), blocks=st.integers(1, 6), final=st.sampled_from([1, 8, 32, 512]))
def test_pooling_leaves_a_small_map_and_no_smaller_than_needed(size: int, blocks: int, final: int) -> None:
    windows = pooling(size, blocks, final)
    assert len(windows) == blocks
    assert all(window & (window - 1) == 0 for window in windows)
    assert list(windows) == sorted(windows, reverse=True)
    left = size
    for window in windows:
        left //= window
    assert 1 <= left <= final
    assert left == size or left * 2 + 1 > final, "one halving fewer would do"


@pytest.mark.parametrize("convolution", CONVOLUTIONS)
def test_parameters_are_as_the_table_says_whatever_the_chip_size(convolution: str) -> None:
    (row,) = re.findall(rf"^    {convolution} +([\d,]+) +([\d,]+) +([\d,]+)$", study.__doc__ or "", re.MULTILINE)
    for dense, count, size in zip(DENSE_LAYERS, row, (32, 64, 512), strict=True):
        built = build_network(replace(SPEC, network=f"{convolution}-{dense}"), (9, 1, size, size), BYTES, HALVES)
        assert built.count_params() == int(count.replace(",", "")), dense


def test_a_network_takes_integers_of_any_bands_and_gives_shares() -> None:
    built = build_network(SPEC, (9, 3, 40, 48), PixelScale.of_numbers("uint16"), HALVES)
    images = np.random.default_rng(0).integers(0, 2**16, (5, 3, 40, 48), dtype="uint16")
    shares = np.asarray(built(images, training=False))
    assert shares.shape == (5, 1)
    assert ((shares > 0) & (shares < 1)).all()
    scaled = np.asarray(built.get_layer("scale")(images))
    np.testing.assert_allclose(scaled, images / 65535, rtol=1e-6)


def test_a_network_sees_reflectance_on_the_scale_of_digital_numbers() -> None:
    built = build_network(SPEC, (9, 1, 32, 32), REFLECTANCE, HALVES)
    images = np.full((1, 1, 32, 32), 0, "uint16")
    images[0, 0, 0, :3] = [1_001, 6_001, 11_001]  # none, a half, all of the light
    seen = np.asarray(built.get_layer("scale")(images))[0, 0, 0]
    np.testing.assert_allclose(seen[:3], [0.091, 0.5455, 1], atol=1e-4)
    assert seen[3] == 0, "fill"


def test_weights_come_from_the_seed_alone() -> None:
    def weights(seed: int) -> list[np.ndarray]:
        return [
            np.asarray(w) for w in build_network(replace(SPEC, seed=seed), (9, 1, 32, 32), BYTES, HALVES).get_weights()
        ]

    first, again, other = weights(1), weights(1), weights(2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_weights_are_he_uniform_and_layers_differ() -> None:
    built = build_network(SPEC, (9, 1, 32, 32), BYTES, HALVES)
    kernels = [np.asarray(layer.kernel) for layer in built.layers if hasattr(layer, "kernel")]
    assert not kernels[-1].any()  # the output starts as the constant
    for kernel in kernels[:-1]:
        bound = np.sqrt(6 / np.prod(kernel.shape[:-1]))
        assert 0.8 * bound < np.abs(kernel).max() <= bound
    assert not np.array_equal(kernels[1].ravel()[:100], kernels[2].ravel()[:100])


@pytest.mark.parametrize(
    ("values", "sizes"),
    [
        ({}, [32, 32, 16, 16, 8, 8]),
        ({"stride": 2, "kernel": 5}, [32, 16, 8, 4]),
        ({"padding": "valid", "kernel": 3}, [32, 30, 15, 13, 6, 4]),
        ({"pooling": "average"}, [32, 32, 16, 16, 8, 8]),
        ({"final_size": 16}, [32, 32, 16, 16, 16]),
        ({"final_size": 99}, [32, 32, 32, 32]),
    ],
)
def test_maps_shrink_as_stride_padding_and_pooling_say(values: dict[str, Any], sizes: list[int]) -> None:
    built = build_network(replace(SPEC, hyperparameters=Hyperparameters(**values)), (9, 1, 32, 32), BYTES, HALVES)
    kinds = ("InputLayer", "Conv2D", "MaxPooling2D", "AveragePooling2D")
    layers_of_maps = [layer for layer in built.layers if type(layer).__name__ in kinds]
    assert [layer.output.shape[2] for layer in layers_of_maps] == sizes
    name = "AveragePooling2D" if values.get("pooling") == "average" else "MaxPooling2D"
    pools = [type(layer).__name__ for layer in layers_of_maps if "Pooling" in type(layer).__name__]
    assert set(pools) <= {name}


def test_activation_and_initial_weights_are_those_of_the_settings() -> None:
    values = Hyperparameters(activation="elu", initialiser="glorot_normal")
    built = build_network(replace(SPEC, hyperparameters=values), (9, 1, 32, 32), BYTES, HALVES)
    activations = {layer.activation.__name__ for layer in built.layers if hasattr(layer, "activation")}
    assert activations == {"elu", "linear", "sigmoid"}  # convolutions are linear before their normalisation
    kernel = np.asarray(next(layer.kernel for layer in built.layers if type(layer).__name__ == "Dense"))
    assert kernel.std() == pytest.approx(np.sqrt(2 / sum(kernel.shape)), rel=0.1)


def test_a_chip_of_which_nothing_is_left_is_told() -> None:
    values = Hyperparameters(kernel=11, padding="valid")
    with pytest.raises(
        DataError, match="nothing is left of a chip in block 2 of 3 with kernel 11, stride 1 and padding"
    ):
        build_network(replace(SPEC, hyperparameters=values), (9, 1, 32, 32), BYTES, HALVES)


@pytest.mark.parametrize(
    ("labels", "loss", "share"),
    [
        ([0, 0, 0, 1], "cross_entropy", 0.25),
        ([0.1, 0.2, 0.9], "mae", 0.2),
        ([0.1, 0.2, 0.9], "mse", 0.4),
        ([0, 0, 0], "cross_entropy", 1 / (1 + np.exp(layers.MAX_BIAS))),
    ],
)
def test_training_starts_from_the_best_constant(labels: list[float], loss: str, share: float) -> None:
    assert 1 / (1 + np.exp(-layers.initial_bias(np.array(labels), loss))) == pytest.approx(share)
    built = build_network(replace(SPEC, loss=loss), (9, 1, 32, 32), BYTES, np.array(labels))
    assert float(built.layers[-1].bias[0]) == pytest.approx(layers.initial_bias(np.array(labels), loss))


def test_a_baseline_without_a_network_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="constant model has no network"):
        build_network(replace(SPEC, kind="constant", network=None), (9, 1, 32, 32), BYTES, HALVES)


def test_the_study_registers_nine_networks() -> None:
    nine = {name: (network.convolution, network.dense) for name, network in NETWORKS.items() if network.convolution}
    assert nine == {f"{one}-{other}": (one, other) for one in CONVOLUTIONS for other in DENSE_LAYERS}
    assert len(nine) == 9


def test_an_unknown_network_names_those_that_exist() -> None:
    with pytest.raises(SettingsError, match=r"unknown network 'huge': choose among .*small-medium"):
        build_network(replace(SPEC, network="huge"), (9, 1, 32, 32), BYTES, HALVES)


def test_a_client_that_lists_networks_and_baselines_loads_no_library_that_trains_them() -> None:
    code = "import mineral_pipeline.modelling, sys; print({'keras', 'tensorflow', 'sklearn', 'skops'} & {*sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
