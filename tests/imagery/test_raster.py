"""Decoding: fill is 0 and nothing else is; what is not a whole band is refused in one line."""

from __future__ import annotations

import io
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile
from rasterio.transform import array_bounds

from mineral_pipeline.errors import RasterError
from mineral_pipeline.imagery import UnusableRaster, decode, downsample
from mineral_pipeline.imagery.grid import centre_indices

GRID: dict[str, Any] = {"crs": "EPSG:32655", "transform": Affine(30, 0, 500_000, 0, -30, 6_000_000)}
PRODUCT = "archive/LE07/01/092/084/LE07_L1TP_092084_19990925_20170217_01_T1"


def tiff(*bands: np.ndarray, mask: np.ndarray | None = None, **profile: Any) -> bytes:
    """A GeoTIFF of ``bands`` (y, x)."""
    lines, samples = bands[0].shape
    profile = {**GRID, "dtype": bands[0].dtype, "count": len(bands), "height": lines, "width": samples, **profile}
    with MemoryFile() as file:
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), file.open(driver="GTiff", **profile) as dataset:
            dataset.write(np.stack(bands))
            if mask is not None:
                dataset.write_mask(mask)
        return bytes(file.read())


@pytest.fixture(scope="module")
def scene(data: Path) -> bytes:
    return next((data / PRODUCT).glob("*_B7.TIF")).read_bytes()


def test_a_real_band_is_read_whole(scene: bytes) -> None:
    raster = decode(scene, "B7")
    np.testing.assert_array_equal(raster.pixels, np.asarray(Image.open(io.BytesIO(scene))))
    assert raster.pixels.dtype == np.uint8
    assert raster.crs.to_epsg() == 32655
    assert raster.transform[:6] == pytest.approx((600.83, 0, 353685, 0, -600.93, -3722685), rel=1e-5)
    assert raster.is_georeferenced


def test_16_bits_stay_16_bits(data: Path) -> None:
    path = data / "rasters/one-edge-LC08_L1TP_224078_20200518_B2.TIF"
    pixels = decode(path.read_bytes()).pixels
    assert pixels.dtype == np.uint16
    assert pixels.max() == 20230
    assert (pixels == 0).mean() == pytest.approx(0.1652, abs=1e-4)


def test_the_tag_of_a_real_band_marks_no_dark_pixel(data: Path) -> None:
    pixels = decode((data / "rasters/LT52240631988227CUB02_B7.TIF").read_bytes()).pixels
    assert pixels.min() == 1  # the tag is 255, and no pixel has it
    assert pixels.max() == 79


def test_a_band_of_nothing_but_its_tag_is_all_fill(data: Path) -> None:
    pixels = decode(next((data / "rasters/all-fill").glob("*.tif")).read_bytes()).pixels
    assert pixels.dtype == np.uint16  # int16 in the file, tag -9999
    assert not pixels.any()


@pytest.mark.parametrize(
    ("dtype", "tag", "expected"),
    [
        ("uint8", None, [0, 1, 254, 255]),
        ("uint8", 0, [0, 1, 254, 255]),
        ("uint8", 255, [1, 1, 254, 0]),
        ("uint8", 1, [1, 0, 254, 255]),
        ("int16", -9999, [1, 1, 254, 255]),
        ("int16", None, [0, 1, 254, 255]),
    ],
)
def test_fill_becomes_0_and_nothing_else_is(dtype: str, tag: int | None, expected: list[int]) -> None:
    pixels = decode(tiff(np.array([[0, 1, 254, 255]], dtype), nodata=tag)).pixels
    assert pixels.tolist() == [expected]


@pytest.mark.parametrize(("tag", "expected"), [(None, [1, 1, 254, 0]), (254, [1, 1, 0, 255])])
def test_the_sensors_fill_counts_where_the_file_has_no_tag(tag: int | None, expected: list[int]) -> None:
    content = tiff(np.array([[0, 1, 254, 255]], np.uint8), nodata=tag)
    assert decode(content, fill=255).pixels[0].tolist() == expected


def test_negative_reflectance_is_dark_but_valid() -> None:
    pixels = decode(tiff(np.array([[-9999, -40, 0, 32767]], np.int16), nodata=-9999)).pixels
    assert pixels.tolist() == [[0, 1, 1, 32767]]


@pytest.mark.parametrize("name", ["L7_ETMs.tif", "RGB.byte.tif"])
def test_a_stack_of_bands_is_refused(name: str, data: Path) -> None:
    with pytest.raises(RasterError, match=r"^B7: holds [36] bands: a Landsat band file holds one$"):
        decode((data / "rasters" / name).read_bytes(), "B7")


@pytest.mark.parametrize(("alpha", "held"), [(False, "a mask"), (True, "2 bands")])
def test_a_mask_is_refused(alpha: bool, held: str) -> None:
    image, mask = np.array([[0, 7, 9]], np.uint8), np.array([[255, 0, 255]], np.uint8)
    content = tiff(image, mask, alpha="yes") if alpha else tiff(image, mask=mask)
    with pytest.raises(RasterError, match=f"^B7: holds {held}: a Landsat band file holds one"):
        decode(content, "B7")


