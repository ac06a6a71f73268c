"""Weights in which training begins: those of a file, or of a pretraining. For workers, but for `describe_file`."""

from __future__ import annotations

import hashlib
from typing import Any

import fsspec

from mineral_pipeline.errors import DataError, SettingsError, one_line
from mineral_pipeline.modelling.model_files import MAX_REASON, read_file
from mineral_pipeline.modelling.pretraining_spec import pretraining_spec
from mineral_pipeline.modelling.spec import ModelSpec, PretrainedFile
from mineral_pipeline.workspace import Workspace, artefacts


def describe_file(path: str) -> PretrainedFile:
    """A file of weights by its content.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        return PretrainedFile(path, hashlib.sha256(_read(path)).hexdigest())
    except (OSError, ValueError, ImportError) as error:
        raise SettingsError(f"train.pretrained: {path} cannot be read ({one_line(error)}): give a file") from error


def start(model: Any, workspace: Workspace, spec: ModelSpec) -> None:
    """Give the layers of an untrained network the weights in which its training begins, if its spec has any.

    Raises:
        WorkspaceError: the pretraining is not done, or is damaged.
        DataError: the file cannot be read, has changed, or no layer of it is like one of the network.
    """
    if before := pretraining_spec(spec):
        name = artefacts.model(before.sample_set, before.name, artefacts.MODEL_NETWORK)
        content = read_file(workspace, before.sample_set, before.name, artefacts.MODEL_NETWORK)
        copy_layers(model, content, workspace.uri(name))
    if file := spec.pretrained:
        content = _read(file.path)
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise DataError(f"{file.path} has changed since this run began: run the same command again")
        copy_layers(model, content, file.path)


def copy_layers(model: Any, content: bytes, source: str) -> list[str]:
    """Copy the weights of all layers that have the same name and shapes in a file, and return their names.

    The output layer is left as it is: it starts from the training labels. So are layers that learn nothing.

    Args:
        model: an untrained Keras model.
        content: a ``.keras`` file.
        source: its name, for errors.

    Raises:
        DataError: it is none, or has no such layer.
    """
    from mineral_pipeline.modelling.keras_file import parse_network  # TensorFlow takes seconds to import: for workers

    try:
        found = {layer.name: layer for layer in parse_network(content).layers if layer.weights}
    except Exception as error:  # of whatever kind: its bytes may be anything
        reason = one_line(f"{type(error).__name__}: {error}", MAX_REASON)
        raise DataError(f"{source} is no network of Keras ({reason}): give a .keras file") from error
    copied = []
    for layer in model.layers[:-1]:
        other = found.get(layer.name)
        if other is not None and layer.trainable_weights and _shapes(layer) == _shapes(other):
            layer.set_weights(other.get_weights())
            copied.append(layer.name)
    if not copied:
        wanted = "; ".join(f"{layer.name} {_shapes(layer)}" for layer in model.layers[:-1] if layer.trainable_weights)
        held = one_line("; ".join(f"{name} {_shapes(layer)}" for name, layer in found.items()), 5 * MAX_REASON)
        raise DataError(f"{source} holds no layer of the network ({wanted}), only {held}: give a file of its kind")
    return copied


def _shapes(layer: Any) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]


def _read(path: str) -> bytes:
    with fsspec.open(path, "rb") as file:
        content: bytes = file.read()
    return content
