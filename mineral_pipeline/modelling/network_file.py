"""Trained networks in files of which nothing is run but layers of Keras and our own. Imports Keras: for workers.

A ``model.keras`` is a ZIP archive of a description of layers and their weights. It comes with a workspace, which
somebody else may have made.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mineral_pipeline.errors import DataError
from mineral_pipeline.modelling.backend import configure_process, keras
from mineral_pipeline.modelling.draft import Draft
from mineral_pipeline.modelling.model_files import damage, member_sizes, read_file
from mineral_pipeline.modelling.training import TrainedNetwork, predict_images
from mineral_pipeline.workspace import Workspace, artefacts

LAYERS, WEIGHTS = "config.json", "model.weights.h5"
MEMBERS = {LAYERS, WEIGHTS, "metadata.json"}
"""What Keras writes for a network without files of its own, such as vocabularies."""

MAX_LAYERS_BYTES = 2**20
"""Size of the largest description of layers; those of the study have some thousand bytes."""


def save_network(draft: Draft, network: TrainedNetwork) -> None:
    """Write ``model.keras``.

    Raises:
        DataError: it could not be loaded again.
    """
    with draft.workspace.upload_from_local(draft.file(artefacts.MODEL_NETWORK)) as path:
        network.keras_model.save(path)
        try:
            _check_bounds(Path(path).read_bytes())
        except ValueError as error:
            raise DataError(
                f"the network {draft.spec.network} cannot be saved ({error}): build it otherwise"
            ) from error


def load_network(workspace: Workspace, sample_set: str, name: str) -> Callable[[np.ndarray], np.ndarray]:
    """A trained network as a function from (n, band, y, x) to (n,).

    Raises:
        WorkspaceError: it is absent or damaged, or holds what is no layer that Keras knows.
    """
    keras_model = _load(workspace, sample_set, name)
    return lambda images: predict_images(keras_model, images)


def load_features(workspace: Workspace, sample_set: str, name: str) -> Callable[[np.ndarray], np.ndarray]:
    """What the output layer of a trained network sees, as a function from (n, band, y, x) to (n, feature) float32.

    Errors are those of `load_network`.
    """
    keras_model = _load(workspace, sample_set, name)
    inner = keras.Model(keras_model.input, keras_model.layers[-1].input)

    def features(images: np.ndarray) -> np.ndarray:
        found = np.asarray(keras.ops.convert_to_numpy(inner(images, training=False)), "float32")
        return found.reshape(len(images), -1)

    return features


def _load(workspace: Workspace, sample_set: str, name: str) -> Any:
    """The Keras model of a trained network; see `load_network`."""
    configure_process()
    content = read_file(workspace, sample_set, name, artefacts.MODEL_NETWORK)
    try:
        _check_bounds(content)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / artefacts.MODEL_NETWORK
            path.write_bytes(content)
            keras_model = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # of whatever kind: its bytes may be anything
        artefact = artefacts.model(sample_set, name, artefacts.MODEL_NETWORK)
        raise damage(workspace, artefact, f"{type(error).__name__}: {error}") from error
    return keras_model


def _check_bounds(content: bytes) -> None:
    """Refuse an archive that holds more than Keras writes for a network, or more than it has bytes.

    Raises:
        ValueError: it does.
    """
    sizes = member_sizes(content)
    if sizes.keys() != MEMBERS:
        raise ValueError(f"it holds {', '.join(sorted(sizes))}, not just {', '.join(sorted(MEMBERS))}")
    if sizes[LAYERS] > MAX_LAYERS_BYTES:
        raise ValueError(f"{LAYERS} has more than {MAX_LAYERS_BYTES:,} bytes")
