"""A small archive in the bucket's layout, without pixels."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from small_archive import MTL, PRODUCT, TIFF

from mineral_pipeline import settings
from mineral_pipeline.sensors.landsat import product_folder


@pytest.fixture
def product(tmp_path: Path) -> Path:
    """Folder of one product, `PRODUCT`, in an archive at ``tmp_path``."""
    folder = tmp_path / product_folder(PRODUCT)
    folder.mkdir(parents=True)
    (folder / f"{PRODUCT}_MTL.txt").write_text(MTL.format(product_id=PRODUCT))
    (folder / f"{PRODUCT}_B5.TIF").write_bytes(TIFF + b"5")
    (folder / f"{PRODUCT}_B7.TIF").write_bytes(TIFF + b"7")
    return folder


@pytest.fixture
def write_index(tmp_path: Path) -> Callable[[pd.DataFrame], settings.Archive]:
    """Write a listing as the index of an archive at ``tmp_path``."""

    def write(rows: pd.DataFrame) -> settings.Archive:
        with gzip.open(tmp_path / "index.csv.gz", "wt") as file:
            rows.to_csv(file, index=False)
        return settings.Archive(url=str(tmp_path))

    return write
