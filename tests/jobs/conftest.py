"""A small simulated planet, written once for all tests of the jobs, and a cluster of two workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client, LocalCluster
from small_demo import demo_settings

from jobs import acquire, catalogue, simulate
from mineral_pipeline.modelling.baselines import BASELINES


@pytest.fixture
def pair() -> Iterator[Client]:
    """A cluster of two workers, ``0`` and ``1``."""
    with (
        LocalCluster(
            processes=False, n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs="ERROR"
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def few_baselines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the baselines that take no time; all are trained in `test_train`."""
    for name in set(BASELINES) - {"brightness", "constant"}:
        monkeypatch.delitem(BASELINES._items, name)


@pytest.fixture(scope="session")
def planet(tmp_path_factory: pytest.TempPathFactory, client: Client) -> Path:
    """A folder with a simulated archive, and its scenes acquired in ``workspace``."""
    folder = tmp_path_factory.mktemp("planet")
    settings = demo_settings(folder)
    simulate.main(settings, client)
    catalogue.main(settings, client)
    acquire.main(settings, client)
    return folder
