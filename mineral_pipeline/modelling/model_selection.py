"""Which model is best, by the validation side and never by the test side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from mineral_pipeline.errors import DataError
from mineral_pipeline.evaluation.metrics import HIGHER_IS_BETTER, PRIMARY_METRIC
from mineral_pipeline.modelling.spec import METRICS, TUNED, Kind, ModelSpec, digest, grid_specs, read_spec
from mineral_pipeline.learning import Task
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts

CHOOSABLE: tuple[Kind, ...] = ("grid", "tuned")
"""Kinds among which the best is looked for: neither baselines nor members."""


def select_model(
    workspace: Workspace, task: Task, names: Iterable[str], kinds: Sequence[Kind] = CHOOSABLE
) -> ModelSpec:
    """The best of some models on the validation side: by accuracy (presence) or MAE (richness), then by loss.

    Args:
        workspace: where.
        task: of the models.
        names: models to choose from; those absent, of other kinds or of other samples are passed over.
        kinds: of models to choose from.

    Raises:
        DataError: none is left.
    """
    found = []
    for name in names:
        if not is_current(workspace, task, name):
            continue
        spec = read_spec(workspace, task, name)
        if spec.kind in kinds:
            found.append((_cost(task, read_metrics(workspace, task, name)), name, spec))
    if not found:
        raise DataError(f"{workspace.uri(f'models/{task}')} holds no trained network: run the job train first")
    return min(found)[2]


def ensemble_specs(settings: Settings, workspace: Workspace, task: Task = "richness") -> list[ModelSpec]:
    """The ensemble: the best model's architecture and hyperparameters under different seeds.

    Raises:
        DataError: no model of the task is trained.
    """
    winner = select_model(workspace, task, [spec.name for spec in grid_specs(settings, workspace, task)] + [TUNED])
    base = replace(winner, kind="member", epochs=settings.train.epochs, patience=settings.train.patience)
    return [replace(base, name=f"member-s{seed}", seed=seed) for seed in range(settings.prospect.ensemble_size)]


def is_current(workspace: Workspace, task: Task, name: str) -> bool:
    """Whether a model is trained, and on the samples as they are now."""
    if not workspace.exists(artefacts.model(task, name, METRICS)):
        return False
    return read_spec(workspace, task, name).samples == digest(workspace, task)


def read_metrics(workspace: Workspace, task: Task, name: str) -> dict[str, Any]:
    """A model's ``metrics.json``.

    Raises:
        WorkspaceError: the model is not trained.
    """
    metrics: dict[str, Any] = workspace.read_json(artefacts.model(task, name, METRICS))
    return metrics


def _cost(task: Task, metrics: dict[str, Any]) -> tuple[float, float]:
    criterion, validation = PRIMARY_METRIC[task], metrics["validation"]
    sign = -1 if criterion in HIGHER_IS_BETTER else 1
    return sign * validation[criterion], validation["loss"]
