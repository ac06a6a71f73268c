"""The archive: the public bucket's layout, metadata that the parser of real ones reads, pixels that fit them."""

from __future__ import annotations

import gzip
import json
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio

from mineral_pipeline import settings as reader
from mineral_pipeline import simulation
from mineral_pipeline.errors import SettingsError
from mineral_pipeline.sensors import landsat
from mineral_pipeline.simulation import ArchiveSpec
from mineral_pipeline.workspace import Workspace


def make_spec(folder: Path, **changes: object) -> ArchiveSpec:
    simulate = {"locations": 24, "dates": 2, "islands": 4, "scene_size": 120, **changes}
    content = {"workspace": str(folder / "w"), "jobs": ["simulate"], "archive": {"url": str(folder / "archive")}}
    return ArchiveSpec.of(reader.parse({**content, "simulate": simulate, "acquire": {"bands": ["B5", "B7"]}}))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> ArchiveSpec:
    """A whole archive."""
    spec = make_spec(tmp_path_factory.mktemp("simulated"))
    simulation.begin(spec)
    records = simulation.write_scenes(range(len(spec.scenes)), spec)
    simulation.finish(spec, {record.product_id: record.bytes for record in records})
    return spec


@pytest.fixture(scope="module")
def products(written: ArchiveSpec) -> list[Path]:
    return sorted(path.parent for path in Path(written.url).rglob("*_MTL.txt"))


def image(folder: Path, band: str = "B7") -> np.ndarray:
    with rasterio.open(folder / f"{folder.name}_{band}.TIF") as file:
        return np.asarray(file.read(1))


def test_the_layout_is_the_buckets(written: ArchiveSpec, products: list[Path]) -> None:
    assert len(products) == len(written.scenes) == 2 * 25  # one location at sea
    for folder in products:
        assert folder.relative_to(written.url).as_posix() == landsat.product_folder(folder.name)
        names = {path.name.removeprefix(folder.name) for path in folder.iterdir()}
        assert names == {"_MTL.txt", "_B5.TIF", "_B7.TIF"}


def test_the_index_has_the_real_header_and_every_product(
    written: ArchiveSpec, products: list[Path], data: Path
) -> None:
    content = gzip.decompress((Path(written.url) / "index.csv.gz").read_bytes()).decode().splitlines()
    assert content[0] == (data / "index" / "index-header.csv").read_text().strip()

    index = pd.read_csv(Path(written.url) / "index.csv.gz")
    assert sorted(index["PRODUCT_ID"]) == [folder.name for folder in products]
    assert (index["SPACECRAFT_ID"] == "LANDSAT_4").all()
    assert index["BASE_URL"].str.startswith("gs://gcp-public-data-landsat/LT04/01/").all()


def test_metadata_agree_with_the_raster(products: list[Path]) -> None:
    for folder in products:
        metadata = landsat.read_metadata((folder / f"{folder.name}_MTL.txt").read_bytes(), folder.name)
        with rasterio.open(folder / f"{folder.name}_B7.TIF") as file:
            assert metadata.product_id == folder.name
            assert (metadata.lines, metadata.samples) == file.shape
            np.testing.assert_allclose(metadata.extent, file.bounds, atol=0.01)
            assert file.dtypes == ("uint8",)
            assert file.nodata is None
            assert file.compression.name == "lzw"
            assert not file.profile["tiled"]
            assert 32601 <= file.crs.to_epsg() <= 32660  # northern zones in the south too


def test_metadata_have_every_key_of_a_real_file(products: list[Path], data: Path) -> None:
    with tarfile.open(data / "mtl" / "lt04-collection1.tar.gz") as archive:
        member = next(item for item in archive if "_L1TP_" in item.name)
        real = archive.extractfile(member)
        assert real is not None
        keys = {line.split("=")[0].strip() for line in real.read().decode().splitlines() if "=" in line}
    folder = next(path for path in products if "_L1TP_" in path.name)
    text = (folder / f"{folder.name}_MTL.txt").read_text()
    assert keys - {line.split("=")[0].strip() for line in text.splitlines() if "=" in line} == set()


