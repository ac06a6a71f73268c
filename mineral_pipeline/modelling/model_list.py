"""The models that a settings file asks for: the grid of networks, and the baselines that they must beat."""

from __future__ import annotations

from dataclasses import replace

from mineral_pipeline.errors import SettingsError
from mineral_pipeline.learning import RANDOM_LABELS, Task, kind_of
from mineral_pipeline.modelling.baselines import BASELINES
from mineral_pipeline.modelling.initial_weights import describe_file
from mineral_pipeline.modelling.networks import NETWORKS, study_network
from mineral_pipeline.modelling.spec import ModelSpec, PretrainingPlan, digest_samples
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts
from mineral_pipeline.workspace.digests import digest_artefacts

RANDOM_LABELS_NETWORK = study_network("medium", "medium")
"""Network that is trained on permuted labels, as in the study."""


def check_networks(settings: Settings) -> None:
    """Refuse settings that name a network that is not registered, or one that cannot be pretrained.

    Raises:
        SettingsError: there is no network of a name in ``train.networks``, or it has no part that is pretrained.
    """
    for name in settings.train.networks:
        try:
            network = NETWORKS[name]
        except SettingsError as error:
            raise SettingsError(f"train.networks: {error}") from None
        if settings.train.pretraining and network.encode is None:
            raise SettingsError(f"train.pretraining: the network {name} has no convolutional part: leave one out")


def grid_networks(settings: Settings) -> list[str]:
    """Names of the networks of the grid, the largest first, and then of the further networks of the settings."""
    check_networks(settings)
    train = settings.train
    grid = [
        study_network(convolution, dense)
        for convolution in reversed(train.convolutions)
        for dense in reversed(train.dense_layers)
    ]
    return list(dict.fromkeys([*grid, *train.networks]))


def model_names(settings: Settings) -> list[str]:
    """Names of the models of one sample set: those of `grid_specs` and `baseline_specs`, which need the samples."""
    grid = [f"{network}-s{seed}" for network in grid_networks(settings) for seed in settings.train.seeds]
    return grid + [f"random-labels-p{number}" for number in range(settings.train.n_label_permutations)] + [*BASELINES]


def grid_specs(settings: Settings, workspace: Workspace, task: Task, fold: int | None = None) -> list[ModelSpec]:
    """Every network of the grid, once per seed; the long ones first, so that workers end together.

    Without a ``fold`` they learn from the samples of the split.

    Raises:
        SettingsError: a network of the settings is not registered.
        WorkspaceError: the samples are not curated.
    """
    base = _base_spec(settings, workspace, task, fold)
    return [
        replace(base, name=f"{network}-s{seed}", network=network, seed=seed)
        for network in grid_networks(settings)
        for seed in settings.train.seeds
    ]


def baseline_specs(settings: Settings, workspace: Workspace, task: Task, fold: int | None = None) -> list[ModelSpec]:
    """What a network must beat: networks that were trained on permuted labels, and every registered baseline.

    Raises:
        WorkspaceError: the samples are not curated.
    """
    base = _base_spec(settings, workspace, task, fold)
    random = replace(base, kind=RANDOM_LABELS, network=RANDOM_LABELS_NETWORK)
    return [
        *(
            replace(random, name=f"random-labels-p{number}", permutation=number, seed=base.seed + number)
            for number in range(settings.train.n_label_permutations)
        ),
        *(replace(base, name=name, kind=name, pretraining=None, pretrained=None) for name in BASELINES),
    ]


def _base_spec(settings: Settings, workspace: Workspace, task: Task, fold: int | None) -> ModelSpec:
    train = settings.train
    return ModelSpec(
        task=task,
        name="",
        kind="grid",
        network=None,
        hyperparameters=train.hyperparameters,
        normalisation=train.normalisation,
        seed=settings.seed,
        epochs=train.epochs,
        patience=train.patience,
        loss="cross_entropy" if kind_of(task) == "presence" else train.richness_loss,
        permutation=None,
        samples=digest_samples(workspace, artefacts.sample_set(task, fold)),
        fold=fold,
        pretraining=_plan(settings, workspace),
        pretrained=describe_file(train.pretrained) if train.pretrained else None,
        memory_mb=train.memory_mb,
    )


def _plan(settings: Settings, workspace: Workspace) -> PretrainingPlan | None:
    """The pretraining of the settings, on the chips as they are now."""
    config = settings.train.pretraining
    if config is None:
        return None
    chips = digest_artefacts(workspace, [artefacts.CHIPS])[artefacts.CHIPS]
    return PretrainingPlan(**config.model_dump(), seed=settings.seed, chips=chips)
