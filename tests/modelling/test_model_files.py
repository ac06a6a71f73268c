"""No damaged file of a model is taken for what was trained; every error is one line that names the file."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import yaml
from synthetic_samples import criterion, pretend_trained, settings

from mineral_pipeline import modelling
from mineral_pipeline.errors import DataError, WorkspaceError
from mineral_pipeline.modelling.model_files import read_failure, read_file, write_metrics
from mineral_pipeline.modelling.spec import ModelSpec
from mineral_pipeline.workspace import Workspace, artefacts

FILES = {
    artefacts.MODEL_NETWORK: b"weights",
    artefacts.MODEL_EVENTS: b"events",
}


@pytest.fixture
def spec(workspace: Workspace) -> ModelSpec:
    """A model that is whole, though it was not trained."""
    workspace.write_json(artefacts.samples_summary("presence"), {"digest": "presence"})
    spec = modelling.grid_specs(settings(workspace), workspace, "presence")[0]
    for file, content in FILES.items():
        workspace.write_bytes(artefacts.model("presence", spec.name, file), content)
    table = pd.DataFrame({"chip_id": ["a", "b"], "prediction": [0.1, 0.9]})
    workspace.write_table(artefacts.model("presence", spec.name, artefacts.MODEL_PREDICTIONS), table)
    pretend_trained(workspace, spec, validation={"accuracy": 0.9, "loss": 0.1})
    return spec


def path_of(workspace: Workspace, spec: ModelSpec, file: str) -> Path:
    return Path(workspace.path(artefacts.model(spec.task, spec.name, file)))


def rewrite(workspace: Workspace, spec: ModelSpec, file: str, content: bytes) -> None:
    """Replace a file as somebody would who makes the digests right again."""
    path_of(workspace, spec, file).write_bytes(content)
    metrics = modelling.read_metrics(workspace, spec.task, spec.name)
    write_metrics(workspace, artefacts.model(spec.task, spec.name), metrics)


def test_a_whole_model_has_no_fault(workspace: Workspace, spec: ModelSpec) -> None:
    assert modelling.find_damaged_files(workspace, "presence", spec.name) == {}
    assert modelling.read_spec(workspace, "presence", spec.name) == spec
    assert modelling.read_predictions(workspace, "presence", spec.name, pd.Series(["b", "a"])).tolist() == [0.9, 0.1]
    assert read_file(workspace, "presence", spec.name, artefacts.MODEL_NETWORK) == b"weights"
    assert set(modelling.read_metrics(workspace, "presence", spec.name)["files"]) == {
        *FILES, artefacts.MODEL_SPEC, artefacts.MODEL_PREDICTIONS,
    }  # fmt: skip


ALL_FILES = [*FILES, artefacts.MODEL_SPEC, artefacts.MODEL_PREDICTIONS, artefacts.MODEL_METRICS]


@pytest.mark.parametrize("damage", ["removed", "truncated", "emptied", "a pipe"])
@pytest.mark.parametrize("file", ALL_FILES)
def test_a_model_that_is_not_whole_is_not_done(workspace: Workspace, spec: ModelSpec, file: str, damage: str) -> None:
    path = path_of(workspace, spec, file)
    content = path.read_bytes()
    path.unlink()
    if damage == "a pipe":
        os.mkfifo(path)
    elif damage != "removed":
        path.write_bytes(content[:-2] if damage == "truncated" else b"")
    assert not modelling.is_done(workspace, spec)
    assert not modelling.is_current(workspace, "presence", spec.name)
    names_its_file(workspace, spec, file)


def test_every_flipped_bit_of_a_model_is_found(workspace: Workspace, spec: ModelSpec) -> None:
    rng = random.Random(0)
    for file in ALL_FILES:
        path = path_of(workspace, spec, file)
        whole = path.read_bytes()
        for _ in range(10):
            place, bit = rng.randrange(len(whole)), rng.randrange(8)
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
            names_its_file(workspace, spec, file)
        path.write_bytes(whole)
    assert modelling.is_done(workspace, spec)


def names_its_file(workspace: Workspace, spec: ModelSpec, file: str) -> None:
    """The damaged file is found and told, and whoever reads it is refused."""
    found = modelling.find_damaged_files(workspace, spec.task, spec.name)
    assert list(found) == [artefacts.model(spec.task, spec.name, file)]
    (message,) = found.values()
    assert str(path_of(workspace, spec, file)) in message
    assert len(message.splitlines()) == 1
    readers = {artefacts.MODEL_METRICS: modelling.read_metrics, artefacts.MODEL_SPEC: modelling.read_spec}
    read = readers.get(file, partial(read_file, file=file))
    with pytest.raises(WorkspaceError):
        read(workspace, spec.task, spec.name)


def test_a_damaged_file_says_what_to_do(workspace: Workspace, spec: ModelSpec) -> None:
    path_of(workspace, spec, artefacts.MODEL_NETWORK).write_bytes(b"weightz")
    with pytest.raises(WorkspaceError) as refused:
        read_file(workspace, "presence", spec.name, artefacts.MODEL_NETWORK)
    assert str(refused.value) == (
        f"{path_of(workspace, spec, artefacts.MODEL_NETWORK)} is damaged (its content is not what was written):"
        " run `mineral-pipeline repair SETTINGS`"
    )


def test_the_files_of_another_model_are_not_its_own(workspace: Workspace, spec: ModelSpec) -> None:
    folder = path_of(workspace, spec, "")
    folder.rename(folder.with_name("other"))
    found = modelling.find_damaged_files(workspace, "presence", "other")
    (message,) = found.values()
    assert f"it is of presence/{spec.name}" in message


def test_a_model_that_failed_is_told_with_its_reason(workspace: Workspace, spec: ModelSpec) -> None:
    failure = path_of(workspace, spec, artefacts.MODEL_FAILURE)
    workspace.write_json(
        artefacts.model("presence", spec.name, artefacts.MODEL_FAILURE), {"reason": "DataError: it\n\x1b[31mdiverged"}
    )
    (message,) = modelling.find_damaged_files(workspace, "presence", spec.name).values()
    assert "holds no trained model (DataError: it [31mdiverged)" in message
    for content in (b"", b"[]", b"{}", b"{", b'{"reason": 1}', b"\xff", b"[" * 200_000):
        failure.write_bytes(content)
        with pytest.raises(WorkspaceError, match=r"failure\.json is damaged"):
            read_failure(workspace, "presence", spec.name)


def content_of(workspace: Workspace, spec: ModelSpec) -> dict[str, object]:
    content: dict[str, object] = yaml.safe_load(path_of(workspace, spec, artefacts.MODEL_SPEC).read_bytes())
    return content


@pytest.mark.parametrize(
    "made",
    [
        lambda content: b"\0" * 100,
        lambda content: b"a" * 2**20,
        lambda content: b"[" * 400,
        lambda content: b"a: &a [1,1]\n" + b"".join(b"b%d: &b%d [*%s,*%s]\n" % (n, n, p, p) for n, p in
                                                    [(n, b"a" if n == 0 else b"b%d" % (n - 1)) for n in range(30)]),
        lambda content: b"&a [*a]",
        lambda content: b"!!python/object/apply:os.system [exit]",
        lambda content: "name: Mine \xe9".encode("latin-1"),
        lambda content: b"hyperparameters: {unknown: 1}",
        lambda content: yaml.safe_dump(content | {"of_a_newer_version": 1}).encode(),
        lambda content: yaml.safe_dump({key: content[key] for key in content if key != "normalisation"}).encode(),
        lambda content: yaml.safe_dump(content | {"seed": "x\n\n\x1b[31m" * 1000}).encode(),
        lambda content: yaml.safe_dump(content | {"name": "../../elsewhere"}).encode(),
    ],
    ids=["NULs", "large", "deep", "bomb", "itself", "tag", "Latin-1", "other", "newer", "older", "type", "name"],
)  # fmt: skip
def test_a_spec_that_is_none_is_refused_in_one_line(
    workspace: Workspace, spec: ModelSpec, made: Callable[[dict[str, object]], bytes]
) -> None:
    rewrite(workspace, spec, artefacts.MODEL_SPEC, made(content_of(workspace, spec)))
    with pytest.raises(WorkspaceError, match=r"settings\.yaml.*run `mineral-pipeline repair SETTINGS`$") as refused:
        modelling.read_spec(workspace, "presence", spec.name)
    assert len(str(refused.value)) < 1000
    assert str(refused.value).isprintable()
    assert not modelling.is_done(workspace, spec)
    assert list(modelling.find_damaged_files(workspace, "presence", spec.name)) == [
        artefacts.model("presence", spec.name, artefacts.MODEL_SPEC)
    ]
    with pytest.raises(DataError, match="run the job train first"):
        modelling.select_model(workspace, "presence", [spec.name], criterion("presence"))


@pytest.mark.parametrize(
    "content",
    [b"null", b"[]", b"{}", b'{"files": {}, "sha256": ""}', b"\xff\xfe", b"[" * 100_000, b" " * 2**19, b"1" * 9999],
)
def test_metrics_that_are_none_are_refused_in_one_line(workspace: Workspace, spec: ModelSpec, content: bytes) -> None:
    path_of(workspace, spec, artefacts.MODEL_METRICS).write_bytes(content)
    with pytest.raises(WorkspaceError, match=r"metrics\.json is damaged") as refused:
        modelling.read_metrics(workspace, "presence", spec.name)
    assert str(refused.value).isprintable()
    assert not modelling.is_done(workspace, spec)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"chip_id": ["a"]}, "it is no table of predictions"),
        ({"chip_id": ["a"], "prediction": [0.5]}, "it lacks chips of the subset"),
        ({"chip_id": ["a", "a"], "prediction": [0.5, 0.5]}, "it is no table of predictions"),
        ({"chip_id": ["a", "b"], "prediction": ["x", "y"]}, "it is no table of predictions"),
    ],
)
def test_predictions_that_are_none_are_refused(
    workspace: Workspace, spec: ModelSpec, content: dict[str, list[object]], reason: str
) -> None:
    table = artefacts.model("presence", spec.name, artefacts.MODEL_PREDICTIONS)
    workspace.write_table(table, pd.DataFrame(content))
    rewrite(workspace, spec, artefacts.MODEL_PREDICTIONS, workspace.read_bytes(table))
    with pytest.raises(WorkspaceError, match=rf"predictions\.parquet is damaged \({reason}") as refused:
        modelling.read_predictions(workspace, "presence", spec.name, pd.Series(["a", "b"]))
    assert str(refused.value).isprintable()


def test_metrics_that_do_not_tell_how_good_a_model_is_are_refused(workspace: Workspace, spec: ModelSpec) -> None:
    pretend_trained(workspace, spec, validation={"accuracy": 0.9, "loss": None})
    with pytest.raises(WorkspaceError, match=r"metrics\.json is damaged \(it does not tell how good the model is\)"):
        modelling.select_model(workspace, "presence", [spec.name], criterion("presence"))
