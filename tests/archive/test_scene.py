"""A scene's files, whole and damaged, and where its raster must lie."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from small_archive import MTL, PRODUCT, TIFF

from mineral_pipeline import settings
from mineral_pipeline.archive import (
    CorruptError,
    CorruptionDetails,
    FetchedObject,
    MissingError,
    check_extent,
    confirm_corrupt,
    fetch_scene,
    open_source,
)
from mineral_pipeline.archive.errors import FIRST_BYTES
from mineral_pipeline.archive.scene import check_tiff
from mineral_pipeline.archive.throttling import ByteLimiter
from mineral_pipeline.errors import RasterError
from mineral_pipeline.sensors.landsat import SceneMetadata, product_folder, read_metadata

SLC_OFF = "LE07_L1TP_092084_20110809_20161206_01_T1"
REAL = [SLC_OFF, "LE07_L1TP_092084_19990925_20170217_01_T1", "LT05_L1GS_092091_19910506_20170126_01_T2"]


def test_a_whole_scene(tmp_path: Path, product: Path) -> None:
    files = fetch_scene(open_source(settings.Archive(url=str(tmp_path))), str(product), PRODUCT, ["B7", "B5"])
    assert files.metadata.product_id == PRODUCT
    assert [file.content for file in files.bands] == [TIFF + b"7", TIFF + b"5"]
    assert files.bytes == sum(file.stat().st_size for file in product.iterdir())
    assert files.evidence == CorruptionDetails.of(TIFF + b"7", TIFF + b"5")
    assert files.evidence.sha256 == hashlib.sha256(TIFF + b"7" + TIFF + b"5").hexdigest()
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
    evidence = caught.value.evidence
    assert (evidence.size, evidence.first_bytes) == (len(content), content[:FIRST_BYTES])
    assert evidence.sha256 == hashlib.sha256(content).hexdigest()


def test_a_scene_claims_all_its_bands_with_the_first(tmp_path: Path, product: Path) -> None:
    (product / f"{PRODUCT}_B5.TIF").write_bytes(TIFF + bytes(500))
    budget = ByteLimiter(1e6)
    with budget.reservation() as share:
        fetch_scene(open_source(settings.Archive(url=str(tmp_path))), str(product), PRODUCT, ["B5", "B7"], share)
        assert budget.held == share.bytes == 2 * len(TIFF + bytes(500))
    assert budget.held == 0


def readings(*results: bytes | str) -> Callable[[], str]:
    """Readings of an object in turn: bytes that are damaged, or a good result."""
    turn = iter(results)

    def read() -> str:
        result = next(turn)
        if isinstance(result, str):
            return result
        raise FetchedObject(result, checksum_verified=result == b"vouched").corrupt("x is damaged")

    return read


def test_a_verdict_of_corrupt_is_confirmed() -> None:
    assert confirm_corrupt(readings(b"a", b"b", "good"), retries=2) == "good"
    for results, retries, attempts in (
        ((b"a", b"a", "too late"), 9, 2),
        ((b"a", b"b", b"b", "too late"), 9, 3),
        ((b"vouched", "too late"), 9, 1),
        ((b"a", b"b", b"c", "too late"), 2, 3),
        ((b"a", "too late"), 0, 1),
    ):
        with pytest.raises(CorruptError, match=r"^x is damaged$") as caught:
            confirm_corrupt(readings(*results), retries)
        assert caught.value.attempts == attempts


@given(st.binary(max_size=64))
def test_other_bytes_are_no_tiff(content: bytes) -> None:
    for start in (b"", b"II*\0", b"MM\0+"):
        offset = (start + content)[4:8] if start == b"II*\0" else (start + content)[8:16]
        inside = start and int.from_bytes(offset, "little" if start[:1] == b"I" else "big") < len(start + content)
        if not inside and (start or content[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
            with pytest.raises(CorruptError):
                check_tiff(FetchedObject(start + content), "x")


@pytest.mark.parametrize("product_id", REAL)
def test_real_products(data: Path, product_id: str) -> None:
    folder = data / "archive" / product_folder(product_id)
    opened = open_source(settings.Archive(url=str(data / "archive")))
    files = fetch_scene(opened, str(folder), product_id, ["B5", "B7"] if "LT05" in product_id else ["B7"])
    assert files.metadata.product_id == product_id
    with rasterio.open(folder / f"{product_id}_B7.TIF") as raster:
        check_extent(files.metadata, raster.bounds, raster.shape, reduced=True, source=product_id)
        with pytest.raises(
            RasterError, match=rf"{raster.height} lines x {raster.width} samples, its metadata say 7\d+ x"
        ):
            check_extent(files.metadata, raster.bounds, raster.shape, reduced=False, source=product_id)


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


def with_grid(left: float, top: float, samples: int, lines: int) -> SceneMetadata:
    """Metadata of a raster of 30 m whose outer upper left corner is (left, top)."""
    x, y = (left + 15, left + samples * 30 - 15), (top - 15, top - lines * 30 + 15)
    keys = {"UL_PROJECTION_X": x[0], "UR_PROJECTION_X": x[1], "LR_PROJECTION_X": x[1], "LL_PROJECTION_X": x[0]}
    keys |= {"UL_PROJECTION_Y": y[0], "UR_PROJECTION_Y": y[0], "LR_PROJECTION_Y": y[1], "LL_PROJECTION_Y": y[1]}
    lines_of_text = [f"CORNER_{key}_PRODUCT = {value:.3f}" for key, value in keys.items()]
    lines_of_text += [f"REFLECTIVE_LINES = {lines}", f"REFLECTIVE_SAMPLES = {samples}"]
    attributes = "END_GROUP = PRODUCT_METADATA\nGROUP = PROJECTION_PARAMETERS\nGRID_CELL_SIZE_REFLECTIVE = 30.00\n"
    text = MTL.format(product_id=PRODUCT).replace("END_GROUP = PRODUCT_METADATA", "\n".join(lines_of_text) + "\n{}", 1)
    return read_metadata(text.format(attributes + "END_GROUP = PROJECTION_PARAMETERS"))


@given(
    st.integers(-(10**5), 10**5).map(lambda n: n * 30.0),
    st.integers(-(10**5), 10**5).map(lambda n: n * 30.0),
    st.integers(100, 9000),
    st.integers(100, 9000),
    st.sampled_from(range(4)),
)
def test_every_edge_may_be_off_by_a_hundredth(left: float, top: float, samples: int, lines: int, edge: int) -> None:
    metadata = with_grid(left, top, samples, lines)
    bounds = [left, top - lines * 30, left + samples * 30, top]
    check_extent(metadata, tuple(bounds), (lines, samples), reduced=False, source="x")  # type: ignore[arg-type]
    span = (samples, lines, samples, lines)[edge] * 30
    for off, allowed in [(0.0099, True), (-0.0099, True), (0.0101, False), (-0.0101, False)]:
        moved = list(bounds)
        moved[edge] += off * span
        if allowed:
            check_extent(metadata, tuple(moved), (1, 1), reduced=True, source="x")  # type: ignore[arg-type]
        else:
            with pytest.raises(RasterError, match=f"^x: its {('left', 'bottom', 'right', 'top')[edge]} edge is at"):
                check_extent(metadata, tuple(moved), (1, 1), reduced=True, source="x")  # type: ignore[arg-type]


def test_without_projected_corners_the_extent_is_not_checked() -> None:
    metadata = read_metadata(MTL.format(product_id=PRODUCT))
    check_extent(metadata, (0, 0, 1, 1), (1, 1), reduced=False, source="x")


def test_nan_bounds_are_refused() -> None:
    with pytest.raises(RasterError, match="left edge"):
        check_extent(with_grid(0, 0, 10, 10), (float("nan"),) * 4, (10, 10), reduced=False, source="x")
