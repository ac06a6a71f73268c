"""What a model is: everything that decides it, and the lists of models that a settings file asks for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import yaml

from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.learning import Task
from mineral_pipeline.settings import Hyperparameters, Settings, Size
from mineral_pipeline.workspace import Workspace, artefacts

Kind = Literal["grid", "random-labels", "constant", "brightness", "candidate", "tuned", "member"]
Loss = Literal["cross_entropy", "mae", "mse"]

BASELINE: tuple[Size, Size] = ("medium", "medium")
"""Convolution and dense part of the random-label baselines, as in the study."""

TUNED = "tuned"
"""Name of the winner of the search."""

SPEC, METRICS, FAILURE = "settings.yaml", "metrics.json", "failure.json"
"""Files of a model: what it is, how good it is (written last: the model is done), or why there is none."""


@dataclass(frozen=True)
class ModelSpec:
    """All that decides a model, so that equal specs mean the same model."""

    task: Task
    """``presence`` or ``richness``."""
    name: str
    """Folder under ``models/<task>/``."""
    kind: Kind
    """What the model is for."""
    convolution: Size | None
    """Convolutional part; None for baselines without a network."""
    dense: Size | None
    """Dense part; None for baselines without a network."""
    hyperparameters: Hyperparameters
    """Of the network and of its optimiser."""
    seed: int
    """Of weights, dropout and the order of samples."""
    epochs: int
    """At most so many."""
    patience: int
    """Epochs without a better validation loss after which training stops."""
    loss: Loss
    """What training minimises, and stopping watches on the validation side."""
    permutation: int | None
    """Seed of the permuted labels; None for true labels."""
    artefacts.samples: str
    """Digest of the sample table: the same network on other samples is another model."""


def digest(workspace: Workspace, task: Task) -> str:
    """Digest of the sample table of a task.

    Raises:
        WorkspaceError: the task is not curated.
    """
    return hashlib.sha256(workspace.read_bytes(artefacts.samples(task))).hexdigest()[:16]


def grid_specs(settings: Settings, workspace: Workspace, task: Task) -> list[ModelSpec]:
    """Every architecture of the grid, once per seed; the long ones first, so that workers end together."""
    train, base = settings.train, _base(settings, workspace, task)
    return [
        replace(base, name=f"{convolution}-{dense}-s{seed}", convolution=convolution, dense=dense, seed=seed)
        for convolution in reversed(train.convolutions)
        for dense in reversed(train.dense_layers)
        for seed in train.seeds
    ]


def baseline_specs(settings: Settings, workspace: Workspace, task: Task) -> list[ModelSpec]:
    """What a model must beat: permuted labels, a constant, the brightness of a chip."""
    base, (convolution, dense) = _base(settings, workspace, task), BASELINE
    random = replace(base, kind="random-labels", convolution=convolution, dense=dense)
    return [
        *(
            replace(random, name=f"random-labels-p{number}", permutation=number, seed=base.seed + number)
            for number in range(settings.train.n_label_permutations)
        ),
        replace(base, name="constant", kind="constant"),
        replace(base, name="brightness", kind="brightness"),
    ]


def _base(settings: Settings, workspace: Workspace, task: Task) -> ModelSpec:
    train = settings.train
    return ModelSpec(
        task=task,
        name="",
        kind="grid",
        convolution=None,
        dense=None,
        hyperparameters=train.hyperparameters,
        seed=settings.seed,
        epochs=train.epochs,
        patience=train.patience,
        loss="cross_entropy" if task == "presence" else train.richness_loss,
        permutation=None,
        samples=digest(workspace, task),
    )


def write_spec(workspace: Workspace, spec: ModelSpec) -> None:
    """Write a model's ``settings.yaml``."""
    text = yaml.safe_dump(_plain(spec), sort_keys=False)
    workspace.write_bytes(artefacts.model(spec.task, spec.name, SPEC), text.encode())


def read_spec(workspace: Workspace, task: str, name: str) -> ModelSpec:
    """Read a model's ``settings.yaml``.

    Raises:
        WorkspaceError: there is no such model.
    """
    content = yaml.safe_load(workspace.read_bytes(artefacts.model(task, name, SPEC)))
    return ModelSpec(**{**content, "hyperparameters": Hyperparameters(**content["hyperparameters"])})


def is_done(workspace: Workspace, spec: ModelSpec) -> bool:
    """Whether this very model is trained: ``metrics.json`` is written last."""
    if not workspace.exists(artefacts.model(spec.task, spec.name, METRICS)):
        return False
    try:
        return read_spec(workspace, spec.task, spec.name) == spec
    except (WorkspaceError, TypeError, ValueError, KeyError):  # of another version of this program
        return False


def done_names(workspace: Workspace, specs: Sequence[ModelSpec]) -> list[str]:
    """Names of those of ``specs`` that are trained."""
    return [spec.name for spec in specs if is_done(workspace, spec)]


def _plain(spec: ModelSpec) -> dict[str, Any]:
    return {**asdict(spec), "hyperparameters": spec.hyperparameters.model_dump()}
