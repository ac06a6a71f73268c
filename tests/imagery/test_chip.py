"""Chips of real and of made-up scenes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from rasterio.io import MemoryFile
from scipy import ndimage
from shapely import Polygon

from mineral_pipeline.errors import RasterError
from mineral_pipeline.imagery import Raster, UnusableRaster, decode, downsample, find_footprint, make_chip, sampled_edge
from mineral_pipeline.imagery.grid import scaled_transform

CORNERS = np.array([[146.0, -36.0], [148.0, -36.0], [148.0, -38.0], [146.0, -38.0]])  # UL, UR, LR, LL
METHODS = ["resize", "rescale", "sampling"]


def raster(pixels: np.ndarray, source: str = "B7") -> Raster:
    return Raster(pixels, Affine(30, 0, 500_000, 0, -30, 6_000_000), CRS.from_epsg(32655), source)


@pytest.fixture(scope="module")
def bands(data: Path) -> list[Raster]:
    product = "LE07_L1TP_092084_19990925_20170217_01_T1"
    folder = data / "archive/LE07/01/092/084" / product
    return [decode((folder / f"{product}_{band}.TIF").read_bytes(), band) for band in ("B7", "B5", "B1")]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [64, 512])
def test_a_real_scene_becomes_a_chip(bands: list[Raster], method: str, size: int) -> None:
    chip = make_chip(bands, size, method)
    assert chip.image.shape == (3, size, size)
    assert chip.image.dtype == np.uint8
    for image, band in zip(chip.image, bands, strict=True):
        small = downsample(band.pixels, size, method)
        lines, samples = small.shape
        np.testing.assert_array_equal(image[:lines, :samples], small)
        assert not image[lines:].any()
        assert not image[:, samples:].any()
    assert chip.footprint_source == "image"
    assert chip.valid_fraction == pytest.approx(0.6954, abs=5e-5)
    assert chip.brightness == pytest.approx(bands[0].pixels[bands[0].pixels > 0].mean(), abs=0.5)


@pytest.mark.parametrize("method", METHODS)
def test_the_footprint_does_not_depend_on_the_method(method: str) -> None:
    y, x = np.indices((1300, 1400))
    inside = (np.abs(0.97 * (x - 700) + 0.23 * (y - 650)) < 500) & (np.abs(0.97 * (y - 650) - 0.23 * (x - 700)) < 450)
    scene = raster(np.where(inside, 90, 0).astype(np.uint8))
    chip = make_chip([scene], 600, method)
    expected = Polygon(find_footprint(inside, scene.transform, scene.crs))
    assert Polygon(chip.footprint).symmetric_difference(expected).area < 0.005 * expected.area
    assert chip.brightness == 90
    assert chip.valid_fraction == inside.mean()


@pytest.mark.parametrize("size", [512, 600])
def test_a_sampled_decoding_makes_the_same_chip(size: int) -> None:
    y, x = np.indices((1300, 1400))
    inside = (np.abs(0.97 * (x - 700) + 0.23 * (y - 650)) < 500) & (np.abs(0.97 * (y - 650) - 0.23 * (x - 700)) < 450)
    whole = raster(np.where(inside, np.random.default_rng(0).integers(1, 255, inside.shape), 0).astype(np.uint8))
    with MemoryFile() as file:
        profile = {"crs": whole.crs, "transform": whole.transform, "height": 1300, "width": 1400}
        with file.open(driver="GTiff", dtype="uint8", count=1, compress="lzw", **profile) as dataset:
            dataset.write(whole.pixels, 1)
        content = bytes(file.read())
    sampled = decode(content, "B7", sampled_edge(size, "sampling"))
    assert max(sampled.pixels.shape) == size
    assert sampled.shape == (1300, 1400)
    found, expected = (make_chip([band, band], size, "sampling") for band in (sampled, whole))
    np.testing.assert_array_equal(found.image, expected.image)
    assert found.brightness == expected.brightness
    assert found.valid_fraction == pytest.approx(expected.valid_fraction, abs=0.002)  # of the pixels that it takes
    polygon = Polygon(expected.footprint)
    assert Polygon(found.footprint).symmetric_difference(polygon).area < 0.005 * polygon.area


def test_only_a_chip_that_a_footprint_can_be_found_in_is_all_that_is_decoded() -> None:
    assert sampled_edge(512, "sampling") == 512
    assert sampled_edge(64, "sampling") is None
    assert sampled_edge(512, "rescale") is sampled_edge(512, "resize") is None


def test_whole_and_sampled_bands_do_not_mix() -> None:
    whole = raster(np.ones((60, 60), np.uint8), "B8")
    part = replace(
        whole,
        pixels=whole.pixels[::3, ::3],
        full_shape=(60, 60),
        transform=scaled_transform(whole.transform, (60, 60), (20, 20)),
        source="B7",
    )
    with pytest.raises(RasterError, match="B8: lies elsewhere than B7"):
        make_chip([part, whole], 20, "sampling")


@pytest.mark.parametrize("method", METHODS)
def test_a_16_bit_scene_stays_16_bit(method: str, data: Path) -> None:
    band = decode((data / "rasters/one-edge-LC08_L1TP_224078_20200518_B2.TIF").read_bytes(), "B2")
    chip = make_chip([band], 512, method)
    lines, samples = (round(512 * edge / max(band.shape)) for edge in band.shape)
    valid = chip.image[0, :lines, :samples]
    assert chip.image.dtype == np.uint16
    assert chip.valid_fraction == pytest.approx(1 - 0.1652, abs=1e-4)
    assert chip.brightness == pytest.approx(band.pixels[band.pixels > 0].mean(), rel=2e-3)
    assert valid.max() > 10_000
    assert (valid > 0).mean() == pytest.approx(chip.valid_fraction, abs=2e-3)
    # the edge is as bright as what it borders on: nothing of the fill is mixed into it
    edge = (valid > 0) & ndimage.binary_dilation(valid == 0)
    inner = (
        (valid > 0)
        & ndimage.binary_dilation(valid == 0, iterations=4)
        & ~ndimage.binary_dilation(valid == 0, iterations=2)
    )
    assert np.median(valid[edge]) == pytest.approx(np.median(valid[inner]), rel=0.03)


@pytest.mark.parametrize("method", METHODS)
def test_two_bands_stack_in_the_order_asked_for(method: str, data: Path) -> None:
    paths = [data / f"rasters/LT52240631988227CUB02_{band}.TIF" for band in ("B5", "B7")]
    rasters = [decode(path.read_bytes(), path.stem) for path in paths]
    chip = make_chip(rasters, 128, method)
    assert chip.image.shape == (2, 128, 128)
    for image, band in zip(chip.image, rasters, strict=True):
        alone = make_chip([band], 128, method)
        np.testing.assert_array_equal(alone.image[0], image)
    assert chip.brightness == make_chip(rasters[:1], 128, method).brightness  # of the first
    assert not np.array_equal(*chip.image)


def test_bands_of_two_real_products_do_not_stack(bands: list[Raster], data: Path) -> None:
    other = decode((data / "rasters/LT52240631988227CUB02_B7.TIF").read_bytes(), "LT5 B7")
    with pytest.raises(RasterError, match=r"^LT5 B7: 310 x 287 uint8, but B7 355 x 397 uint8: .*acquire\.bands$"):
        make_chip([bands[0], other], 64, "rescale")


def test_padding_counts_in_no_number() -> None:
    chip = make_chip([raster(np.full((40, 90), 200, np.uint16))], 64, "rescale")
    assert chip.image.dtype == np.uint16
    assert (chip.image[0, :28] == 200).all()  # 64 * 40 / 90 = 28.4
    assert not chip.image[0, 28:].any()
    assert (chip.valid_fraction, chip.brightness) == (1.0, 200.0)


def test_the_study_labelled_by_the_corners_of_the_metadata(bands: list[Raster]) -> None:
    chip = make_chip(bands[:1], 64, "rescale", CORNERS, footprint="metadata")
    assert chip.footprint_source == "metadata"
    assert sorted(map(tuple, chip.footprint)) == sorted(map(tuple, CORNERS))
    assert Polygon(chip.footprint).exterior.is_ccw


def test_an_image_that_no_polygon_fits_has_the_corners_of_the_metadata() -> None:
    line = np.zeros((20, 20), np.uint8)
    line[7] = 50
    assert make_chip([raster(line)], 20, "rescale", CORNERS).footprint_source == "metadata"


@pytest.mark.parametrize("corners", [None, np.full((4, 2), np.nan), np.zeros((4, 2))])
@pytest.mark.parametrize("footprint", ["image", "metadata"])
def test_without_any_footprint_it_is_rejected(corners: np.ndarray | None, footprint: str) -> None:
    line = np.zeros((20, 20), np.uint8)
    line[7] = 50
    with pytest.raises(UnusableRaster, match=r"^B7: no footprint .*corners \([^\n]+\)$"):
        make_chip([raster(line)], 20, "rescale", corners, footprint)


def test_all_fill_is_rejected(data: Path) -> None:
    empty = decode(next((data / "rasters/all-fill").glob("*.tif")).read_bytes(), "sr_band7.tif")
    with pytest.raises(UnusableRaster, match=r"^sr_band7\.tif: nothing but fill"):
        make_chip([empty], 64, "rescale", CORNERS)


def test_a_few_valid_pixels_in_a_chip_of_fill_are_rejected() -> None:
    pixels = np.zeros((200, 200), np.uint8)
    pixels[::20, ::20] = 9
    with pytest.raises(UnusableRaster, match="nothing but fill at 20 x 20"):
        make_chip([raster(pixels)], 20, "rescale", CORNERS)


@pytest.mark.parametrize(
    "lost", [{"crs": None}, {"transform": Affine.identity()}, {"transform": Affine(0, 0, 5, 0, 0, 5)}]
)
def test_without_a_georeference_it_is_rejected(lost: dict[str, object]) -> None:
    nowhere = replace(raster(np.ones((20, 20), np.uint8)), **lost)
    with pytest.raises(UnusableRaster, match="B7: no georeference"):
        make_chip([nowhere], 20, "rescale", CORNERS)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (raster(np.ones((40, 40), np.uint8), "B8"), "B8: 40 x 40 uint8, but B7 20 x 20 uint8"),
        (raster(np.ones((20, 20), np.uint16), "B8"), "B8: 20 x 20 uint16, but B7"),
        (replace(raster(np.ones((20, 20), np.uint8), "B8"), crs=CRS.from_epsg(32656)), "B8: lies elsewhere than B7"),
    ],
)
def test_bands_share_one_grid(other: Raster, message: str) -> None:
    with pytest.raises(RasterError, match=message) as refusal:
        make_chip([raster(np.ones((20, 20), np.uint8)), other], 20, "rescale")
    assert not isinstance(refusal.value, UnusableRaster)


def test_a_chip_has_a_band() -> None:
    with pytest.raises(RasterError, match="no bands"):
        make_chip([], 20, "rescale")
