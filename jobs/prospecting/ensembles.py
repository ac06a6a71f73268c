"""Ensembles: the networks of one for the split and for each fold, and what models say of chips, on the workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from distributed import Client

from jobs.running.criterion import make_criterion
from jobs.running.progress import Progress
from jobs.running.tasks import GPU, collect, submit
from mineral_pipeline import modelling
from mineral_pipeline.learning import Task
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace

CHIPS_PER_TASK = 2048
"""Chips that one task predicts. It reads a few at a time, so that this number does not decide its memory."""


@dataclass(frozen=True)
class Ensemble:
    """Models of one sample set, and the chips that they predict."""

    sample_set: str
    """Samples from which the models have learnt."""
    members: Sequence[str]
    """Names of the models."""
    chip_index: Sequence[int]
    """Indices of the chips along the chip dimension of ``chips.zarr``."""


def all_members(
    settings: Settings, workspace: Workspace, task: Task, folds: Sequence[int | None]
) -> list[modelling.ModelSpec]:
    """The networks of the ensembles of a task in some folds; None stands for the split.

    Raises:
        DataError: a sample set has no trained network.
    """
    ensemble_specs = partial(modelling.ensemble_specs, settings, workspace, make_criterion(settings, task))
    return [spec for fold in folds for spec in ensemble_specs(task, fold)]


def predict(client: Client, workspace: Workspace, ensembles: Sequence[Ensemble]) -> list[np.ndarray]:
    """Predict with some ensembles: one task per model and batch of chips, each on a GPU.

    Returns:
        For each ensemble, (members, chips) predictions in 0..1.
    """
    calls = {
        f"predict-{one.sample_set}/{member}-{start}": (workspace, one.sample_set, member, chips)
        for one in ensembles
        for member in one.members
        for start, chips in _batches(one.chip_index)
    }
    found = _run(client, modelling.predict, calls, "predictions")

    def joined(one: Ensemble, member: str) -> np.ndarray:
        parts = [found[f"predict-{one.sample_set}/{member}-{start}"] for start, _ in _batches(one.chip_index)]
        return np.concatenate([np.empty(0), *parts])

    return [
        np.stack([joined(one, member) for member in one.members]) if one.members else np.empty((0, len(one.chip_index)))
        for one in ensembles
    ]


@dataclass(frozen=True)
class Features:
    """What a model sees before it predicts."""

    trained: np.ndarray
    """(sample, feature) of the training samples."""
    validated: np.ndarray
    """(sample, feature) of the validation samples."""
    chips: np.ndarray
    """(chip, feature) of the chips of an `Ensemble`."""


def see(client: Client, workspace: Workspace, ensembles: Sequence[Ensemble]) -> list[Features]:
    """The features of the first model of every ensemble."""
    chips: dict[str, tuple[Any, ...]] = {
        f"see-{one.sample_set}-{start}": (workspace, one.sample_set, one.members[0], batch)
        for one in ensembles
        for start, batch in _batches(one.chip_index)
    }
    subsets: dict[str, tuple[Any, ...]] = {
        f"see-{one.sample_set}-{subset}": (workspace, one.sample_set, one.members[0], subset)
        for one in ensembles
        for subset in ("train", "validation")
    }
    found = _run(client, modelling.chip_features, chips, "features")
    found |= _run(client, modelling.subset_features, subsets, "features of samples")
    return [
        Features(
            found[f"see-{one.sample_set}-train"],
            found[f"see-{one.sample_set}-validation"],
            np.concatenate([found[f"see-{one.sample_set}-{start}"] for start, _ in _batches(one.chip_index)]),
        )
        for one in ensembles
    ]


def _run(
    client: Client, function: Callable[..., np.ndarray], calls: Mapping[str, tuple[Any, ...]], unit: str
) -> dict[str, np.ndarray]:
    """The results of all calls by their names."""
    found: dict[str, np.ndarray] = {}
    with Progress("prospect", unit, len(calls)) as progress:
        for result in collect(submit(client, "prospect", function, calls, GPU)):
            found[result.name] = result.value
            progress.advance(done=1)
    return found


def _batches(chip_index: Sequence[int]) -> list[tuple[int, Sequence[int]]]:
    """First position and chips of every batch."""
    starts = range(0, len(chip_index), CHIPS_PER_TASK)
    return [(start, chip_index[start : start + CHIPS_PER_TASK]) for start in starts]
