"""A fit that is killed goes on within itself, and two fits of one model never mix."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import interrupted_fit
import numpy as np
import pytest
from interrupted_fit import after_each_checkpoint, assert_same, content, toy_specs
from synthetic_samples import pretend_trained, write_samples

from mineral_pipeline import modelling
from mineral_pipeline.errors import LeaseLostError, WorkspaceError
from mineral_pipeline.evaluation import measure
from mineral_pipeline.modelling import ModelSpec, draft
from mineral_pipeline.modelling.checkpoint import Checkpoint, TrainingState, read_checkpoint, write_checkpoint
from mineral_pipeline.modelling.dataset import open_subset
from mineral_pipeline.modelling.networks import NETWORKS
from mineral_pipeline.workspace import Workspace, artefacts, lock

# Keras 3.15 makes arrays of TensorFlow variables in a way that numpy 2 announces to retire.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


class Killed(BaseException):
    """Ends a fit as a dying process does: no handler of errors sees it."""


def killed_at(number: int) -> Callable[[int], None]:
    def act(written: int) -> None:
        if written == number:
            raise Killed

    return act


@pytest.fixture(scope="module")
def _written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples") / "workspace"
    write_samples(Workspace(str(folder)), "presence", locations=120, chips=1, size=16)
    return folder


@pytest.fixture
def sampled(_written: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace with few small samples; the toy is registered."""
    yield Workspace(str(shutil.copytree(_written, tmp_path / "sampled")))
    if "toy" in NETWORKS:
        NETWORKS.unregister("toy")


@pytest.fixture
def spec(sampled: Workspace) -> ModelSpec:
    """A network that is trained once, for four epochs, with all that depends on the epoch or the step."""
    every = {"schedule": "cosine", "warm_up": 1, "weight_decay": 0.01, "augmentation": True, "weight_averaging": 0.9}
    return toy_specs(sampled, epochs=4, hyperparameters={"learning_rate": 0.1, **every})[1]


def folder(spec: ModelSpec) -> str:
    return artefacts.model(spec.task, spec.name)


@pytest.mark.slow
def test_an_interrupted_network_becomes_what_it_would_have_become(sampled: Workspace, spec: ModelSpec) -> None:
    modelling.fit(sampled, spec, measure)
    undisturbed = content(sampled, spec.name)
    sampled.remove(folder(spec))

    with after_each_checkpoint(killed_at(2)), pytest.raises(Killed):
        modelling.fit(sampled, spec, measure)
    assert not modelling.is_done(sampled, spec)
    with after_each_checkpoint(lambda written: epochs.append(written)):
        epochs: list[int] = []
        metrics = modelling.fit(sampled, spec, measure)
    assert len(epochs) == 2, "the first two are not trained again"
    assert metrics["resumed"] == 1
    assert_same(content(sampled, spec.name), undisturbed)
    assert not sampled.exists(artefacts.unfinished_model(spec.task, spec.name)), "the checkpoint has served"


def run_process(workspace: Workspace, name: str, number: int) -> int:
    """Fit in a fresh process that kills itself after checkpoint ``number``; its exit status."""
    paths = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    threads = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    command = [sys.executable, interrupted_fit.__file__, workspace.url, name, str(number)]
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": paths, **threads}, check=False).returncode


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("name", "kills"),
    [
        ("toy-s1", [1, 1, 2]),  # the first epoch, within the warm-up, after the best epoch
        ("toy-s1", [5]),  # after training has stopped and before the model has its name
        ("toy-s0", [2, 5, 4]),  # in the first of two trainings, at its end, after the best epoch of the second
        ("toy-s0", [6]),  # after the first epoch of the second training
    ],
)
def test_killed_processes_change_nothing(workspace: Workspace, name: str, kills: list[int]) -> None:
    write_samples(workspace, "presence", locations=120, chips=1, size=16, batch=2)
    assert run_process(workspace, name, 0) == 0
    undisturbed = content(workspace, name)
    assert undisturbed["metrics"]["epochs"] == {"toy-s1": 5, "toy-s0": 7}[name], "training stops early"
    assert undisturbed["metrics"]["best_epoch"] == undisturbed["metrics"]["epochs"] - 3
    assert [one["collapsed"] for one in undisturbed["metrics"]["attempts"]] == [True, False][name == "toy-s1" :]
    workspace.remove(artefacts.model("presence", name))

    for number in kills:
        assert run_process(workspace, name, number) == -signal.SIGKILL
    assert run_process(workspace, name, 0) == 0
    assert modelling.read_metrics(workspace, "presence", name)["resumed"] == len(kills)
    assert_same(content(workspace, name), undisturbed)


