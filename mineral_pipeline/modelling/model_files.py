"""The files of a model: ``metrics.json`` is written last and holds the size and the digest of every other.

Whoever reads one of them compares, so that no damaged file is taken for what was trained.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import numpy as np
import pandas as pd
from pydantic import TypeAdapter, ValidationError

from mineral_pipeline.errors import WorkspaceError, one_line
from mineral_pipeline.learning import PRIMARY_METRIC, Task
from mineral_pipeline.modelling.spec import ModelSpec, describe_first, digest_samples, parse_spec
from mineral_pipeline.workspace import Workspace, artefacts, tables
from mineral_pipeline.workspace.workspace import REPAIR

MAX_DOCUMENT_BYTES = 2**18
"""Size of the largest ``metrics.json`` or ``failure.json``; they have some thousand bytes."""

MAX_FILE_BYTES = 2**31
"""Size of the largest file of a model."""

MAX_REASON = 200
"""Characters of what a library says of a file, such as Keras, which pastes all layers into it."""


@dataclass(frozen=True)
class FileFacts:
    """What ``metrics.json`` tells of another file of the model."""

    size: int
    """Bytes."""
    sha256: str
    """Digest of its content."""


@dataclass(frozen=True)
class Metrics:
    """The part of ``metrics.json`` that this package reads again."""

    task: Task
    name: str
    collapsed: bool | None
    """Whether the model predicts the same for every chip; None without a network."""
    epochs: int
    seconds: float
    validation: dict[str, float | None]
    """Metrics of the validation subset and the ``loss``; None where one is undefined."""
    files: dict[str, FileFacts]
    """All other files of the folder."""
    fold: int | None = None
    """Fold from which the model has learnt; None for the split."""


_METRICS = TypeAdapter(Metrics)


def write_metrics(workspace: Workspace, folder: str, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Write ``metrics.json`` into the folder of a model, its last file, and return what it holds.

    It also tells size and digest of all other ``files`` of the folder.
    """
    files = {
        file: {"size": size, "sha256": _digest(workspace.read_bytes(f"{folder}/{file}"))}
        for file, size in workspace.sizes(folder).items()
        if file != artefacts.MODEL_METRICS
    }
    content = {**metrics, "files": files}
    workspace.write_json(f"{folder}/{artefacts.MODEL_METRICS}", content)
    return content


def read_metrics(workspace: Workspace, sample_set: str, name: str) -> dict[str, Any]:
    """A model's ``metrics.json``.

    Raises:
        WorkspaceError: the model is not trained, or the file is damaged.
    """
    return _read_metrics(workspace, sample_set, name)[0]


def _read_metrics(workspace: Workspace, sample_set: str, name: str) -> tuple[dict[str, Any], Metrics]:
    """A model's ``metrics.json``: all of it, and the part of it that is checked."""
    document = artefacts.model(sample_set, name, artefacts.MODEL_METRICS)
    content = _read_json(workspace, sample_set, name, artefacts.MODEL_METRICS)
    try:
        metrics = _METRICS.validate_python(content)
    except ValidationError as error:
        raise damage(workspace, document, f"it is not the metrics of a model: {describe_first(error)}") from error
    found = artefacts.sample_set(metrics.task, metrics.fold)
    if (found, metrics.name) != (sample_set, name):
        raise damage(workspace, document, f"it is of {found}/{metrics.name}")
    return content, metrics


def read_spec(workspace: Workspace, sample_set: str, name: str) -> ModelSpec:
    """The spec of a trained model, from its ``settings.yaml``.

    Raises:
        WorkspaceError: the model is not trained, or the file is damaged or of another version of this program.
    """
    return _read_spec(workspace, sample_set, name, _read_metrics(workspace, sample_set, name)[1].files)


def _read_spec(workspace: Workspace, sample_set: str, name: str, files: Mapping[str, FileFacts]) -> ModelSpec:
    document = artefacts.model(sample_set, name, artefacts.MODEL_SPEC)
    spec = parse_spec(_read_file(workspace, sample_set, name, artefacts.MODEL_SPEC, files), workspace.uri(document))
    if (spec.sample_set, spec.name) != (sample_set, name):
        raise damage(workspace, document, "it is of another model")
    return spec


