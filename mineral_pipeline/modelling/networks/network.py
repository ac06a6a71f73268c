"""What a network is: a name, and a function that builds a Keras model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mineral_pipeline.modelling.spec import ModelSpec
from mineral_pipeline.registry import Registry
from mineral_pipeline.settings import Size
from mineral_pipeline.workspace.pixels import PixelScale


@dataclass(frozen=True)
class Network:
    """An architecture that models can have."""

    name: str
    """Name in settings and models, such as ``small-medium``."""
    build: Callable[[ModelSpec, tuple[int, ...], PixelScale, np.ndarray], Any]
    """Builds the Keras model, not compiled, from (n, band, y, x) to (n, 1) in 0..1.

    Arguments: the spec of the model; the shape (sample, band, y, x) of a store; what the numbers of its pixels mean,
    which `layers.image_input` takes; and the training labels, (sample,) in 0..1. The function imports Keras when it is
    called, on a worker, so that the client never loads TensorFlow. `mineral_pipeline.modelling.layers` has the parts
    that networks share.
    """
    convolution: Size | None = None
    """Size of the convolutional part, for the networks of the grid."""
    dense: Size | None = None
    """Size of the dense part, for the networks of the grid."""
    encode: Callable[[ModelSpec, Any, Iterator[int]], Any] | None = None
    """The convolutional part alone, which may be pretrained; None for a network without such a part.

    From the spec of the model, images (n, y, x, band) and seeds of its layers, to feature maps (n, y, x, maps): Keras
    tensors. ``build`` calls it before it makes other layers of its kinds, so that all have the same names.
    """
    feature_maps: Callable[[ModelSpec, tuple[int, ...]], int] | None = None
    """Number of values that the convolutions of one image of a store (sample, band, y, x) give, by which memory is
    planned; None where that is not known."""


NETWORKS: Registry[Network] = Registry("network")
"""All networks by name."""


def register(network: Network) -> Network:
    """Make a network known, and return it."""
    return NETWORKS.register(network.name, network)


def build_network(spec: ModelSpec, shape: tuple[int, ...], pixels: PixelScale, labels: np.ndarray) -> Any:
    """The Keras model of a spec, not compiled; see `Network.build`. Imports Keras: for workers.

    Raises:
        ValueError: the spec is that of a model without a network.
        SettingsError: no network of its name is registered.
    """
    if spec.network is None:
        raise ValueError(f"{spec.name}: a {spec.kind} model has no network")
    return NETWORKS[spec.network].build(spec, shape, pixels, labels)