CHECKPOINT = Checkpoint(
    tried=({"seed": 3, "loss": 0.1 + 0.2, "collapsed": True},),
    seconds=1.5,
    resumed=2,
    state=TrainingState(
        rows=({"epoch": 0, "seconds": 0.1, "loss": 1 / 3, "val_mae": float("nan")},),
        stopping={"best": None, "best_epoch": 0, "wait": 0, "stopped_epoch": 0},
        is_over=False,
        variables=[np.array([7, 8], "uint32"), np.array(0.1, "float32"), np.empty((0, 3))],
        best_weights=[],
    ),
)


def compressed(data: bytes) -> bytes:
    """The same archive, in which a few bytes could stand for any number."""
    with ZipFile(io.BytesIO(data)) as whole, ZipFile(made := io.BytesIO(), "w", ZIP_DEFLATED) as small:
        for name in whole.namelist():
            small.writestr(name, whole.read(name))
    return made.getvalue()


def damaged(data: bytes) -> Iterator[bytes]:
    yield b""
    yield b"no checkpoint"
    for length in range(1, len(data), len(data) // 7):
        yield data[:length]
    yield compressed(data)
    flipped = bytearray(data)
    flipped[data.index(b"presence-checkpoint") + 3] ^= 1
    yield bytes(flipped)


def test_a_checkpoint_that_cannot_be_used_is_ignored_with_a_word(
    sampled: Workspace, spec: ModelSpec, caplog: pytest.LogCaptureFixture
) -> None:
    one = draft.begin(sampled, spec)
    assert read_checkpoint(one, "presence-checkpoint") is None
    write_checkpoint(one, "presence-checkpoint", CHECKPOINT)
    found = read_checkpoint(one, "presence-checkpoint")
    assert repr(found) == repr(replace(CHECKPOINT, tried=list(CHECKPOINT.tried), state=found and found.state))
    assert found is not None
    assert repr(found.state) == repr(replace(CHECKPOINT.state, rows=list(CHECKPOINT.state.rows)))
    assert [value.dtype for value in found.state.variables] == ["uint32", "float32", "float64"]
    assert not caplog.messages

    assert read_checkpoint(one, "another") is None
    assert (
        f"{one.checkpoint}: it is of other settings, samples, layers or versions: the training starts anew"
        in caplog.text
    )
    whole = sampled.read_bytes(one.checkpoint)
    for data in damaged(whole):
        caplog.clear()
        sampled.write_bytes(one.checkpoint, data)
        assert read_checkpoint(one, "presence-checkpoint") is None
        assert f"{one.checkpoint}: it is damaged (" in caplog.text


def test_other_settings_samples_and_layers_have_another_identity(
    sampled: Workspace, spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mineral_pipeline.modelling.training import identify

    subset = open_subset(sampled, "presence", "train")
    identities = [identify(spec, subset) for _ in range(2)]
    assert len(set(identities)) == 1
    identities += [identify(replace(spec, **change), subset) for change in ({"epochs": 5}, {"samples": "other"})]
    monkeypatch.setattr(interrupted_fit, "DROPOUT", 0.2)
    identities.append(identify(spec, subset))
    assert len(set(identities)) == 4


def test_a_fit_whose_run_is_over_ends_with_its_epoch_and_leaves_its_checkpoint(
    sampled: Workspace, spec: ModelSpec
) -> None:
    def take_over(written: int) -> None:
        epochs.append(written)
        if written == 2:
            sampled.create_bytes("lock/00000002.json", lock._content(lock.Owner(30.0)))

    epochs: list[int] = []
    with (
        lock.acquire(sampled, pytest.fail, print, 30.0),
        after_each_checkpoint(take_over),
        pytest.raises(LeaseLostError),
    ):
        modelling.fit(sampled, spec, measure)
    assert epochs == [1, 2]
    assert sampled.list(folder(spec)) == [], "neither a model nor a failure"
    assert sampled.list(artefacts.unfinished_model(spec.task, spec.name)) != []


def test_the_later_of_two_fits_makes_the_model(sampled: Workspace, spec: ModelSpec) -> None:
    def begin_another(written: int) -> None:
        if written == 1:
            later.append(draft.begin(sampled, spec))

    later: list[draft.Draft] = []
    with after_each_checkpoint(begin_another), pytest.raises(WorkspaceError, match="another worker has begun to fit"):
        modelling.fit(sampled, spec, measure)
    assert sampled.list(folder(spec)) == [], "neither a model nor a failure"
    later[0].check()


@pytest.fixture(params=["disk", "store"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    """A workspace on a disk, and on a file system without renames of folders."""
    return Workspace(str(tmp_path) if request.param == "disk" else f"memory://{tmp_path}")


def make(target: Workspace, spec: ModelSpec, *files: str) -> draft.Draft:
    made = draft.begin(target, spec)
    for file in files:
        target.write_json(made.file(file), {"seed": spec.seed})
    if artefacts.MODEL_METRICS in files:
        pretend_trained(target, spec, made.folder)
    return made


def test_a_model_keeps_its_name_until_the_next_one_is_whole(target: Workspace, spec: ModelSpec) -> None:
    other = replace(spec, seed=5)
    make(target, spec, "history.parquet", "metrics.json").publish()
    assert modelling.is_done(target, spec)
    abandoned = make(target, other, "metrics.json")
    assert modelling.is_done(target, spec)
    made = make(target, other, "model.keras", "metrics.json")
    assert not target.list(abandoned.folder)
    assert target.list(artefacts.models("presence")) == [spec.name], "no list shows a draft"
    made.publish()
    assert modelling.is_done(target, other)
    assert target.list(folder(spec)) == ["metrics.json", "model.keras", "settings.yaml"]
    with pytest.raises(WorkspaceError, match="another worker"):
        abandoned.publish()


def test_a_model_that_is_half_moved_is_not_done(
    target: Workspace, spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rename(*_: str) -> None:
        raise Killed

    def write_bytes(self: Workspace, name: str, content: bytes) -> None:
        if name == artefacts.model(spec.task, spec.name, "metrics.json"):
            raise Killed
        write(self, name, content)

    make(target, spec, "model.keras", "metrics.json").publish()
    made, write = make(target, spec, "model.keras", "metrics.json"), Workspace.write_bytes
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", rename)
        patch.setattr(Workspace, "write_bytes", write_bytes)
        with pytest.raises(Killed):
            made.publish()
    assert not modelling.is_done(target, spec)
    made.publish()
    assert modelling.is_done(target, spec)


def test_a_failure_takes_the_name_and_keeps_the_checkpoint(target: Workspace, spec: ModelSpec) -> None:
    make(target, spec, "metrics.json").publish()
    failing = make(target, replace(spec, seed=5))
    write_checkpoint(failing, "identity", CHECKPOINT)
    failing.fail("DataError: it diverged")
    assert target.list(folder(spec)) == ["failure.json", "settings.yaml"]
    assert read_checkpoint(draft.begin(target, spec), "identity") is not None
