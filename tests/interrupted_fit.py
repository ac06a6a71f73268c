"""A network with everything that a checkpoint must hold, and its fit with interruptions, here or in one that dies.

As a script: ``python interrupted_fit.py WORKSPACE NAME NUMBER`` fits a model, and kills itself after checkpoint NUMBER.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from synthetic_samples import settings

from mineral_pipeline import modelling
from mineral_pipeline.evaluation import measure
from mineral_pipeline.modelling import ModelSpec, fitting
from mineral_pipeline.modelling.checkpoint import Checkpoint, write_checkpoint
from mineral_pipeline.modelling.draft import Draft
from mineral_pipeline.modelling.networks import NETWORKS, Network
from mineral_pipeline.workspace import Workspace, artefacts
from mineral_pipeline.workspace.pixels import PixelScale

COLLAPSING_SEED = 0
"""Seed of which the first training collapses to a constant; the second does not."""

DROPOUT = 0.3

QUICK = {"networks": ["toy"], "seeds": [COLLAPSING_SEED, 1], "epochs": 12, "patience": 2}


def build_toy(spec: ModelSpec, shape: tuple[int, ...], pixels: PixelScale, labels: np.ndarray) -> Any:
    """A convolution with penalties, batch normalisation and dropout before and after it."""
    from mineral_pipeline.modelling import layers

    keras, seeds = layers.keras, layers.layer_seeds(spec.seed)
    inputs, x = layers.image_input(shape, pixels)
    x = keras.layers.GaussianNoise(0.01, seed=next(seeds))(x)
    convolution = keras.layers.Conv2D(
        8, 3, kernel_initializer=layers.he_uniform(seeds), kernel_regularizer=keras.regularizers.L1L2(1e-4, 1e-4)
    )
    x = keras.layers.Dropout(DROPOUT, seed=next(seeds))(layers.normalise(convolution(x), "batch"))
    x = keras.layers.GlobalMaxPooling2D()(x)
    x = keras.layers.Rescaling(0.0 if spec.seed == COLLAPSING_SEED else 1.0)(x)
    return keras.Model(inputs, layers.sigmoid_output(x, labels, spec.loss), name=spec.name)


def toy_specs(workspace: Workspace, **train: Any) -> dict[int, ModelSpec]:
    """The toy's specs by seed; the toy is registered."""
    if "toy" not in NETWORKS:
        NETWORKS.register("toy", Network("toy", build_toy))
    config = settings(workspace, seed=0, train={**QUICK, "hyperparameters": {"learning_rate": 0.1}, **train})
    specs = modelling.grid_specs(config, workspace, "presence")
    return {spec.seed: spec for spec in specs if spec.network == "toy"}


@contextmanager
def after_each_checkpoint(act: Callable[[int], None], module: ModuleType = fitting) -> Iterator[None]:
    """A block in which ``act`` is called after each checkpoint of a fit of a module, with its number from 1."""
    write, written = write_checkpoint, 0

    def write_and_act(draft: Draft, identity: str, checkpoint: Checkpoint) -> None:
        nonlocal written
        write(draft, identity, checkpoint)
        written += 1
        act(written)

    with patch.object(module, "write_checkpoint", write_and_act):
        yield


def kill_after(number: int) -> Callable[[int], None]:
    """Kills this process after a checkpoint; 0 never does."""

    def act(written: int) -> None:
        if written == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return act


def content(workspace: Workspace, name: str) -> dict[str, Any]:
    """All of a model but the time that it took and how often it was interrupted."""
    from mineral_pipeline.modelling.backend import keras

    def table(file: str) -> pd.DataFrame:
        return workspace.read_table(artefacts.model("presence", name, file))

    network = keras.models.load_model(workspace.path(artefacts.model("presence", name, artefacts.MODEL_NETWORK)))
    metrics = modelling.read_metrics(workspace, "presence", name)
    return {
        "variables": [np.asarray(one.numpy()) for one in (*network.variables, *network.optimizer.variables)],
        "history": table(artefacts.MODEL_HISTORY).drop(columns="seconds"),
        "predictions": table(artefacts.MODEL_PREDICTIONS),
        "metrics": {key: metrics[key] for key in metrics if key not in ("seconds", "resumed", "files", "sha256")},
        "files": workspace.list(artefacts.model("presence", name)),
        "events": len(workspace.read_bytes(artefacts.model("presence", name, artefacts.MODEL_EVENTS))),
    }


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Equal in every bit."""
    assert len(one["variables"]) == len(other["variables"]) > 10
    for a, b in zip(one["variables"], other["variables"], strict=True):
        np.testing.assert_array_equal(a, b)
    for key in ("history", "predictions"):
        pd.testing.assert_frame_equal(one[key], other[key], check_exact=True)
    for key in ("metrics", "files", "events"):
        assert one[key] == other[key]


if __name__ == "__main__":
    target, wanted, last = Workspace(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    (spec,) = (spec for spec in toy_specs(target).values() if spec.name == wanted)
    with after_each_checkpoint(kill_after(last)):
        modelling.fit(target, spec, measure)
