"""Samples whose answer is known, written once for all tests of the package."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from synthetic_samples import write_samples

from mineral_pipeline.workspace import Workspace


@pytest.fixture(scope="session")
def _written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples") / "workspace"
    for task in ("presence", "richness"):
        write_samples(Workspace(str(folder)), task, size=32)
    return folder


@pytest.fixture
def curated(_written: Path, tmp_path: Path) -> Workspace:
    """A workspace of its own with the samples of both tasks: 120 locations, 3 chips each, 32 pixels."""
    return Workspace(str(shutil.copytree(_written, tmp_path / "curated")))
