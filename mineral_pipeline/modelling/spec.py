"""What a model is: everything that decides it, kept in its ``settings.yaml``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from mineral_pipeline.errors import SettingsError, WorkspaceError, one_line
from mineral_pipeline.learning import RANDOM_LABELS, Task
from mineral_pipeline.settings import Hyperparameters, Normalisation, Pretraining, document
from mineral_pipeline.workspace import Workspace, artefacts
from mineral_pipeline.workspace.workspace import REPAIR

NetworkKind = Literal["grid", "random-labels", "candidate", "tuned", "ensemble-member", "pretraining"]
NETWORK_KINDS: tuple[NetworkKind, ...] = get_args(NetworkKind)
"""Kinds of models with a network. The kind of a baseline without one is the baseline's name."""

Role = Literal["network", "baseline"]
Loss = Literal["cross_entropy", "mae", "mse"]

PRETRAINING: NetworkKind = "pretraining"
"""Kind of the masked autoencoders in whose convolutions the training of other networks begins."""


class PretrainingPlan(Pretraining):
    """All that decides a pretraining but the network."""

    seed: int
    """Seed of weights, squares and the order of chips: one for all models of an architecture."""
    chips: str
    """Digest of the store of chips."""


@dataclass(frozen=True)
class PretrainedFile:
    """A file of weights, known by its content."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    path: str = field(compare=False, repr=False)
    """Path or URL."""
    sha256: str
    """Digest of its bytes."""


@dataclass(frozen=True)
class ModelSpec:
    """All that decides a model, so that equal specs mean the same model."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    task: Task
    """``presence`` or ``richness``."""
    name: str
    """Folder under that of the sample set, such as ``models/presence/``."""
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
    fold: int | None = None
    """Number of the fold whose training subset is learnt; None for that of the split."""
    pretraining: PretrainingPlan | None = None
    """How the convolutions learn before; None where training begins with random ones."""
    pretrained: PretrainedFile | None = None
    """File of the weights in which training begins."""
    memory_mb: int = 512
    """Memory of decoded images, in MB: where it is short, fewer samples are mixed with each other."""

    @property
    def sample_set(self) -> str:
        """Name of the samples that are learnt, and of the folder of the models that learn them."""
        return artefacts.sample_set(self.task, self.fold)

    @property
    def path(self) -> str:
        """Sample set and name, by which people know a model among all: ``presence/fold-0/medium-medium-s0``."""
        return f"{self.sample_set}/{self.name}"

    @property
    def role(self) -> Role:
        """``baseline`` for a model that the networks are compared with, else ``network``."""
        return "baseline" if self.network is None or self.kind == RANDOM_LABELS else "network"


_SPEC = TypeAdapter(ModelSpec)


def digest_samples(workspace: Workspace, sample_set: str) -> str:
    """Digest of a sample set, its labels and its pixels, as ``curate`` has left it in the summary.

    Raises:
        WorkspaceError: the set is not curated.
    """
    name = artefacts.samples_summary(sample_set)
    summary = workspace.read_json(name)
    if digest := summary.get("digest"):
        return str(digest)[:16]
    raise WorkspaceError(f"{workspace.uri(name)} holds no digest of the samples: run curate again")


def write_spec(workspace: Workspace, spec: ModelSpec, folder: str | None = None) -> None:
    """Write a model's ``settings.yaml``, into another ``folder`` than the model's where one is given."""
    content = {
        key: value.model_dump() if isinstance(value, BaseModel) else value
        for key, value in asdict(spec).items()
        if value is not None or key not in ("pretraining", "pretrained")
    }
    text = yaml.safe_dump(content, sort_keys=False)
    folder = folder or artefacts.model(spec.sample_set, spec.name)
    workspace.write_bytes(f"{folder}/{artefacts.MODEL_SPEC}", text.encode())


def parse_spec(content: bytes, source: str) -> ModelSpec:
    """The spec that `write_spec` has written; errors name ``source``.

    Raises:
        WorkspaceError: it is none of this version of the program.
    """
    try:
        return _SPEC.validate_python(document.parse(content.decode(), source))
    except UnicodeDecodeError:
        reason = f"{source}: it is not UTF-8"
    except SettingsError as error:
        reason = str(error)
    except ValidationError as error:
        reason = f"{source}: {describe_first(error)}"
    raise WorkspaceError(f"{reason}: has another version of this program made it? {REPAIR}")


def describe_first(error: ValidationError) -> str:
    """The first thing that is wrong with a document, in one line."""
    first = error.errors()[0]
    return one_line(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}")
