"""Servers for the tests of object stores, an environment in which clients find them, and an archive to put there."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from servers import BUCKET, S3Server, ceph, forget_clients, google, moto

from mineral_pipeline import simulation
from mineral_pipeline.settings import Simulate
from mineral_pipeline.simulation import ArchiveSpec
from mineral_pipeline.workspace import Workspace


@pytest.fixture(autouse=True)
def only_this_machine(contacted: list[str]) -> Iterator[None]:
    """No test of the stores contacts anything but this machine."""
    assert contacted == []
    yield
    assert contacted == []


@pytest.fixture(scope="session")
def moto_server() -> Iterator[S3Server]:
    """The S3 emulator."""
    with moto() as server:
        yield server


@pytest.fixture(scope="session")
def google_server() -> Iterator[str]:
    """The emulator of Google's store."""
    with google() as url:
        yield url


@pytest.fixture(scope="session")
def ceph_server() -> Iterator[S3Server]:
    """Ceph's S3 gateway."""
    for program in ("ceph-mon", "ceph-osd", "radosgw", "ceph"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed: apt install ceph-mon ceph-osd radosgw ceph-common")
    with tempfile.TemporaryDirectory(prefix="ceph") as folder, ceph(Path(folder)) as server:
        yield server


@pytest.fixture(params=["s3", "gs", pytest.param("ceph", marks=pytest.mark.ceph)])
def workspace(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Workspace]:
    """An empty workspace on each kind of store."""
    if request.param == "gs":
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", request.getfixturevalue("google_server"))
        monkeypatch.setitem(fsspec.config.conf, "gs", {"token": "anon"})  # as FSSPEC_GS does in a new process
    else:
        server = request.getfixturevalue("moto_server" if request.param == "s3" else "ceph_server")
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
    scheme = "gs" if request.param == "gs" else "s3"
    forget_clients()
    yield Workspace(f"{scheme}://{BUCKET}/{tmp_path.name}")
    forget_clients()


@pytest.fixture(scope="session")
def planet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the archive of six simulated scenes."""
    folder = tmp_path_factory.mktemp("planet")
    spec = ArchiveSpec(str(folder), Simulate(locations=6, dates=1, islands=1, scene_size=64), 0, ("B7",))
    simulation.begin(spec)
    written = simulation.write_scenes(range(len(spec.scenes)), spec)
    simulation.finish(spec, {scene.product_id: scene.bytes for scene in written})
    return folder
