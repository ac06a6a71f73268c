"""The mosaic: opened with rasterio, compared with the footprints by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from prospect_tables import make_prospects

from mineral_pipeline.prospecting import raster


def sample(path: Path, *positions: tuple[float, float]) -> list[np.ndarray]:
    with rasterio.open(path) as file:
        return list(file.sample(positions))


def test_it_is_cloud_optimised_and_holds_the_values_on_both_sides_of_the_antimeridian(tmp_path: Path) -> None:
    prospects = make_prospects([20.0, 179.8, -60.0])
    raster.write_raster(prospects, str(tmp_path / "p.tif"))
    assert [file.name for file in tmp_path.iterdir()] == ["p.tif"]
    with rasterio.open(tmp_path / "p.tif") as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.crs == "EPSG:4326"
        assert file.descriptions == ("probability", "expected_number", "spread", "applicability")
        assert np.isnan(file.nodata)
        assert file.res == pytest.approx((0.1, 0.1))
        assert (file.bounds.left, file.bounds.right) == pytest.approx((-180, 180))
    here = sample(tmp_path / "p.tif", (20.0, 12.0), (179.9, 12.0), (-179.9, 12.0), (-60, 12), (100, 12))
    assert here[0] == pytest.approx([0.9, 2.7, 0.4, 1.0])
    assert here[1] == pytest.approx(here[2])
    assert here[1] == pytest.approx([0.5, 1.0, 0.3, 1.0])
    assert here[3] == pytest.approx([0.1, 0.1, 0.2, 0.0])
    assert np.isnan(here[4]).all()


def test_a_cell_of_overlapping_locations_holds_the_mean_of_what_is_known(tmp_path: Path) -> None:
    prospects = make_prospects([20.0, 20.5])
    prospects.loc[1, "spread"] = np.nan
    prospects.loc[1, "expected_number"] = np.inf
    raster.write_raster(prospects, str(tmp_path / "p.tif"))
    (found,) = sample(tmp_path / "p.tif", (20.25, 12.05))
    assert found == pytest.approx([0.5, 2.7, 0.4, 1.0])


def test_blocks_do_not_show_and_each_asks_only_for_its_own_footprints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prospects = make_prospects(np.linspace(-170, 170, 40).tolist(), np.linspace(-85, 85, 40).tolist())
    raster.write_raster(prospects, str(tmp_path / "whole.tif"))
    asked: list[int] = []
    means = raster._means

    def counted(footprints: np.ndarray, *others: object) -> np.ndarray:
        asked.append(len(footprints))
        return means(footprints, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(raster, "_means", counted)
    monkeypatch.setattr(raster, "BLOCK", 128)
    raster.write_raster(prospects, str(tmp_path / "blocks.tif"))
    with rasterio.open(tmp_path / "whole.tif") as whole, rasterio.open(tmp_path / "blocks.tif") as blocks:
        np.testing.assert_array_equal(whole.read(), blocks.read())
        assert np.isfinite(whole.read(1)).any(axis=1).sum() >= 40 * 16
    assert max(asked) <= 4
    assert len(asked) < 100  # of 28 x 14 blocks


def test_small_tiles_are_not_lost() -> None:
    assert raster.find_grid(make_prospects([0.0], half=0.8).geometry).cell == 0.1
    assert raster.find_grid(make_prospects([0.0], half=0.07).geometry).cell == 0.025
    assert raster.find_grid(make_prospects([0.0], half=1e-5).geometry).cell == raster.SMALLEST_CELL_DEGREES


def test_rio_cogeo_finds_a_valid_cloud_optimised_geotiff(tmp_path: Path) -> None:
    rio_cogeo = pytest.importorskip("rio_cogeo", reason="rio-cogeo is not installed: pip install rio-cogeo")
    raster.write_raster(make_prospects([20.0, 179.8, -60.0]), str(tmp_path / "p.tif"))
    assert rio_cogeo.cog_validate(tmp_path / "p.tif", strict=True) == (True, [], [])
