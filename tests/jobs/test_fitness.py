"""What a worker must prove before it is given tasks, and what becomes of one that cannot."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from distributed import Client

from jobs.running import fitness, tasks, workers
from jobs.running.fitness import Offer, Requirements, RequirementsPlugin, inspect
from jobs.running.worker import here
from mineral_pipeline import archive
from mineral_pipeline.archive import Landmarks, Source
from mineral_pipeline.errors import ClusterError, UnfitWorkerError
from mineral_pipeline.settings import Archive
from mineral_pipeline.workspace import Workspace, artefacts, lock

RUN = "0123456789abcdef"
OFFER = Offer(memory_bytes=2 * 10**9, threads=2, gpus=1, folder="/", address="tcp://10.0.0.1:4000")


@pytest.fixture
def required(workspace: Workspace) -> Requirements:
    """What this process has: its own packages, a workspace with the sign of the run, and an archive."""
    workspace.write_bytes(artefacts.preflight(RUN), RUN.encode())
    workspace.write_bytes("archive/LT04/file", b"")
    source = archive.survey_source(Archive(url=workspace.path("archive")))
    return Requirements(RUN, {"numpy": fitness.installed("numpy")}, (workspace,), source, task_bytes=1e8, learns=True)


def faults(required: Requirements, offer: Offer = OFFER) -> list[str]:
    return [f"{finding.subject}: {finding.fault}" for finding in inspect(required, offer) if finding.fault]


def test_a_fit_worker_has_no_fault_and_leaves_its_sign(required: Requirements, workspace: Workspace) -> None:
    assert faults(required) == []
    assert workspace.read_bytes(artefacts.preflight(RUN, OFFER.address)) == RUN.encode()


def test_other_versions_are_named(required: Requirements) -> None:
    (fault,) = faults(replace(required, versions={"python": "2.7.18", "zarr": "1.0"}))
    assert fault.startswith("versions: python 3.")
    assert "(client: 2.7.18), zarr " in fault
    assert fault.endswith("(client: 1.0): install the same environment on both")
    assert "none" in faults(replace(required, versions={"no-such-package": "1.0"}))[0]


def test_a_folder_of_the_same_name_is_not_the_workspace(required: Requirements, workspace: Workspace) -> None:
    workspace.write_bytes(artefacts.preflight(RUN), b"another")
    (fault,) = faults(required)
    assert fault.startswith(f"folder {workspace.url}: {workspace.url} is not the client's folder here")
    workspace.remove(artefacts.PREFLIGHT)
    assert faults(required)[0].endswith("mount it on this machine")


def test_a_workspace_that_cannot_be_written_is_a_fault(
    required: Requirements, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkdir(workspace.path(artefacts.preflight(RUN, OFFER.address)))
    (fault,) = faults(required)
    assert "cannot be written: Is a directory" in fault


def test_an_archive_that_is_not_there_is_a_fault(required: Requirements) -> None:
    assert required.source is not None
    elsewhere = Source(required.source.archive, Landmarks(("LC08", "LT04")))
    (fault,) = faults(replace(required, source=elsewhere))
    assert fault == (
        f"archive {required.source.archive.url}: {required.source.archive.url} has no LC08 or an empty one, unlike the"
        " client's: is it mounted?"
    )


@pytest.mark.parametrize(
    ("task_bytes", "memory", "is_enough"), [(1e8, 8e8, True), (1e8, 7e8, False), (1e9, 2e9, False)]
)
def test_memory_must_do_for_all_tasks_and_for_tensorflow(
    required: Requirements, task_bytes: float, memory: float, is_enough: bool
) -> None:
    found = faults(replace(required, task_bytes=task_bytes), replace(OFFER, memory_bytes=int(memory)))
    assert [fault.partition(":")[0] for fault in found] == ([] if is_enough else ["memory"])
    assert faults(required, replace(OFFER, memory_bytes=None)) == []


def test_disk_and_tensorflow(required: Requirements, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitness, "MIN_DISK_BYTES", 10**18)
    monkeypatch.setattr(fitness.importlib.util, "find_spec", lambda name: None)
    disk, tensorflow = faults(required)
    assert disk.startswith("disk: ")
    assert disk.endswith("start it with a --local-directory")
    assert tensorflow.startswith(
        "TensorFlow: TensorFlow is not installed: pip install 'mineral-pipeline[cpu]', or [gpu]; the worker"
    )
    assert len(faults(required, replace(OFFER, gpus=0))) == 1


def test_whatever_a_check_raises_is_a_fault(required: Requirements, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise ImportError("libcuda.so.1\nis gone")

    monkeypatch.setattr(fitness.importlib, "import_module", refuse)
    assert faults(replace(required, imports=True)) == ["TensorFlow: ImportError: libcuda.so.1 is gone"]


def test_a_worker_proves_itself_once_before_its_first_task(
    client: Client, required: Requirements, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []

    def look(required: Requirements, offer: Offer) -> list[fitness.Finding]:
        looked.append(required.run)
        return []

    monkeypatch.setattr(fitness, "inspect", look)
    with lock.acquire(workspace, print, print, 30.0) as lease:  # type: ignore[arg-type]
        client.register_plugin(RequirementsPlugin(replace(required, run=lease.run)))
        for _ in range(2):
            submitted = tasks.submit(client, "label", len, {f"part {n}": ("abc",) for n in range(4)})
            assert [result.value for result in tasks.collect(submitted)] == [3] * 4
        assert looked == [lease.run]
    with lock.acquire(workspace, print, print, 30.0):  # type: ignore[arg-type]
        list(tasks.collect(tasks.submit(client, "label", len, {"part": ("abc",)})))
    assert len(looked) == 1, "the requirements of an earlier run were asked for"
    client.unregister_worker_plugin(RequirementsPlugin.name)


def work(number: int, unfit: tuple[str, ...]) -> str:
    place = here()
    if place.name in unfit:
        raise UnfitWorkerError("it has no disk", place.host, place.name, place.address)
    return place.name


def test_an_unfit_worker_is_set_aside_and_its_tasks_are_done_by_the_others(
    pair: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = {f"part {number}": (number, ("0",)) for number in range(20)}
    assert [result.value for result in tasks.collect(tasks.submit(pair, "label", work, calls))] == ["1"] * 20
    assert capsys.readouterr().out == f"worker 0 on {os.uname().nodename} is set aside: it has no disk\n"


def test_without_a_fit_worker_the_job_ends_with_the_reason(pair: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "PATIENCE_S", 0.0)
    with pytest.raises(
        ClusterError, match=r"no worker is left, the last one, \d on \S+, was set aside: it has no disk"
    ):
        list(tasks.collect(tasks.submit(pair, "label", work, {"part": (0, ("0", "1"))})))
