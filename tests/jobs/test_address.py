"""The whole pipeline through cluster/address.yaml: a real scheduler, two worker processes, and one process killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from interrupted_fit import assert_same, content
from small_demo import DEMO, demo_overrides
from synthetic_samples import settings, write_leakage, write_samples

from jobs.__main__ import main
from mineral_pipeline import modelling
from mineral_pipeline.workspace import Workspace, artefacts, ledger, zarr_store

DASK = [sys.executable, "-m", "dask"]
GPU = ["--resources", "GPU=1"]


@pytest.fixture
def scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A scheduler of its own process; its address is where address.yaml looks for it."""
    file = tmp_path / "scheduler.json"
    options = ["--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0"]
    process = subprocess.Popen([*DASK, "scheduler", *options, "--scheduler-file", str(file)], stderr=subprocess.DEVNULL)
    while not file.exists():
        assert process.poll() is None, "the scheduler ended"
        time.sleep(0.1)
    address = str(pd.read_json(file, typ="series")["address"])
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", address)
    yield address
    process.terminate()
    process.wait(20)


@pytest.fixture
def workers(scheduler: str, tmp_path: Path) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Two workers without a nanny: one with a GPU slot, one without."""
    with start_workers(scheduler, tmp_path, {"gpu": GPU, "plain": []}) as started:
        yield started


@contextmanager
def start_workers(
    scheduler: str, folder: Path, options: Mapping[str, Sequence[str]]
) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Workers of one thread without a nanny, by name, each with its options; killed at the end."""
    started = {}
    for name, own in options.items():
        fixed = ["--no-nanny", "--nthreads", "1", "--name", name, "--local-directory", str(folder / name)]
        command = [*DASK, "worker", scheduler, *fixed, *own]
        started[name] = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    yield started
    for process in started.values():
        process.kill()
        process.wait()


def kill_during_acquire(process: subprocess.Popen[bytes], workspace: Workspace, killed: list[int]) -> None:
    """Kill -9 as soon as a few shards are done; keeps how many there were."""
    while process.poll() is None:
        done = len(ledger.finished_shards(workspace))
        if done >= 2:
            process.send_signal(signal.SIGKILL)
            killed.append(done)
            return
        time.sleep(0.005)


@pytest.mark.slow
def test_a_killed_worker_changes_nothing(
    planet: Path, workers: dict[str, subprocess.Popen[bytes]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    undisturbed, workspace = Workspace(str(planet / "workspace")), Workspace(str(tmp_path / "workspace"))
    shards = len(ledger.finished_shards(undisturbed))
    killed: list[int] = []
    killer = threading.Thread(target=kill_during_acquire, args=(workers["plain"], workspace, killed))
    sets = [text for change in demo_overrides(planet) for text in ("--set", change)]
    killer.start()
    status = main(["run", str(DEMO), "--workspace", workspace.url, "--cluster", "address", *sets])
    killer.join()

    output = capsys.readouterr().out
    assert status == 0, output
    assert killed, "the worker was never killed"
    assert killed[0] < shards
    assert workers["gpu"].poll() is None
    columns = [name for name in ledger.COLUMNS if name not in ("attempts", "seconds", "host", "worker", "geometry")]
    after, before = ledger.read(workspace), ledger.read(undisturbed)
    pd.testing.assert_frame_equal(pd.DataFrame(after[columns]), pd.DataFrame(before[columns]))
    assert after.geometry.geom_equals(before.geometry).all()
    pixels = [zarr_store.open_dataset(one).image.values for one in (workspace, undisturbed)]
    np.testing.assert_array_equal(*pixels)
    for name in (
        artefacts.PROSPECTS,
        artefacts.REPORT,
        artefacts.evaluation_metrics("presence"),
        artefacts.evaluation_metrics("richness"),
    ):
        assert workspace.exists(name), name
    assert "report" in output


WATCHED_EPOCHS = """
import os, time
from mineral_pipeline.modelling import fitting

def write_slowly(draft, *arguments, write=fitting.write_checkpoint):
    time.sleep(1)
    write(draft, *arguments)
    with open({log!r}, "a") as log:
        log.write(f"{{draft.spec.name}} {{draft.folder}}\\n")

if fitting.write_checkpoint.__name__ != "write_slowly":  # Dask runs preloads more than once
    fitting.write_checkpoint = write_slowly
"""
"""Preload of workers whose epochs take a second and more, and that tell which fit ended one."""
CLIENT = "from mineral_pipeline.workspace import lock; lock.LEASE_S = 6.0; from jobs.__main__ import main; main({!r})"
NETWORKS = ("small-small-s0", "random-labels-p0")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_fits_of_a_killed_client_end_and_their_networks_go_on(scheduler: str, tmp_path: Path) -> None:
    log, preload = tmp_path / "epochs.txt", tmp_path / "watched_epochs.py"
    preload.write_text(WATCHED_EPOCHS.format(log=str(log)))
    killed, undisturbed = (Workspace(str(tmp_path / name)) for name in ("killed", "undisturbed"))
    commands = {workspace: write_train_settings(workspace, tmp_path) for workspace in (killed, undisturbed)}
    options = [*GPU, "--preload", str(preload)]
    with start_workers(scheduler, tmp_path, {"one": options, "two": options}):
        client = subprocess.Popen([sys.executable, "-c", CLIENT.format(commands[killed])], stdout=subprocess.DEVNULL)
        checkpoints = [artefacts.unfinished_model("presence", name, artefacts.MODEL_CHECKPOINT) for name in NETWORKS]
        while not all(killed.exists(name) for name in checkpoints):
            assert client.poll() is None, "the client ended"
            time.sleep(0.1)
        client.kill()
        client.wait()
        assert main(commands[killed]) == 0
        fits = [line.split() for line in log.read_text().splitlines()]
        assert main(commands[undisturbed]) == 0
    for name in NETWORKS:
        epochs = [folder for model, folder in fits if model == name]
        orphan, *later = dict.fromkeys(epochs)
        assert len(later) == 1, "the fit of the killed client, and that of the next run"
        assert epochs == sorted(epochs, key=[orphan, *later].index), "two fits at the same time"
        assert len(epochs) <= 13, "one epoch at most is trained twice"
        assert modelling.read_metrics(killed, "presence", name)["resumed"] == 1
        assert_same(content(killed, name), content(undisturbed, name))


def write_train_settings(workspace: Workspace, folder: Path) -> list[str]:
    """Samples and settings of two networks of twelve epochs, in a workspace; the arguments that train them."""
    write_samples(workspace, "presence", locations=40, chips=1, size=16)
    write_leakage(workspace, "presence", 0.0)
    train = {"epochs": 12, "patience": 12, "convolutions": ["small"], "dense_layers": ["small"]}
    config = settings(workspace, tasks=["presence"], train={**train, "n_label_permutations": 1})
    file = folder / f"{Path(workspace.url).name}.yaml"
    file.write_text(yaml.safe_dump(config.model_dump(mode="json", exclude_unset=True)))
    return ["train", str(file), "--cluster", "address"]
