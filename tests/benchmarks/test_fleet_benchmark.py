"""The benchmark of a fleet of small scenes runs, at small scale, with real processes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import fleet
from benchmarks.support.fleet_archive import write_fleet
from benchmarks.support.synthetic_ledger import write_ledger
from mineral_pipeline import archive, settings
from mineral_pipeline.imagery import decode
from mineral_pipeline.sensors.landsat import band_file, metadata_file, product_folder, read_metadata
from mineral_pipeline.workspace import Workspace, ledger


def test_a_fleet_is_an_archive_of_the_real_layout(tmp_path: Path) -> None:
    written = write_fleet(tmp_path, scenes=20, deposits=50)

    catalogue = archive.build_catalogue(
        archive.select_scenes(archive.find_products(settings.Archive(url=str(tmp_path)), settings.Catalogue())).scenes,
        str(tmp_path), 16,
    )  # fmt: skip
    assert len(catalogue) == catalogue["scene_id"].nunique() == 20
    assert catalogue["location_id"].nunique() == 3
    assert len(written.deposits.read_text().splitlines()) == 51
    for product_id in catalogue["product_id"]:
        folder = tmp_path / product_folder(product_id)
        metadata = read_metadata((folder / metadata_file(product_id)).read_bytes())
        raster = decode((folder / band_file(product_id, "B7")).read_bytes())
        assert metadata.product_id == product_id
        assert max(raster.pixels.shape) < 100
        assert 0.5 < np.count_nonzero(raster.pixels) / raster.pixels.size < 0.9
    assert len({(tmp_path / product_folder(one) / band_file(one, "B7")).stat().st_ino
                for one in catalogue["product_id"]}) == 3  # fmt: skip


def test_a_synthetic_ledger_is_one_of_chips_of_their_own(tmp_path: Path) -> None:
    write_ledger(Workspace(str(tmp_path)), 40)

    found = ledger.read(Workspace(str(tmp_path)))

    assert ledger.finished_shards(Workspace(str(tmp_path))) == [0, 1, 2]
    assert found["chip_index"].tolist() == list(range(40))
    assert found["chip_id"].is_unique
    assert found["image_sha256"].is_unique
    assert found.geometry.is_valid.all()
    assert found.columns.tolist() == ledger.COLUMNS


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_small_run() -> None:
    jobs, requests, growth = fleet.measure(small=True)

    assert [row.method for row in jobs.rows] == [*fleet.JOBS, "prospect, its tables", "of label: its deposits"]
    assert all(row.facts["first_task"] for row in jobs.rows if row.method in ("acquire", "label", "curate"))
    assert [claim.text for claim in requests.claims if not claim.holds] == []
    assert [row.method for row in growth.rows] == ["320 scenes", "640 scenes"]