def read_failure(workspace: Workspace, sample_set: str, name: str) -> str:
    """Why a model could not be trained, in one line.

    Raises:
        WorkspaceError: its ``failure.json`` is absent or damaged.
    """
    document = artefacts.model(sample_set, name, artefacts.MODEL_FAILURE)
    failure = _read_json(workspace, sample_set, name, artefacts.MODEL_FAILURE)
    if not isinstance(failure.get("reason"), str):
        raise damage(workspace, document, "it holds no reason")
    return one_line(failure["reason"])


def read_scores(workspace: Workspace, sample_set: str, name: str) -> tuple[float, float]:
    """The task's primary metric and the loss of a model on the validation subset, by which models are chosen.

    Raises:
        WorkspaceError: the model is not trained, or its ``metrics.json`` is damaged.
    """
    metrics = _read_metrics(workspace, sample_set, name)[1]
    metric, loss = (metrics.validation.get(key) for key in (PRIMARY_METRIC[metrics.task], "loss"))
    if metric is None or loss is None:
        document = artefacts.model(sample_set, name, artefacts.MODEL_METRICS)
        raise damage(workspace, document, "it does not tell how good the model is")
    return metric, loss


def read_predictions(workspace: Workspace, sample_set: str, name: str, chip_id: pd.Series) -> np.ndarray:
    """What a model predicted for chips of the validation subset when it was trained, (chip,) in 0..1.

    Raises:
        WorkspaceError: the model is not trained, or the table is absent or damaged, or lacks a chip.
    """
    content, reason = (
        read_file(workspace, sample_set, name, artefacts.MODEL_PREDICTIONS),
        "it lacks chips of the subset",
    )
    try:
        table: pd.DataFrame = tables.decode(content, ["chip_id", "prediction"])
        found: np.ndarray = table.set_index("chip_id")["prediction"].reindex(chip_id).to_numpy("float64")
        if np.isfinite(found).all():
            return found
    except (ValueError, TypeError) as error:
        reason = f"it is no table of predictions: {error}"
    raise damage(workspace, artefacts.model(sample_set, name, artefacts.MODEL_PREDICTIONS), reason)


def read_file(workspace: Workspace, sample_set: str, name: str, file: str) -> bytes:
    """Content of one of the files of a trained model, as it was written when the model was trained.

    Raises:
        WorkspaceError: the model is not trained, or the file is absent or damaged.
    """
    return _read_file(workspace, sample_set, name, file, _read_metrics(workspace, sample_set, name)[1].files)


def _read_file(workspace: Workspace, sample_set: str, name: str, file: str, files: Mapping[str, FileFacts]) -> bytes:
    """Content of a file, if it is what ``metrics.json`` tells of the ``files``."""
    artefact = artefacts.model(sample_set, name, file)
    if file not in files:
        raise damage(workspace, artefacts.model(sample_set, name, artefacts.MODEL_METRICS), f"it tells of no {file}")
    if fault := _compare_sizes(workspace.sizes(artefacts.model(sample_set, name)).get(file), files[file]):
        raise damage(workspace, artefact, fault)
    content = workspace.read_bytes(artefact)
    if _digest(content) != files[file].sha256:
        raise damage(workspace, artefact, "its content is not what was written")
    return content


def is_done(workspace: Workspace, spec: ModelSpec) -> bool:
    """Whether this very model is trained, and all of its files are there."""
    return _trained_spec(workspace, spec.sample_set, spec.name) == spec


def is_current(workspace: Workspace, sample_set: str, name: str) -> bool:
    """Whether a model is trained, and on the samples as they are now."""
    spec = _trained_spec(workspace, sample_set, name)
    return spec is not None and spec.samples == digest_samples(workspace, sample_set)


def done_names(workspace: Workspace, specs: Sequence[ModelSpec]) -> list[str]:
    """Names of those of ``specs`` that are trained."""
    return [spec.name for spec in specs if is_done(workspace, spec)]


