"""Cluster files: any Dask class, clear refusals, and no task that waits for ever."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import signal
import time
from pathlib import Path

import dask
import pytest
from distributed import Client, LocalCluster, Worker, WorkerPlugin
from distributed.comm import CommClosedError

import cluster
from mineral_pipeline.errors import ClusterError, SettingsError


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://127.0.0.1:9")
    monkeypatch.setenv("SLURM_PARTITION", "debug")


@pytest.mark.parametrize("file", sorted(cluster.FOLDER.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_cluster_file_is_valid(file: Path) -> None:
    assert cluster.load(file.stem) == cluster.load(str(file))


def test_slurm_makes_a_job_script_with_a_gpu_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    dask_jobqueue = pytest.importorskip("dask_jobqueue", reason="the hpc extra is not installed")
    file = cluster.load("slurm")

    job = dask_jobqueue.SLURMCluster.job_cls("tcp://127.0.0.1:9", name="one", **file.options)
    assert "--resources GPU=1" in job.job_script()
    assert "#SBATCH -p debug" in job.job_script()


def test_threads_run_a_task_with_their_configuration(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    shutil.copy(cluster.FOLDER / "threads.yaml", path)
    path.write_text(path.read_text() + "config: {distributed.comm.retry.count: 7}\n")

    with cluster.connect(str(path)) as client:
        assert client.submit(lambda: 6 * 7).result() == 42
        assert dask.config.get("distributed.comm.retry.count") == 7
        cluster.require(client, "GPU")


class Stubborn(LocalCluster):
    """A cluster whose last worker dies while it is closed, as Dask's nanny then fails."""

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        raise AssertionError("can only join a started process")


def test_a_cluster_that_fails_to_close_hides_neither_results_nor_errors(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"class: {__name__}.Stubborn\noptions: {{processes: false, dashboard_address: '127.0.0.1:0'}}\n")
    with cluster.connect(str(path)) as client:
        result = client.submit(lambda: 6 * 7).result()
    assert result == 42
    assert caplog.messages[-1].endswith(
        "c.yaml was not closed as it should (AssertionError: can only join a started process):"
        " see that none of its workers still runs"
    )
    with pytest.raises(ZeroDivisionError), cluster.connect(str(path)) as client:
        client.submit(lambda: 1 / 0).result()


def test_what_ends_well_by_itself_is_not_news(caplog: pytest.LogCaptureFixture) -> None:
    with cluster.connect("threads") as client:
        assert client.sync(client.scheduler.gather, keys=["gone"])["status"] == "error"
        logging.getLogger("distributed.nanny").warning("Worker process still alive after 4.0 seconds, killing")
        logging.getLogger("distributed.scheduler").error("anything else")

    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == ["anything else"]


def test_a_resource_that_no_worker_offers_is_refused(client: Client) -> None:
    with pytest.raises(ClusterError, match=r"no worker of .* offers QUANTUM: start one with `dask worker --resources"):
        cluster.require(client, "QUANTUM")


WORKERLESS = """
class: dask.distributed.LocalCluster
options: {processes: false, n_workers: 0, threads_per_worker: 1, resources: {GPU: 1}, dashboard_address: "127.0.0.1:0"}
config: {distributed.deploy.lost-worker-timeout: 100ms}
"""


TWO_PROCESSES = """
class: dask.distributed.LocalCluster
options: {n_workers: 2, threads_per_worker: 1, dashboard_address: "127.0.0.1:0"}
"""