def test_the_image_is_a_tilted_footprint_with_stepped_ends_on_black(products: list[Path]) -> None:
    for folder in products:
        valid = image(folder) > 0
        assert 0.6 < valid.mean() < 0.75
        for corner in (valid[0, 0], valid[0, -1], valid[-1, 0], valid[-1, -1]):
            assert not corner
        np.testing.assert_array_equal(valid, image(folder, "B5") > 0)


def test_alteration_shows_in_band_7_more_than_in_band_5(written: ArchiveSpec) -> None:
    patches = written.planet.patches
    spots = patches.lonlat[patches.strength > 0.6]
    altered: dict[str, list[float]] = {"B5": [], "B7": []}
    for scene in [scene for scene in written.scenes if scene.location.on_land and scene.cloud_cover == 0]:
        folder = Path(written.url) / landsat.product_folder(scene.product_id)
        near = spots[scene.location.swath.contains(spots, margin_km=10)]
        columns, rows = ~scene.grid.transform * np.array(
            simulation.grid.transformer(scene.grid.zone).transform(near[:, 0], near[:, 1])
        )
        for band, found in altered.items():
            pixels = image(folder, band).astype(float)
            found.extend(pixels[rows.astype(int), columns.astype(int)] / np.median(pixels[pixels > 30]))

    assert len(altered["B7"]) > 20
    assert np.median(altered["B7"]) < np.median(altered["B5"]) - 0.15


def test_any_order_and_any_worker_gives_the_same_bytes(written: ArchiveSpec, tmp_path: Path) -> None:
    other = make_spec(tmp_path)
    for number in (7, 3):
        simulation.write_scenes([number], other)
        name = landsat.product_folder(other.scenes[number].product_id)
        for path in (Path(other.url) / name).iterdir():
            assert path.read_bytes() == (Path(written.url) / name / path.name).read_bytes()


def test_what_is_there_is_skipped(written: ArchiveSpec) -> None:
    assert all(product.skipped for product in simulation.write_scenes(range(5), written))
    assert simulation.count_written(written) == len(written.scenes)


def test_scale_makes_scenes_larger_on_the_same_ground(tmp_path: Path) -> None:
    small, large = (make_spec(tmp_path, scale=scale).scenes[0].grid for scale in (1.0, 4.0))

    assert large.lines == pytest.approx(4 * small.lines, rel=0.02)
    assert large.pixel_m == pytest.approx(small.pixel_m / 4)
    np.testing.assert_allclose(large.corners, small.corners, atol=0.02)


def test_deposits_and_land_are_readable(written: ArchiveSpec, data: Path) -> None:
    deposits = pd.read_csv(Path(written.url) / "deposits.csv")
    real = pd.read_csv(data / "deposits" / "mrds-complete-records.csv", nrows=1)
    land = json.loads((Path(written.url) / "land.geojson").read_text())

    # the first columns of MRDS, and the year of discovery, which comes later there
    assert deposits.columns.tolist() == [*real.columns, "disc_yr"]
    assert deposits["latitude"].isna().any()  # as in every real table
    assert len(land["features"]) >= 4


def test_foreign_archives_are_refused(written: ArchiveSpec, tmp_path: Path) -> None:
    Workspace(str(tmp_path / "archive")).write_bytes("index.csv.gz", b"")
    with pytest.raises(SettingsError, match="holds an archive that simulate did not write"):
        make_spec(tmp_path)
    with pytest.raises(SettingsError, match="holds another simulated planet"):
        make_spec(Path(written.url).parent, locations=30)
    content = {"workspace": "w", "jobs": ["simulate"], "archive": {"url": "gs://gcp-public-data-landsat"}}
    with pytest.raises(SettingsError, match="is the public archive"):
        ArchiveSpec.of(reader.parse(content))
