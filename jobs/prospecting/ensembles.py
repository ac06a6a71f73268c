"""Ensembles: the networks of one for the split and for each fold, and what they predict for chips, on the workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from distributed import Client

from jobs.running.dependencies import RICHNESS
from jobs.running.progress import Progress
from jobs.running.tasks import GPU, collect, submit
from mineral_pipeline import modelling
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace

CHIPS_PER_TASK = 2048
"""Chips that one task predicts. It reads a few at a time, so that this number does not decide its memory."""


@dataclass(frozen=True)
class Ensemble:
    """Networks, and the chips that they predict."""

    sample_set: str
    """Samples from which the networks have learnt."""
    members: Sequence[str]
    """Names of the networks."""
    chip_index: Sequence[int]
    """Indices of the chips along the chip dimension of ``chips.zarr``."""


def all_members(settings: Settings, workspace: Workspace, folds: Sequence[int | None]) -> list[modelling.ModelSpec]:
    """The networks of the ensembles of some folds; None stands for the split.

    Raises:
        DataError: a sample set has no trained network.
    """
    return [spec for fold in folds for spec in modelling.ensemble_specs(settings, workspace, RICHNESS, fold)]


def predict(client: Client, workspace: Workspace, ensembles: Sequence[Ensemble]) -> np.ndarray:
    """Predict with some ensembles: one task per network and batch of chips, each on a GPU.

    Returns:
        (members, chips) predicted richness, the chips of one ensemble after those of another; nan where an ensemble has
        fewer members than the largest.
    """
    calls = {
        f"predict-{one.sample_set}/{member}-{start}": (
            workspace,
            one.sample_set,
            member,
            one.chip_index[start : start + CHIPS_PER_TASK],
        )
        for one in ensembles
        for member in one.members
        for start in range(0, len(one.chip_index), CHIPS_PER_TASK)
    }
    found: dict[str, np.ndarray] = {}
    with Progress("prospect", "predictions", sum(len(chips) for *_, chips in calls.values())) as progress:
        for result in collect(submit(client, "prospect", modelling.predict, calls, GPU)):
            found[result.name] = result.value
            progress.advance(done=len(result.value))
    predictions = np.full(
        (max(len(one.members) for one in ensembles), sum(len(one.chip_index) for one in ensembles)), np.nan
    )
    first = 0
    for one in ensembles:
        for row, member in enumerate(one.members):
            parts = [found[name] for name, call in calls.items() if call[1:3] == (one.sample_set, member)]
            predictions[row, first : first + len(one.chip_index)] = np.concatenate(parts)
        first += len(one.chip_index)
    return predictions
