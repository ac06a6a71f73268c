"""What a task does on a worker around its own function: one line of log, where Dask's own lines are."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client
from small_demo import demo_settings

import cluster
from jobs import acquire, catalogue
from jobs.running import tasks, worker
from jobs.running.tasks import TaskResult
from jobs.running.worker import TaskContext, run_task
from mineral_pipeline.errors import DataError
from mineral_pipeline.workspace import Workspace, lock


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The lines that tasks log in this process."""
    found: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    handler = Keep()
    worker.LOGGER.addHandler(handler)
    yield found
    worker.LOGGER.removeHandler(handler)


def test_a_task_logs_one_line(lines: list[str], workspace: Workspace) -> None:
    context = TaskContext("acquire", "shard 00017", lock.Lease(workspace, 1, "1f0c"))

    assert run_task(context, lambda states: states, ["ok", "missing", "ok"]) == ["ok", "missing", "ok"]
    (line,) = lines
    assert line.startswith('run=1f0c job=acquire task="shard 00017" seconds=')
    assert line.endswith(" outcome=done ok=2 missing=1")


def test_a_task_that_fails_says_so_in_one_line(lines: list[str]) -> None:
    def fail() -> None:
        raise DataError('no "good"\nsample')

    with pytest.raises(DataError):
        run_task(TaskContext("train", "presence/small-small-s0", None), fail)
    (line,) = lines
    assert line.startswith("run=none job=train task=presence/small-small-s0 seconds=")
    assert line.endswith(r' outcome=failed error="DataError: no \"good\"\nsample"')


def test_the_shards_of_acquire_are_in_the_log_of_the_worker(client: Client, planet: Path) -> None:
    settings = demo_settings(planet, ["acquire.chips_per_shard=24"], "logged")
    catalogue.main(settings, client)
    acquire.main(settings, client)

    (log,) = client.get_worker_logs().values()
    assert any('job=acquire task="shard 00000"' in line and line.endswith(" outcome=done ok=24") for _, line in log)


@pytest.mark.slow
def test_a_worker_prints_its_lines_but_not_on_the_terminal_of_a_local_cluster(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "local.yaml").write_text((cluster.FOLDER / "local.yaml").read_text().replace("8787", "0"))
    with cluster.connect(str(tmp_path / "local.yaml")) as client:
        assert list(tasks.collect(tasks.submit(client, "label", len, {"count-000": ("abc",)}))) == [
            TaskResult("count-000", 3)
        ]
        assert any("job=label task=count-000" in line for log in client.get_worker_logs().values() for _, line in log)
        assert "job=label" not in "".join(capfd.readouterr())

        command = [sys.executable, "-m", "dask", "worker", client.scheduler.address, "--name", "by hand"]
        with open(tmp_path / "log", "wb") as log:
            started = subprocess.Popen([*command, "--local-directory", str(tmp_path)], stdout=log, stderr=log)
        client.wait_for_workers(3)
        client.submit(run_task, TaskContext("label", "count-001", None), len, "abc", workers="by hand").result()
        started.terminate()
        started.wait()
    assert "job=label task=count-001" in (tmp_path / "log").read_text()
