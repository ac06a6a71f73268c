"""What is corrupt: bytes that are no TIFF, and rasters that differ from their metadata or do not fit."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from small_archive import MTL, PRODUCT

from mineral_pipeline.archive import (
    CorruptError,
    CorruptionDetails,
    FetchedObject,
    check_dtype,
    check_extent,
    validating,
)
from mineral_pipeline.archive.validation import check_md5, check_tiff
from mineral_pipeline.errors import DataError, RasterError
from mineral_pipeline.sensors.landsat import SceneMetadata, metadata_file, product_folder, read_metadata

REAL = [
    "LE07_L1TP_092084_20110809_20161206_01_T1",
    "LE07_L1TP_092084_19990925_20170217_01_T1",
    "LT05_L1GS_092091_19910506_20170126_01_T2",
]


@given(st.binary(max_size=64))
def test_other_bytes_are_no_tiff(content: bytes) -> None:
    for start in (b"", b"II*\0", b"MM\0+"):
        offset = (start + content)[4:8] if start == b"II*\0" else (start + content)[8:16]
        inside = start and int.from_bytes(offset, "little" if start[:1] == b"I" else "big") < len(start + content)
        if not inside and (start or content[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
            with pytest.raises(CorruptError):
                check_tiff(FetchedObject(start + content), "x")


def test_an_error_of_a_raster_becomes_the_verdict_on_its_file() -> None:
    file = FetchedObject(b"II*\0 and so on", checksum_verified=True, attempts=3)
    with pytest.raises(CorruptError, match=r"^x has 2 bands$") as caught, validating(file):
        raise RasterError("x has 2 bands")
    assert caught.value.attempts == 3
    assert caught.value.details == CorruptionDetails.of(file.content, checksum_verified=True)
    with pytest.raises(DataError), validating(file):
        raise DataError("another error is not judged")


@pytest.mark.parametrize("form", ["{}", '"{}"'])
def test_only_an_etag_that_is_an_md5_is_checked(form: str) -> None:
    right, wrong = (hashlib.md5(content).hexdigest() for content in (b"content", b"other"))
    assert check_md5(b"content", form.format(right), "x")
    assert not check_md5(b"content", form.format(f"{wrong}-2"), "x")
    assert not check_md5(b"content", "", "x")
    with pytest.raises(CorruptError, match=r"^x has not the MD5 that the store gives") as caught:
        check_md5(b"content", form.format(wrong), "x")
    assert caught.value.details == CorruptionDetails.of(b"content")


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_pixels_of_the_type_of_the_others(dtype: str) -> None:
    check_dtype(np.dtype(dtype), np.dtype(dtype), "x")


@pytest.mark.parametrize(("dtype", "expected"), [("uint16", "uint8"), ("uint8", "uint16")])
def test_pixels_of_another_type(dtype: str, expected: str) -> None:
    """8 bits fit in 16, but would be scaled as if they were 16."""
    with pytest.raises(RasterError, match=rf"^x: {dtype} pixels among {expected} ones$"):
        check_dtype(np.dtype(dtype), np.dtype(expected), "x")


@pytest.mark.parametrize("product_id", REAL)
def test_real_rasters(data: Path, product_id: str) -> None:
    folder = data / "archive" / product_folder(product_id)
    metadata = read_metadata((folder / metadata_file(product_id)).read_bytes())
    with rasterio.open(folder / f"{product_id}_B7.TIF") as raster:
        check_extent(metadata, raster.bounds, raster.shape, reduced=True, source=product_id)
        with pytest.raises(
            RasterError, match=rf"{raster.height} lines x {raster.width} samples, its metadata say 7\d+ x"
        ):
            check_extent(metadata, raster.bounds, raster.shape, reduced=False, source=product_id)


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
