"""Several bands in one chip, bands of 16 bits, and what becomes of a scene when one of them is not right."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from distributed import Client
from rasterio.io import MemoryFile

from jobs import acquire, catalogue
from mineral_pipeline import imagery
from mineral_pipeline import settings as reader
from mineral_pipeline.sensors.landsat import BUCKET, band_file, metadata_file, product_folder
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, ledger, zarr_store

TM = "LT05_L1GS_092091_19910506_20170126_01_T2"
OLI = "LC08_L1GS_092091_20150506_20170126_01_T2"


def redraw(content: bytes, change: Callable[[np.ndarray], np.ndarray], **profile: object) -> bytes:
    """A TIFF of the same extent with other pixels."""
    with MemoryFile(content) as file, file.open() as source:
        pixels = change(source.read())
        shape = {"height": pixels.shape[1], "width": pixels.shape[2]}
        profile = {**source.profile, **shape, **profile}
    with MemoryFile() as file:
        with file.open(**profile) as target:
            target.write(pixels)
        return bytes(file.read())


@pytest.fixture
def archive(data: Path, tmp_path: Path) -> Callable[..., Settings]:
    """Function that writes an archive of one real scene, under any identifier and with changed bands."""

    def build(product_id: str, **changes: Callable[[bytes], bytes | None]) -> Settings:
        source, folder = data / "archive" / product_folder(TM), tmp_path / "archive" / product_folder(product_id)
        folder.mkdir(parents=True)
        text = (source / metadata_file(TM)).read_text().replace(TM, product_id)
        (folder / metadata_file(product_id)).write_text(text)
        for band in ("B5", "B7"):
            content = changes.get(band, lambda content: content)((source / band_file(TM, band)).read_bytes())
            if content is not None:
                (folder / band_file(product_id, band)).write_bytes(content)
        index = pd.read_csv(data / "archive" / "index.csv.gz", dtype=str)
        row = index[index["PRODUCT_ID"] == TM].assign(PRODUCT_ID=product_id)
        if product_id == OLI:
            row = row.assign(SPACECRAFT_ID="LANDSAT_8", SENSOR_ID="OLI_TIRS", DATE_ACQUIRED="2015-05-06")
        row = row.assign(BASE_URL=f"{BUCKET}/{product_folder(product_id)}")
        (tmp_path / "archive" / "index.csv.gz").write_bytes(gzip.compress(row.to_csv(index=False).encode()))
        return reader.parse(
            {
                "workspace": str(tmp_path / "workspace"),
                "jobs": ["catalogue", "acquire"],
                "archive": {"url": str(tmp_path / "archive"), "reduced": True},
                "catalogue": {"spacecraft": [], "sensors": []},
                "acquire": {"chip_size": 64, "bands": ["B5", "B7"]},
            }
        )

    return build


def acquired(settings: Settings, client: Client) -> tuple[pd.Series, np.ndarray]:
    """The ledger's row and the chip of the one scene."""
    catalogue.main(settings, client)
    acquire.main(settings, client)
    workspace = Workspace(settings.workspace)
    return ledger.read(workspace).iloc[0], zarr_store.open_dataset(workspace).image.values[0]


def test_two_bands_lie_in_the_order_asked_for(archive: Callable[..., Settings], client: Client, data: Path) -> None:
    row, chip = acquired(archive(TM), client)

    assert (row["status"], chip.shape, chip.dtype) == ("ok", (2, 64, 64), np.dtype("uint8"))
    for image, band in zip(chip, ("B5", "B7"), strict=True):
        pixels = imagery.decode((data / "archive" / product_folder(TM) / band_file(TM, band)).read_bytes()).pixels
        small = imagery.downsample(pixels, 64, "rescale")
        np.testing.assert_array_equal(image[: small.shape[0], : small.shape[1]], small)
    assert row["brightness"] == pytest.approx(chip[0][chip[0] > 0].mean())
    assert not np.array_equal(chip[0], chip[1])


def test_sixteen_bits_stay_sixteen(archive: Callable[..., Settings], client: Client, data: Path) -> None:
    def widen(content: bytes) -> bytes:
        return redraw(content, lambda pixels: pixels.astype("uint16") * 257, dtype="uint16")

    row, chip = acquired(archive(OLI, B5=widen, B7=widen), client)

    assert (row["status"], chip.dtype) == ("ok", np.dtype("uint16"))
    pixels = imagery.decode((data / "archive" / product_folder(TM) / band_file(TM, "B7")).read_bytes()).pixels
    small = imagery.downsample(pixels, 64, "rescale")
    wide = chip[1][: small.shape[0], : small.shape[1]].astype(float)
    np.testing.assert_array_equal(wide > 0, small > 0)
    assert np.abs(wide / 257 - small).max() <= 0.5 + 1 / 257, "rounded in the sensor's own steps"


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        (lambda content: None, "missing", f"{TM}_B7.TIF is not in the archive"),
        (lambda content: content[:2000], "corrupt", f"{TM} B7: truncated or damaged TIFF"),
        (
            lambda content: redraw(content, lambda pixels: pixels[:, :-10]),
            "corrupt",
            f"{TM} B7: its bottom edge is at",
        ),
        (
            lambda content: redraw(content, lambda pixels: np.repeat(pixels, 2, 1)),
            "corrupt",
            f"{TM} B7: its bottom edge is at",
        ),
        (
            lambda content: redraw(content, lambda pixels: pixels.astype("uint16") * 257, dtype="uint16"),
            "corrupt",
            "uint16 pixels among uint8 ones",
        ),
    ],
)
def test_a_scene_with_one_bad_band_is_no_chip(
    archive: Callable[..., Settings],
    client: Client,
    change: Callable[[bytes], bytes | None],
    status: str,
    reason: str,
) -> None:
    row, chip = acquired(archive(TM, B7=change), client)

    assert row["status"] == status
    assert reason in row["reason"]
    assert not chip.any()
    if status == "corrupt":
        assert row["attempts"] == 2, "a verdict that no checksum verifies is confirmed"
        assert row["first_bytes"][:4] == b"II*\0"
        assert row["bytes"] > len(row["first_bytes"]) == 64
