"""Before the first task of a run every worker is examined: a table, and a clear stop when one is unfit."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_demo import DEMO, demo_overrides

from jobs.__main__ import main
from jobs.running import fitness
from mineral_pipeline.workspace import Workspace, artefacts


@pytest.fixture
def small(tmp_path: Path) -> str:
    """Cluster file of a worker with too little memory."""
    file = tmp_path / "small.yaml"
    options = "{processes: false, n_workers: 1, threads_per_worker: 2, memory_limit: 415MB, dashboard_address: ':0'}"
    file.write_text(f"class: dask.distributed.LocalCluster\noptions: {options}\n")
    return str(file)


def command(name: str, planet: Path, workspace: Workspace, cluster_file: str, jobs: str) -> list[str]:
    sets = [text for change in (*demo_overrides(planet), f"jobs={jobs}") for text in ("--set", change)]
    return [name, str(DEMO), "--workspace", workspace.url, "--cluster", cluster_file, *sets]


def test_the_command_shows_what_every_worker_has(
    planet: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # the import itself takes seconds
    monkeypatch.setattr(fitness, "_check_tensorflow", lambda imports: "imported" if imports else "installed")
    assert main(command("preflight", planet, workspace, "threads", "[catalogue, acquire, train]")) == 0
    output = capsys.readouterr().out
    for words in ("versions", "read and written", "archive", "memory", "disk", "TensorFlow", "imported"):
        assert words in output
    assert not workspace.exists(artefacts.PREFLIGHT)


def test_a_run_on_an_unfit_worker_does_not_begin(
    planet: Path, workspace: Workspace, small: str, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = "[catalogue, acquire]"
    assert main(command("run", planet, workspace, small, jobs)) == 2
    output = capsys.readouterr()
    assert output.err.startswith("mineral-pipeline: 1 of 1 workers are unfit, such as 0 on ")
    assert "(memory: 415 MB, " in output.err
    assert " MB needed (threads: 2): start it with a larger --memory-limit" in output.err
    assert "or fewer --nthreads): put that right or stop them, then run" in output.err
    assert "read and written" not in output.out, "only what is wrong is shown"
    assert workspace.list("") == [artefacts.LOCK]
    assert not workspace.exists(artefacts.PREFLIGHT)
    assert main(command("preflight", planet, workspace, small, jobs)) == 2
    assert "read and written" in capsys.readouterr().out


def test_jobs_that_learn_need_a_gpu(
    planet: Path, workspace: Workspace, small: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("run", "preflight"):
        assert main(command(name, planet, workspace, small, "[train]")) == 2
        assert "offers GPU: start one with `dask worker --resources GPU=1`" in capsys.readouterr().err
    assert main(command("preflight", planet, workspace, small, "[label]")) == 0


def test_a_worker_whose_writes_do_not_arrive_is_unfit(
    planet: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fitness, "_check_folder", lambda *_: "read and written")
    assert main(command("run", planet, workspace, "threads", "[catalogue]")) == 2
    assert "what it writes there does not reach the client: mount the same folder" in capsys.readouterr().err


def test_simulate_needs_a_common_folder_for_the_archive(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = ["--set", f"archive.url={tmp_path}/archive", "--set", "jobs=[simulate]"]
    assert main(["preflight", str(DEMO), "--workspace", workspace.url, "--cluster", "threads", *sets]) == 0
    assert capsys.readouterr().out.count("read and written") == 2
    assert list((tmp_path / "archive").iterdir()) == []
