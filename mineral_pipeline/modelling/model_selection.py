"""Selection of the best model, by the validation subset and never by the test subset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from mineral_pipeline.errors import DataError
from mineral_pipeline.learning import TUNED, Task
from mineral_pipeline.modelling.criterion import Criterion
from mineral_pipeline.modelling.model_files import is_current, is_done, read_metrics, read_spec
from mineral_pipeline.modelling.model_list import grid_specs
from mineral_pipeline.modelling.spec import ModelSpec, NetworkKind
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts

SELECTABLE_KINDS: tuple[NetworkKind, ...] = ("grid", "tuned")
"""Kinds of models that are compared by default: neither baselines nor networks of an ensemble."""

MIN_MEMBERS = 2
"""Fewest networks of an ensemble: one alone has no uncertainty."""


def rank_models(
    workspace: Workspace,
    sample_set: str,
    names: Iterable[str],
    criterion: Criterion,
    kinds: Sequence[NetworkKind] = SELECTABLE_KINDS,
) -> list[ModelSpec]:
    """Some models, the best on the validation subset first: by the criterion's metric, then by loss.

    Networks that have collapsed to a constant come last.

    Args:
        workspace: the workspace.
        sample_set: samples from which the models have learnt.
        names: names of the models; those absent, of other kinds or of other samples are passed over.
        criterion: what makes one model better than another.
        kinds: kinds of the models that are compared.

    Raises:
        DataError: no model is left, or the metric is not defined on the validation subset.
    """
    found = []
    for name in names:
        if not is_current(workspace, sample_set, name):
            continue
        spec = read_spec(workspace, sample_set, name)
        if spec.kind in kinds:
            cost = has_collapsed(workspace, spec), *criterion.cost(workspace, spec)
            found.append((cost, name, spec))
    if not found:
        raise DataError(
            f"{workspace.uri(artefacts.models(sample_set))} holds no trained network: run the job train first"
        )
    return [spec for _, _, spec in sorted(found, key=lambda one: one[:2])]


def select_model(workspace: Workspace, sample_set: str, names: Iterable[str], criterion: Criterion) -> ModelSpec | None:
    """The first of `rank_models`; None where every network has collapsed.

    Raises:
        DataError: no network is trained.
    """
    best = rank_models(workspace, sample_set, names, criterion)[0]
    return None if has_collapsed(workspace, best) else best


def has_collapsed(workspace: Workspace, spec: ModelSpec) -> bool:
    """Whether a trained network predicts the same for every chip; see `collapse.is_collapsed`."""
    return bool(read_metrics(workspace, spec.sample_set, spec.name)["collapsed"])


def member_name(seed: int) -> str:
    """Name of the network of an ensemble with some seed."""
    return f"member-s{seed}"


def ensemble_specs(
    settings: Settings, workspace: Workspace, criterion: Criterion, task: Task = "richness", fold: int | None = None
) -> list[ModelSpec]:
    """The networks of an ensemble: the best model's network and hyperparameters with different seeds.

    That of a fold is of the model that is the best on the validation subset of the fold, and learns from its samples.

    There are none where every network has collapsed.

    Raises:
        DataError: no model of the task is trained.
    """
    names = [spec.name for spec in grid_specs(settings, workspace, task, fold)]
    winner = select_model(workspace, artefacts.sample_set(task, fold), [*names, TUNED], criterion)
    if winner is None:
        return []
    base = replace(winner, kind="ensemble-member", epochs=settings.train.epochs, patience=settings.train.patience)
    return [replace(base, name=member_name(seed), seed=seed) for seed in range(settings.prospect.ensemble_size)]


def ensemble_members(
    settings: Settings, workspace: Workspace, criterion: Criterion, task: Task = "richness", fold: int | None = None
) -> list[str]:
    """Names of the networks of `ensemble_specs` that are trained and have not collapsed; too few are no ensemble.

    Returns:
        At least `MIN_MEMBERS` names, or none.

    Raises:
        DataError: no model of the task is trained.
    """
    specs = ensemble_specs(settings, workspace, criterion, task, fold)
    names = [spec.name for spec in specs if is_done(workspace, spec) and not has_collapsed(workspace, spec)]
    return names if len(names) >= MIN_MEMBERS else []
