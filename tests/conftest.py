"""Fixtures that more than one test module uses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client, LocalCluster
from hypothesis import settings
from loopback import guarded

from mineral_pipeline.workspace import Workspace

# How long an example takes is the machine's affair, and a suite must say the same thing twice;
# `pytest --hypothesis-profile explore` looks at examples that nobody has seen.
settings.register_profile("default", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile("default")


@pytest.fixture(scope="session", autouse=True)
def contacted() -> Iterator[list[str]]:
    """Connections that tests tried to make beyond this machine: none. A test that means to must empty the list."""
    with guarded() as tried:
        yield tried
    assert tried == []


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data, named by MINERAL_PIPELINE_DATA."""
    folder = os.environ.get("MINERAL_PIPELINE_DATA")
    if not folder:
        pytest.skip("MINERAL_PIPELINE_DATA is not set: it names the folder of real data")
    return Path(folder)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace in a temporary folder."""
    return Workspace(str(tmp_path / "workspace"))


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    """A cluster of threads in this process, with one GPU slot."""
    with (
        LocalCluster(
            processes=False, n_workers=1, threads_per_worker=2, resources={"GPU": 1}, dashboard_address="127.0.0.1:0"
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client
