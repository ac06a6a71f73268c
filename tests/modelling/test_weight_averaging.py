"""Averaged weights: against the average of the weights after every step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from synthetic_samples import settings, write_samples

from mineral_pipeline import modelling
from mineral_pipeline.errors import SettingsError
from mineral_pipeline.modelling import draft
from mineral_pipeline.modelling.checkpoint import TrainingState
from mineral_pipeline.modelling.dataset import open_subset
from mineral_pipeline.settings import Hyperparameters
from mineral_pipeline.workspace import Workspace

# Keras 3.15 makes arrays of TensorFlow variables in a way that numpy 2 announces to retire.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

MOMENTUM = 0.7


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_the_network_of_the_averages_is_validated_kept_and_saved(workspace: Workspace, weight_decay: float) -> None:
    from mineral_pipeline.modelling.training import train

    write_samples(workspace, "presence", locations=60, chips=1, size=16, batch=64)  # one step an epoch
    values = {"learning_rate": 0.02, "weight_averaging": MOMENTUM, "weight_decay": weight_decay}
    config = settings(
        workspace, train={"convolutions": ["small"], "dense_layers": ["small"], "hyperparameters": values}
    )
    (spec,) = modelling.grid_specs(config, workspace, "presence")
    spec = replace(spec, epochs=6, patience=6)
    subsets = open_subset(workspace, "presence", "train"), open_subset(workspace, "presence", "validation")
    states: list[TrainingState] = []
    network = train(draft.begin(workspace, spec), spec, *subsets, state=None, keep=states.append)
    model = network.keras_model

    trainable = {id(variable) for variable in model.trainable_variables}
    places = [number for number, variable in enumerate(model.variables) if id(variable) in trainable]
    steps = [[state.variables[place] for place in places] for state in states[: network.best_epoch + 1]]
    shares = MOMENTUM ** np.arange(len(steps))[::-1] * np.where(np.arange(len(steps)) > 0, 1 - MOMENTUM, 1.0)
    assert shares.sum() == pytest.approx(1)
    for number, variable in enumerate(model.trainable_variables):
        mean = sum(share * weights[number] for share, weights in zip(shares, steps, strict=True))
        np.testing.assert_allclose(np.array(variable), mean, rtol=1e-4, atol=1e-6)
        assert np.abs(np.array(variable) - steps[-1][number]).max() > 1e-5, "not the weights that were trained"

    images, label = subsets[1].images.read(np.arange(len(subsets[1]))), subsets[1].label.astype("float64")
    predicted = network.predict(images)
    loss = -np.mean(label * np.log(predicted) + (1 - label) * np.log(1 - predicted))
    assert network.history["val_cross_entropy"][network.best_epoch] == pytest.approx(loss, rel=1e-4)


def test_what_is_off_leaves_no_trace() -> None:
    assert "weight_averaging" not in Hyperparameters().model_dump_json()
    assert Hyperparameters(weight_averaging=0.9).model_dump()["weight_averaging"] == 0.9
    assert Hyperparameters.model_validate(Hyperparameters().model_dump()) == Hyperparameters()


@pytest.mark.parametrize("momentum", [1.0, -0.1])
def test_a_momentum_that_never_moves_is_refused(workspace: Workspace, momentum: Any) -> None:
    with pytest.raises(SettingsError, match="weight_averaging"):
        settings(workspace, train={"hyperparameters": {"weight_averaging": momentum}})
