"""Chips know where they are: what is exported lies on its scene, pixel by pixel, and rioxarray reads the same place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import rioxarray
import xarray as xr
from distributed import Client
from own_scenes import EIGHT_BITS, lay_out, write_product
from rasterio.warp import transform as to_lonlat
from shapely import Point

from jobs import acquire, catalogue
from jobs.__main__ import main
from mineral_pipeline import settings as reader
from mineral_pipeline.errors import DataError
from mineral_pipeline.sensors.landsat import band_file
from mineral_pipeline.workspace import Workspace, artefacts, ledger
from mineral_pipeline.workspace.chip import open_chip


@pytest.fixture(scope="module")
def acquired(data: Path, client: Client, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the chips of real and of simulated scenes, and these scenes' files."""
    folder = tmp_path_factory.mktemp("export")
    (folder / "scenes").mkdir()
    for product_id in EIGHT_BITS:
        lay_out(data, folder / "scenes", product_id, "tar")
        write_product(data, folder / "unpacked", product_id)
    settings = reader.parse(
        {
            "workspace": str(folder / "workspace"),
            "jobs": ["catalogue", "acquire"],
            "archive": {"url": str(folder / "scenes"), "reduced": True},
            "catalogue": {"spacecraft": [], "sensors": []},
            "acquire": {"chip_size": 48, "method": "sampling"},
        }
    )
    catalogue.main(settings, client)
    acquire.main(settings, client)
    return folder


@pytest.mark.parametrize("chip_id", EIGHT_BITS)
def test_an_exported_chip_lies_on_its_scene(acquired: Path, tmp_path: Path, chip_id: str) -> None:
    workspace = acquired / "workspace"
    assert main(["export", str(workspace), chip_id, "--to", str(tmp_path / "new")]) == 0
    outcomes = ledger.read(Workspace(str(workspace))).set_index("chip_id")
    with (
        rasterio.open(tmp_path / "new" / f"{chip_id}.tif") as chip,
        rasterio.open(acquired / "unpacked" / band_file(chip_id, "B7")) as scene,
    ):
        assert (chip.crs, chip.nodata, chip.descriptions) == (scene.crs, 0, ("B7",))
        assert outcomes.loc[chip_id, "crs"] == f"EPSG:{scene.crs.to_epsg()}"
        pixels = chip.read(1)
        rows, columns = np.nonzero(pixels)
        places = list(zip(*chip.xy(rows, columns), strict=True))
        expected = np.array([value[0] for value in scene.sample(places)])
        assert np.mean(pixels[rows, columns] == np.maximum(expected, 1)) > 0.98, "GDAL takes the other of two at a tie"
        lon, lat = to_lonlat(chip.crs, "EPSG:4326", *zip(*places, strict=True))
        footprint = outcomes.loc[chip_id, "geometry"].buffer(0.02)
        inside = [
            footprint.contains(Point(x % 360 if footprint.bounds[2] > 180 else x, y))
            for x, y in zip(lon, lat, strict=True)
        ]
        assert np.mean(inside) > 0.98


@pytest.mark.parametrize("chip_id", EIGHT_BITS[:2])
def test_rioxarray_reads_the_place(acquired: Path, tmp_path: Path, chip_id: str) -> None:
    chip = open_chip(Workspace(str(acquired / "workspace")), chip_id)
    with rasterio.open(acquired / "unpacked" / band_file(chip_id, "B7")) as scene:
        assert chip.rio.crs == scene.crs
        left, top = scene.bounds.left, scene.bounds.top
        lines, samples = (edge * 48 / max(scene.shape) for edge in scene.shape)
        cell = scene.bounds.right - left, top - scene.bounds.bottom
    np.testing.assert_allclose(chip.x[0], left + cell[0] / round(samples) / 2)
    np.testing.assert_allclose(chip.y[0], top - cell[1] / round(lines) / 2)
    assert chip.rio.transform().c == left
    assert chip.rio.nodata == 0
    assert chip.rio.bounds()[3] == pytest.approx(top)
    main(["export", str(acquired / "workspace"), chip_id, "--to", str(tmp_path)])
    with rioxarray.open_rasterio(tmp_path / f"{chip_id}.tif") as exported:
        np.testing.assert_array_equal(exported, chip)
        assert exported.rio.transform().almost_equals(chip.rio.transform())


def test_the_place_outlives_a_zarr_store(acquired: Path, tmp_path: Path) -> None:
    chip = open_chip(Workspace(str(acquired / "workspace")), EIGHT_BITS[-1])
    image = chip.drop_vars("band").to_dataset(name="image")  # Zarr has no stable type for names of bands
    image.to_zarr(tmp_path / "chip.zarr", zarr_format=3, consolidated=False)
    with xr.open_zarr(tmp_path / "chip.zarr", decode_coords="all", consolidated=False) as store:
        assert store["image"].rio.crs == chip.rio.crs
        assert store["image"].rio.transform() == chip.rio.transform()


def test_chips_that_cannot_be_exported(
    acquired: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], client: Client
) -> None:
    url = str(acquired / "workspace")
    assert main(["export", url, EIGHT_BITS[0][:-1], "--to", str(tmp_path)]) == 2
    assert f"has no chip {EIGHT_BITS[0][:-1]}; did you mean {EIGHT_BITS[0]}?" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert main(["export", url, EIGHT_BITS[0], "--to", str(tmp_path / "file")]) == 2
    assert "cannot be written: " in capsys.readouterr().err
    workspace = Workspace(str(tmp_path / "old"))
    table = ledger.read(Workspace(url))
    workspace.write_table(artefacts.ledger_part(0), table.assign(status="corrupt", reason="x is cut off"))
    with pytest.raises(DataError, match=rf"chip {EIGHT_BITS[0]} is corrupt: x is cut off"):
        open_chip(workspace, EIGHT_BITS[0])
    workspace.write_table(artefacts.ledger_part(0), table.drop(columns=["crs", "geo_transform"]))
    with pytest.raises(OSError, match=r"chips\.parquet does not tell where chips are: acquire them again in another"):
        open_chip(workspace, EIGHT_BITS[0])
