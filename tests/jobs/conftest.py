"""A small simulated planet, written once for all tests of the jobs."""

from __future__ import annotations

from pathlib import Path

import pytest
from distributed import Client
from small_demo import demo_settings

from jobs import acquire, catalogue, simulate


@pytest.fixture(scope="session")
def planet(tmp_path_factory: pytest.TempPathFactory, client: Client) -> Path:
    """A folder with a simulated archive, and its scenes acquired in ``workspace``."""
    folder = tmp_path_factory.mktemp("planet")
    settings = demo_settings(folder)
    simulate.main(settings, client)
    catalogue.main(settings, client)
    acquire.main(settings, client)
    return folder
