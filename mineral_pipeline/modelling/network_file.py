"""The networks of trained models. Imports Keras: for workers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mineral_pipeline.errors import DataError
from mineral_pipeline.modelling.backend import configure_process, keras
from mineral_pipeline.modelling.draft import Draft
from mineral_pipeline.modelling.keras_file import check_bounds, parse_network
from mineral_pipeline.modelling.model_files import damage, read_file
from mineral_pipeline.modelling.training import TrainedNetwork, predict_images
from mineral_pipeline.workspace import Workspace, artefacts


def save_network(draft: Draft, network: TrainedNetwork) -> None:
    """Write ``model.keras``.

    Raises:
        DataError: it could not be loaded again.
    """
    with draft.workspace.upload_from_local(draft.file(artefacts.MODEL_NETWORK)) as path:
        network.keras_model.save(path)
        try:
            check_bounds(Path(path).read_bytes())
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
        return parse_network(content)
    except Exception as error:  # of whatever kind: its bytes may be anything
        artefact = artefacts.model(sample_set, name, artefacts.MODEL_NETWORK)
        raise damage(workspace, artefact, f"{type(error).__name__}: {error}") from error
