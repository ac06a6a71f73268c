"""What a model is: everything that decides it, kept in its ``settings.yaml``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import pandas as pd
import yaml

from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.learning import RANDOM_LABELS, Task
from mineral_pipeline.settings import Hyperparameters, Normalisation
from mineral_pipeline.workspace import Workspace, artefacts

NetworkKind = Literal["grid", "random-labels", "candidate", "tuned", "ensemble-member"]
NETWORK_KINDS: tuple[NetworkKind, ...] = get_args(NetworkKind)
"""Kinds of models with a network. The kind of a baseline without one is the baseline's name."""

Role = Literal["network", "baseline"]
Loss = Literal["cross_entropy", "mae", "mse"]

MODEL_FILES = (
    artefacts.MODEL_SPEC,
    artefacts.MODEL_NETWORK,
    artefacts.MODEL_BASELINE,
    artefacts.MODEL_HISTORY,
    artefacts.MODEL_PREDICTIONS,
    artefacts.MODEL_SEARCH,
)
"""Files without which a model that had them is not whole."""

TUNED = "tuned"
"""Name of the best model of the search."""


@dataclass(frozen=True)
class ModelSpec:
    """All that decides a model, so that equal specs mean the same model."""

    task: Task
    """``presence`` or ``richness``."""
    name: str
    """Folder under ``models/<task>/``."""
    kind: str
    """One of `NETWORK_KINDS`, or the name of a registered baseline."""
    network: str | None
    """Name of a registered network; None for a baseline without one."""
    hyperparameters: Hyperparameters
    """Hyperparameters of the network and of its optimiser."""
    normalisation: Normalisation
    """Normalisation between the layers, of networks that have a choice."""
    seed: int
    """Seed of weights, dropout and the order of samples."""
    epochs: int
    """Maximum number of epochs."""
    patience: int
    """Epochs without a better validation loss after which training stops."""
    loss: Loss
    """Loss that training minimises, and that early stopping watches on the validation subset."""
    permutation: int | None
    """Seed of the permuted labels; None for true labels."""
    samples: str
    """Digest of the samples: the same network on other samples is another model."""

    @property
    def role(self) -> Role:
        """``baseline`` for a model that the networks are compared with, else ``network``."""
        return "baseline" if self.network is None or self.kind == RANDOM_LABELS else "network"


def digest_samples(workspace: Workspace, task: Task) -> str:
    """Digest of the samples of a task, their labels and their pixels, as ``curate`` has left it in their summary.

    Raises:
        WorkspaceError: the task is not curated.
    """
    name = artefacts.samples_summary(task)
    if digest := workspace.read_json(name).get("digest"):
        return str(digest)[:16]
    raise WorkspaceError(f"{workspace.uri(name)} holds no digest of the samples: run curate again")


def write_spec(workspace: Workspace, spec: ModelSpec, folder: str | None = None) -> None:
    """Write a model's ``settings.yaml``, into another ``folder`` than the model's where one is given."""
    content = {**asdict(spec), "hyperparameters": spec.hyperparameters.model_dump()}
    text = yaml.safe_dump(content, sort_keys=False)
    folder = folder or artefacts.model(spec.task, spec.name)
    workspace.write_bytes(f"{folder}/{artefacts.MODEL_SPEC}", text.encode())


def read_spec(workspace: Workspace, task: str, name: str) -> ModelSpec:
    """Read a model's ``settings.yaml``.

    Raises:
        WorkspaceError: there is no such model.
    """
    content = yaml.safe_load(workspace.read_bytes(artefacts.model(task, name, artefacts.MODEL_SPEC)))
    return ModelSpec(**{**content, "hyperparameters": Hyperparameters(**content["hyperparameters"])})


def read_metrics(workspace: Workspace, task: str, name: str) -> dict[str, Any]:
    """A model's ``metrics.json``.

    Raises:
        WorkspaceError: the model is not trained.
    """
    metrics: dict[str, Any] = workspace.read_json(artefacts.model(task, name, artefacts.MODEL_METRICS))
    return metrics


def write_metrics(workspace: Workspace, folder: str, metrics: dict[str, Any]) -> dict[str, Any]:
    """Write ``metrics.json`` into the folder of a model, its last file, and return what it holds.

    It also tells the sizes of the files without which the model is not whole.
    """
    sizes = workspace.sizes(folder)
    metrics = metrics | {"files": {name: sizes[name] for name in MODEL_FILES if name in sizes}}
    workspace.write_json(f"{folder}/{artefacts.MODEL_METRICS}", metrics)
    return metrics


def read_predictions(workspace: Workspace, task: str, name: str) -> pd.Series:
    """What a model predicted for the validation subset when it was trained, in 0..1 by ``chip_id``.

    Raises:
        WorkspaceError: the model is not trained.
    """
    table = workspace.read_table(artefacts.model(task, name, artefacts.MODEL_PREDICTIONS), ["chip_id", "prediction"])
    predictions: pd.Series = table.set_index("chip_id")["prediction"]
    return predictions


def is_done(workspace: Workspace, spec: ModelSpec) -> bool:
    """Whether this very model is trained, and whole."""
    return _trained_spec(workspace, spec.task, spec.name) == spec


def is_current(workspace: Workspace, task: Task, name: str) -> bool:
    """Whether a model is trained, and on the samples as they are now."""
    spec = _trained_spec(workspace, task, name)
    return spec is not None and spec.samples == digest_samples(workspace, task)


def _trained_spec(workspace: Workspace, task: str, name: str) -> ModelSpec | None:
    """The spec of a trained model; None where there is none, a part is gone, or another version has made it."""
    folder = artefacts.model(task, name)
    sizes = workspace.sizes(folder)
    if artefacts.MODEL_METRICS not in sizes:
        return None
    try:
        files = read_metrics(workspace, task, name).get("files", {})
        is_whole = all(sizes.get(file) == size for file, size in files.items())
        return read_spec(workspace, task, name) if is_whole else None
    except (WorkspaceError, TypeError, ValueError, KeyError, AttributeError):  # damaged in whatever way
        return None


def done_names(workspace: Workspace, specs: Sequence[ModelSpec]) -> list[str]:
    """Names of those of ``specs`` that are trained."""
    return [spec.name for spec in specs if is_done(workspace, spec)]
