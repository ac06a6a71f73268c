"""Checkpoints: a training after an epoch, whole, so that it goes on as if it had never stopped.

A checkpoint is one object, written in one piece: an ``.npz`` archive, whose checksums tell damage, with the arrays and
a JSON header.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from mineral_pipeline.modelling.draft import Draft
from mineral_pipeline.modelling.model_files import member_sizes

LOGGER = logging.getLogger(__name__)

ARRAYS = ("variables", "best_weights")
"""Fields of `TrainingState` that are arrays."""


@dataclass(frozen=True)
class TrainingState:
    """All of one training after an epoch."""

    rows: Sequence[dict[str, float]]
    """Rows of the history, one per epoch. Their number and the seed give the order of samples of the next epoch."""
    stopping: Mapping[str, Any]
    """Early stopping's best loss and its epoch, its counter, and the epoch at which it stopped."""
    is_over: bool
    """Whether training has stopped early."""
    variables: Sequence[np.ndarray]
    """Variables of model and optimiser: weights, averages of batch normalisation, states of random generators."""
    best_weights: Sequence[np.ndarray]
    """Weights of the best epoch; none before the warm-up is over."""


@dataclass(frozen=True)
class Checkpoint:
    """A fit after an epoch."""

    tried: Sequence[Mapping[str, Any]]
    """Trainings before this one, which have collapsed; see `collapse.attempts`."""
    seconds: float
    """Time that the fit has taken."""
    resumed: int
    """How often the fit has gone on from a checkpoint."""
    state: TrainingState
    """The training under way."""


def read_checkpoint(draft: Draft, identity: str) -> Checkpoint | None:
    """The checkpoint of a model; None where there is none, or none that can be used, which is logged.

    Args:
        draft: the model in the making.
        identity: tells checkpoints of other settings, samples, layers and versions.

    Raises:
        WorkspaceError: it is there and cannot be read.
    """
    if not draft.workspace.exists(draft.checkpoint):
        return None
    content = draft.workspace.read_bytes(draft.checkpoint)
    try:
        found, checkpoint = _decode(content)
    except Exception as error:  # damaged bytes raise errors of any kind
        _ignore(draft, f"it is damaged ({error})")
        return None
    if found != identity:
        _ignore(draft, "it is of other settings, samples, layers or versions")
        return None
    return checkpoint


def write_checkpoint(draft: Draft, identity: str, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint of a model.

    Raises:
        WorkspaceError: the fit has been overtaken, or the workspace cannot be written.
    """
    draft.check()
    draft.workspace.write_bytes(draft.checkpoint, _encode(identity, checkpoint))


def _ignore(draft: Draft, reason: str) -> None:
    LOGGER.warning("%s: %s: the training starts anew", draft.workspace.uri(draft.checkpoint), reason)


def _encode(identity: str, checkpoint: Checkpoint) -> bytes:
    state, buffer = checkpoint.state, io.BytesIO()
    bare = replace(checkpoint, state=replace(state, variables=(), best_weights=()))
    header = {"identity": identity, **asdict(bare)}
    arrays = {f"{kind}-{number}": array for kind in ARRAYS for number, array in enumerate(getattr(state, kind))}
    np.savez(buffer, header=np.frombuffer(json.dumps(header).encode(), "uint8"), **arrays)
    return buffer.getvalue()


def _decode(content: bytes) -> tuple[str, Checkpoint]:
    member_sizes(content)  # none is compressed
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        header = json.loads(archive["header"].tobytes())
        counts = {kind: sum(name.startswith(f"{kind}-") for name in archive.files) for kind in ARRAYS}
        arrays = {kind: [archive[f"{kind}-{number}"] for number in range(counts[kind])] for kind in ARRAYS}
    state = TrainingState(**{**header.pop("state"), **arrays})
    return header.pop("identity"), Checkpoint(**{**header, "state": state})