def is_lost(workspace: Workspace, spec: ModelSpec) -> bool:
    """Whether a model is neither trained nor known to have failed: it is damaged, or was never trained."""
    failure = artefacts.model(spec.sample_set, spec.name, artefacts.MODEL_FAILURE)
    return not is_done(workspace, spec) and not workspace.exists(failure)


def _trained_spec(workspace: Workspace, sample_set: str, name: str) -> ModelSpec | None:
    """The spec of a trained model; None where there is none, or a file is gone, of another size, or unreadable."""
    sizes = workspace.sizes(artefacts.model(sample_set, name))
    if artefacts.MODEL_METRICS not in sizes:
        return None
    try:
        files = _read_metrics(workspace, sample_set, name)[1].files
        is_whole = all(_compare_sizes(sizes.get(file), facts) is None for file, facts in files.items())
        return _read_spec(workspace, sample_set, name, files) if is_whole else None
    except WorkspaceError:
        return None


def find_damaged_files(workspace: Workspace, sample_set: str, name: str) -> dict[str, str]:
    """What is wrong with a model; every file of it is read.

    Returns:
        By artefact, what is wrong with it and what to do, in one line. Empty when the model is trained and whole.

    Raises:
        WorkspaceError: the workspace cannot be listed.
    """
    read: dict[str, Callable[[Workspace, str, str], Any]] = {artefacts.MODEL_METRICS: read_metrics}
    if artefacts.MODEL_FAILURE in workspace.sizes(artefacts.model(sample_set, name)):
        read = {artefacts.MODEL_FAILURE: _raise_failure}
    else:
        with suppress(WorkspaceError):  # it is read again below
            files = _read_metrics(workspace, sample_set, name)[1].files
            read |= {file: partial(_read_file, file=file, files=files) for file in files}
            read |= {artefacts.MODEL_SPEC: partial(_read_spec, files=files)}
    found = {}
    for file, reader in read.items():
        try:
            reader(workspace, sample_set, name)
        except WorkspaceError as error:
            found[artefacts.model(sample_set, name, file)] = str(error)
    return found


def _raise_failure(workspace: Workspace, sample_set: str, name: str) -> None:
    reason = read_failure(workspace, sample_set, name)
    folder = workspace.uri(artefacts.model(sample_set, name))
    raise WorkspaceError(f"{folder} holds no trained model ({reason}): {REPAIR}")


def damage(workspace: Workspace, name: str, reason: str) -> WorkspaceError:
    """The error that an artefact of a model is damaged; ``reason`` may hold whatever is in it."""
    reason = one_line(reason, MAX_REASON)
    return WorkspaceError(f"{workspace.uri(name)} is damaged ({reason}): {REPAIR}")


def member_sizes(content: bytes) -> dict[str, int]:
    """Bytes of every member of a ZIP archive by its name.

    Raises:
        ValueError: a member is compressed, so that a few bytes could become any number.
        zipfile.BadZipFile: it is no archive.
    """
    with ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
    if any(member.compress_type != ZIP_STORED for member in members):
        raise ValueError("its members are compressed")
    if sum(member.file_size for member in members) > len(content):
        raise ValueError("its members overlap")
    return {member.filename: member.file_size for member in members}


def _read_json(workspace: Workspace, sample_set: str, name: str, file: str) -> dict[str, Any]:
    """A document of a model, which is read only when it is small."""
    document, size = (
        artefacts.model(sample_set, name, file),
        workspace.sizes(artefacts.model(sample_set, name)).get(file),
    )
    if size is not None and not 0 < size <= MAX_DOCUMENT_BYTES:
        raise damage(workspace, document, f"it has {size:,} bytes")
    return workspace.read_json(document)


def _compare_sizes(size: int | None, facts: FileFacts) -> str | None:
    """What is wrong with the size of a file, None where it is absent; a pipe and a device have none."""
    if size is None:
        return "it is absent"
    return None if size == facts.size <= MAX_FILE_BYTES else f"it has {size:,} bytes, not {facts.size:,}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