def test_a_worker_that_ends_is_replaced_and_waited_for(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(f"{WORKERLESS}adapt: {{minimum: 1, maximum: 1, interval: 100ms}}\n")

    with cluster.connect(str(tmp_path / "c.yaml")) as client:
        cluster.require(client, "GPU")
        (first,) = client.run(os.getpid)
        client.retire_workers([first], close_workers=True)
        cluster.require(client, "GPU")
        (second,) = client.run(os.getpid)
        assert second != first


def test_a_cluster_that_replaces_its_workers_is_not_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cluster, "POLL_S", 0.02)
    monkeypatch.setattr(cluster, "PATIENCE_S", 0.1)
    (tmp_path / "c.yaml").write_text(f"{WORKERLESS}adapt: {{minimum: 1, maximum: 1, interval: 1h}}\n")

    with cluster.connect(str(tmp_path / "c.yaml"), stop=pytest.fail) as client:
        client.cluster.scale(1)
        client.wait_for_workers(1)
        client.cluster.scale(0)
        while "has had no worker for" not in caplog.text:
            time.sleep(0.01)
    assert "those of the cluster file are waited for" in caplog.text


class KillsTheFirst(WorkerPlugin):
    """Kills the first worker that it comes to, before that can answer."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def setup(self, worker: Worker) -> None:
        try:
            self.victim.touch(exist_ok=False)
        except FileExistsError:
            return
        self.victim.write_text(worker.address)
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_dies_while_a_plugin_is_registered_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.yaml").write_text(TWO_PROCESSES)
    monkeypatch.setattr(cluster, "TrimFreedMemory", lambda: KillsTheFirst(tmp_path / "victim"))

    with cluster.connect(str(tmp_path / "c.yaml")) as client:
        client.wait_for_workers(2, timeout=60)
        plugins = client.run(lambda dask_worker: [type(one).__name__ for one in dask_worker.plugins.values()])
    assert (tmp_path / "victim").read_text() not in plugins
    assert all("KillsTheFirst" in names for names in plugins.values())


class Refuses(WorkerPlugin):
    """Fails on every worker, as where a disk is full."""

    def setup(self, worker: Worker) -> None:
        raise OSError(errno.ENOSPC, "no space left")


def test_what_a_plugin_raises_is_not_tried_again(client: Client) -> None:
    with pytest.raises(OSError, match="no space left"):
        cluster.register(client, Refuses())


def test_a_worker_that_never_answers_is_named_after_a_while(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def register_plugin(plugin: WorkerPlugin) -> None:
        raise CommClosedError("in <TCP (closed) remote=tcp://10.0.0.9:1>: Stream is closed")

    monkeypatch.setattr(cluster, "PATIENCE_S", 0.3)
    monkeypatch.setattr(client, "register_plugin", register_plugin)
    with pytest.raises(ClusterError, match=r"a worker of .* does not answer: stop it: .*10\.0\.0\.9"):
        cluster.register(client, Refuses())


def test_a_scheduler_that_dies_while_it_is_connected_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(client: Client, plugin: WorkerPlugin) -> None:
        raise CommClosedError("the scheduler is gone")

    (tmp_path / "c.yaml").write_text(WORKERLESS)
    monkeypatch.setattr(cluster, "register", lose)
    with (
        pytest.raises(ClusterError, match=r"the cluster at .* is gone: what is done is kept"),
        cluster.connect(str(tmp_path / "c.yaml")),
    ):
        pytest.fail("connected")


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, SettingsError, "give a file or one of address, local, slurm, threads"),
        ("options: {}", SettingsError, "needs class and options"),
        ("class: a.B\nworkers: 3", SettingsError, "needs class and options"),
        ("class: nowhere.Cluster", ClusterError, "nowhere.Cluster cannot be imported"),
        (
            "class: dask.distributed.Client\noptions: {address: 'tcp://127.0.0.1:9', timeout: 1s}",
            ClusterError,
            "did not start",
        ),
        (
            f"{WORKERLESS}adapt: {{minimum: 1}}".replace("LocalCluster", "Client"),
            SettingsError,
            "adapt: 'Client' object has no attribute 'adapt': correct it, or leave it out",
        ),
    ],
)
def test_a_bad_cluster_file_is_refused(
    tmp_path: Path, content: str | None, error: type[Exception], message: str
) -> None:
    path = tmp_path / "c.yaml"
    if content is not None:
        path.write_text(content)

    with pytest.raises(error, match=message), cluster.connect(str(path)):
        pass
