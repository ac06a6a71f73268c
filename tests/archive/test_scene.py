"""The files of a scene, whole and damaged."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from small_archive import MTL, PRODUCT, TIFF

from mineral_pipeline import settings
from mineral_pipeline.archive import (
    ByteLimiter,
    CorruptError,
    CorruptionDetails,
    MissingError,
    fetch_scene,
    open_source,
)
from mineral_pipeline.archive.fetched import FIRST_BYTES
from mineral_pipeline.sensors.landsat import product_folder

SLC_OFF = "LE07_L1TP_092084_20110809_20161206_01_T1"
REAL = [SLC_OFF, "LE07_L1TP_092084_19990925_20170217_01_T1", "LT05_L1GS_092091_19910506_20170126_01_T2"]


def test_a_whole_scene(tmp_path: Path, product: Path) -> None:
    files = fetch_scene(open_source(settings.Archive(url=str(tmp_path))), str(product), PRODUCT, ["B7", "B5"])
    assert files.metadata.product_id == PRODUCT
    assert [file.content for file in files.bands] == [TIFF + b"7", TIFF + b"5"]
    assert files.bytes == sum(file.stat().st_size for file in product.iterdir())
    assert files.details == CorruptionDetails.of(TIFF + b"7", TIFF + b"5")
    assert files.details.sha256 == hashlib.sha256(TIFF + b"7" + TIFF + b"5").hexdigest()
    assert files.attempts == 1


@pytest.mark.parametrize("name", ["MTL.txt", "B7.TIF"])
def test_a_missing_file_is_a_missing_scene(tmp_path: Path, product: Path, name: str) -> None:
    (product / f"{PRODUCT}_{name}").unlink()
    with pytest.raises(MissingError, match=f"{product_folder(PRODUCT)}/{PRODUCT}_{name} is not in the archive"):
        fetch_scene(open_source(settings.Archive(url=str(tmp_path))), str(product), PRODUCT, ["B7"])


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("B7.TIF", b"", "B7.TIF is empty"),
        ("B7.TIF", b"\n<!DOCTYPE html><title>503</title>", r"B7.TIF is an HTML page, not a TIFF \(34 bytes\)"),
        ("B7.TIF", b"<?xml version='1.0'?><Error/>", "B7.TIF is an XML document, not a TIFF"),
        ("B7.TIF", b"\x1f\x8b\x08\x00", "B7.TIF is bytes that begin 1f 8b 08 00, not a TIFF"),
        ("B7.TIF", b"II*\0\xff\0\0\0" + b"x" * 100, "B7.TIF is cut off after 108 bytes"),
        ("MTL.txt", b"", "MTL.txt is empty"),
        ("MTL.txt", b"<html>", "MTL.txt: not a whole Landsat MTL file"),
        ("MTL.txt", MTL.format(product_id=PRODUCT)[:-4].encode(), "MTL.txt: not a whole Landsat MTL file: it is cut"),
        ("MTL.txt", MTL.format(product_id=SLC_OFF).encode(), f"MTL.txt describes {SLC_OFF}"),
        ("MTL.txt", MTL.format(product_id=PRODUCT).replace("B7.TIF", "B8.TIF").encode(), "names .*B8.TIF for B7"),
        ("MTL.txt", MTL.format(product_id=PRODUCT).replace("BAND_7", "OF_7").encode(), "names no file for B7"),
    ],
)
def test_a_damaged_file_says_what_it_is(tmp_path: Path, product: Path, name: str, content: bytes, reason: str) -> None:
    (product / f"{PRODUCT}_{name}").write_bytes(content)
    with pytest.raises(CorruptError, match=reason) as caught:
        fetch_scene(open_source(settings.Archive(url=str(tmp_path))), str(product), PRODUCT, ["B7"])
    assert str(caught.value).startswith(f"{PRODUCT}_{name}")
    assert "\n" not in str(caught.value)
    assert caught.value.attempts == 1
    details = caught.value.details
    assert (details.size, details.first_bytes) == (len(content), content[:FIRST_BYTES])
    assert details.sha256 == hashlib.sha256(content).hexdigest()


def test_metadata_of_any_size_are_not_read(tmp_path: Path, product: Path) -> None:
    with (product / f"{PRODUCT}_MTL.txt").open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(
        CorruptError, match=r"MTL\.txt has 1,000,000,000,000 bytes: no such file of a scene is that large"
    ):
        fetch_scene(open_source(settings.Archive(url=str(tmp_path))), str(product), PRODUCT, ["B7"])


def test_a_scene_reserves_all_its_bands_with_the_first(tmp_path: Path, product: Path) -> None:
    (product / f"{PRODUCT}_B5.TIF").write_bytes(TIFF + bytes(500))
    limiter, source = ByteLimiter(1e6), open_source(settings.Archive(url=str(tmp_path)))
    with limiter.reservation() as reservation:
        fetch_scene(source, str(product), PRODUCT, ["B5", "B7"], reservation=reservation)
        assert limiter.held == reservation.bytes == 2 * len(TIFF + bytes(500))
    assert limiter.held == 0


@pytest.mark.parametrize("product_id", REAL)
def test_real_products(data: Path, product_id: str) -> None:
    folder = data / "archive" / product_folder(product_id)
    opened = open_source(settings.Archive(url=str(data / "archive")))
    files = fetch_scene(opened, str(folder), product_id, ["B5", "B7"] if "LT05" in product_id else ["B7"])
    assert files.metadata.product_id == product_id


def test_a_band_that_a_real_product_lacks(data: Path) -> None:
    folder = data / "archive" / product_folder(REAL[2])
    with pytest.raises(MissingError, match=f"{REAL[2]}_B3.TIF is not in the archive"):
        fetch_scene(open_source(settings.Archive(url=str(data / "archive"))), str(folder), REAL[2], ["B3"])


def test_a_product_in_anothers_folder(data: Path, tmp_path: Path) -> None:
    folder = data / "archive" / product_folder(REAL[0])
    for kind in ("MTL.txt", "B7.TIF"):
        shutil.copyfile(folder / f"{REAL[0]}_{kind}", tmp_path / f"{REAL[1]}_{kind}")
    with pytest.raises(CorruptError, match=f"{REAL[1]}_MTL.txt describes {REAL[0]}"):
        fetch_scene(open_source(settings.Archive(url=str(tmp_path))), str(tmp_path), REAL[1], ["B7"])