STRIPES: dict[str, Any] = {"blockysize": 1}
LAYOUTS: list[dict[str, Any]] = [
    {"compress": "lzw", **STRIPES},
    {"compress": "deflate", "blockysize": 16},
    {"compress": "lzw", "tiled": True, "blockxsize": 64, "blockysize": 64},
    {},
]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
@pytest.mark.parametrize(
    "shape", [(701, 333), (1024, 1000), (512, 1111), (60, 50)]
)  # the second with ties in all lines
def test_sampled_decoding_takes_the_pixels_that_sampling_takes(
    layout: dict[str, Any], dtype: Any, shape: tuple[int, int]
) -> None:
    image = np.random.default_rng(0).integers(-9 if dtype == np.int16 else 0, 127, shape).astype(dtype)
    content = tiff(image, nodata=5, **layout)
    whole = decode(content)
    for size in (1, 7, 64, 512, 2000):
        sampled = decode(content, "B7", sampled=size)
        expected = downsample(whole.pixels, size, "sampling")
        np.testing.assert_array_equal(sampled.pixels, expected)
        np.testing.assert_array_equal(downsample(sampled.pixels, size, "sampling"), expected)
        assert sampled.pixels.dtype == expected.dtype
        assert sampled.shape == whole.shape == shape
        assert array_bounds(*sampled.pixels.shape, sampled.transform) == pytest.approx(
            array_bounds(*shape, whole.transform)
        )


def test_sampled_decoding_looks_at_no_overview() -> None:
    image = np.random.default_rng(0).integers(1, 255, (700, 611), np.uint8)
    with MemoryFile() as file:
        with file.open(driver="GTiff", **GRID, dtype="uint8", count=1, height=700, width=611) as dataset:
            dataset.write(image, 1)
            dataset.build_overviews([2, 4, 8], Resampling.average)
        content = bytes(file.read())
    np.testing.assert_array_equal(decode(content, sampled=64).pixels, downsample(image, 64, "sampling"))


@pytest.mark.parametrize("lines", [1000, 1001])  # the first with ties in all lines
def test_sampled_decoding_of_strips_decodes_few(lines: int) -> None:
    image = np.random.default_rng(0).integers(1, 255, (lines, 300), np.uint8)
    content = bytearray(tiff(image, compress="deflate", **STRIPES))
    for line in set(range(lines - 1)) - set(centre_indices(lines, 100).tolist()):
        checksum = zlib.compress(image[line].tobytes())[-4:]
        assert content.count(checksum) == 1
        position = content.find(checksum)
        content[position : position + 4] = bytes(4)
    with pytest.raises(RasterError):
        decode(bytes(content), "B7")
    np.testing.assert_array_equal(decode(bytes(content), sampled=100).pixels, downsample(image, 100, "sampling"))


@pytest.mark.parametrize("layout", [STRIPES, {"compress": "lzw", **STRIPES}, {"tiled": True}])
def test_sampled_decoding_notices_that_a_file_is_cut_short(layout: dict[str, Any]) -> None:
    content = tiff(np.full((600, 100), 7, np.uint8), **layout)
    assert 599 not in centre_indices(600, 100)
    with pytest.raises(RasterError, match=r"^B7: truncated or damaged"):
        decode(content[:-1], "B7", sampled=100)


@pytest.mark.parametrize("lost", [{"crs": None}, {"transform": None}])
def test_sampled_decoding_gives_no_georeference_to_a_file_without(lost: dict[str, None]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        content = tiff(np.ones((300, 200), np.uint8), **lost)
    assert not decode(content, sampled=64).is_georeferenced


@pytest.mark.parametrize("layout", [{}, {"compress": "lzw"}, {"compress": "deflate", "tiled": True}])
@given(share=st.floats(0, 1, exclude_max=True))
@settings(deadline=None, max_examples=25)
def test_a_truncated_file_is_refused_wherever_it_ends(layout: dict[str, Any], share: float) -> None:
    image = np.random.default_rng(0).integers(0, 255, (300, 200), np.uint8)
    content = tiff(image, **layout, **({"blockxsize": 64, "blockysize": 64} if "tiled" in layout else {}))
    last = content.rstrip(b"\0")  # zeros at the end may be padding that belongs to nobody
    for sampled in (None, 20):
        with pytest.raises(RasterError, match=r"^scene_B7\.TIF: [^\n]+$") as refusal:
            decode(last[: int(share * (len(last) - 1))], "scene_B7.TIF", sampled)
        assert not isinstance(refusal.value, UnusableRaster)


def test_a_real_truncated_file_is_refused_in_silence(
    scene: bytes, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    reasons = set()
    for _ in range(2):
        with pytest.raises(RasterError, match=r"^B7: truncated or damaged TIFF of 40,000 bytes: .*fail") as refusal:
            decode(scene[:40_000], "B7")
        reasons.add(str(refusal.value))
    assert len(reasons) == 1  # a rerun writes the same ledger
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


@pytest.mark.parametrize(
    "content", [b"", b"<!DOCTYPE html><html>", b"\x89PNG\r\n", b"<VRTDataset/>", b"II*\0", b"II*\0" * 99]
)
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(RasterError, match=r"^B7: (not a|truncated or damaged) TIFF[^\n]+$"):
        decode(content, "B7")


def test_a_coordinate_system_of_any_bytes_is_refused() -> None:
    """GDAL hands over the bytes of names, which rasterio takes for UTF-8."""
    local = {**GRID, "crs": 'LOCAL_CS["Hope zone",UNIT["metre",1]]'}
    content = tiff(np.ones((4, 4), "uint8"), **local).replace(b"Hope", b"\xff\xfe\xfd\xfc")
    with pytest.raises(RasterError, match="x: the name of its coordinate system is no text in UTF-8"):
        decode(content, "x")


def test_floating_point_is_no_band() -> None:
    with pytest.raises(RasterError, match="B7: holds float32 pixels"):
        decode(tiff(np.ones((4, 4), np.float32)), "B7")


def test_without_a_georeference_it_is_read_without_a_warning_in_threads() -> None:
    with pytest.warns(NotGeoreferencedWarning):
        content = tiff(np.ones((4, 4), np.uint8), crs=None, transform=None)
    with ThreadPoolExecutor(4) as pool:
        rasters = list(pool.map(decode, [content] * 40))
    assert not any(raster.is_georeferenced for raster in rasters)
