"""The real metadata files of Landsat 4, read once for all tests of the package."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from mineral_pipeline.sensors.landsat import SceneMetadata, read_metadata


@pytest.fixture(scope="session")
def collection_1(data: Path) -> list[tuple[str, SceneMetadata]]:
    """File name and metadata of the 8,223 real MTLs of Landsat 4."""
    with tarfile.open(data / "mtl/lt04-collection1.tar.gz") as archive:
        files = [(file.name, archive.extractfile(file)) for file in archive if file.isfile()]
        return [(name, read_metadata(file.read(), name)) for name, file in files if file is not None]
