"""Downsampling against definitions worked out pixel by pixel, in exact fractions where the definition is exact."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from mineral_pipeline.errors import RasterError
from mineral_pipeline.imagery import downsample
from mineral_pipeline.imagery._numba import BLOCK_WIDTH
from mineral_pipeline.imagery.grid import reduced_shape
from mineral_pipeline.imagery.weights import LANCZOS_UNIT, area_weights, lanczos_weights

METHODS = ["resize", "rescale", "sampling"]
UNHURRIED = settings(deadline=None, max_examples=60)  # the first call compiles

shapes = st.tuples(st.integers(1, 14), st.integers(1, 14))
images = st.one_of(
    hnp.arrays(dtype, shapes, elements=st.one_of(st.just(0), st.integers(1, int(np.iinfo(dtype).max))))
    for dtype in (np.uint8, np.uint16)
)


@pytest.fixture(scope="module")
def band7(data: Path) -> np.ndarray:
    """Real pixels, all valid."""
    with rasterio.open(data / "rasters/L7_ETMs.tif") as dataset:
        return np.asarray(dataset.read(6))[:348, :348]


def parts(length: int, n: int) -> list[list[tuple[int, Fraction]]]:
    """The pixels in each of n equal parts of a line, and how much of each."""
    edges = [Fraction(part * length, n) for part in range(n + 1)]
    return [
        [(pixel, min(last, pixel + 1) - max(first, pixel)) for pixel in range(math.floor(first), math.ceil(last))]
        for first, last in pairwise(edges)
    ]


def cells(image: np.ndarray, shape: tuple[int, int]) -> list[list[list[tuple[Fraction, int]]]]:
    """Areas and values of what lies under each pixel of the result."""
    rows, columns = parts(image.shape[0], shape[0]), parts(image.shape[1], shape[1])
    return [
        [[(down * across, int(image[y, x])) for y, down in row for x, across in column] for column in columns]
        for row in rows
    ]


def average(cell: list[tuple[Fraction, int]]) -> Fraction | None:
    """Mean of the valid area under one pixel; None when less than half is valid."""
    valid = sum(area for area, value in cell if value)
    return sum(area * value for area, value in cell) / valid if 2 * valid >= sum(area for area, _ in cell) else None


@given(image=images, size=st.integers(1, 14))
@UNHURRIED
def test_rescale_is_the_exact_average_of_the_valid_area(image: np.ndarray, size: int) -> None:
    for row, expected in zip(
        downsample(image, size, "rescale"), cells(image, reduced_shape(image.shape, size)), strict=True
    ):
        means = [average(cell) for cell in expected]
        assert row.tolist() == [0 if mean is None else math.floor(mean + Fraction(1, 2)) for mean in means]


@given(image=images, size=st.integers(1, 14))
@UNHURRIED
def test_sampling_takes_the_pixel_nearest_to_the_centre(image: np.ndarray, size: int) -> None:
    result = downsample(image, size, "sampling")

    def nearest(part: int, length: int, n: int) -> int:
        centre = Fraction((2 * part + 1) * length, 2 * n)
        return min(range(length), key=lambda pixel: abs(Fraction(2 * pixel + 1, 2) - centre))

    for (i, j), value in np.ndenumerate(result):
        y, x = nearest(i, image.shape[0], result.shape[0]), nearest(j, image.shape[1], result.shape[1])
        assert value == image[y, x]


def lanczos(x: float) -> float:
    """Lanczos window of three lobes, from its textbook formula."""
    if x == 0:
        return 1.0
    return 3 * math.sin(math.pi * x) * math.sin(math.pi * x / 3) / (math.pi * x) ** 2 if abs(x) < 3 else 0.0


def windows(length: int, n: int) -> np.ndarray:
    """Weights (n, length) of every pixel in every pixel of the result."""
    weights = np.array([[lanczos((x + 0.5) * n / length - (i + 0.5)) for x in range(length)] for i in range(n)])
    return weights / weights.sum(axis=1, keepdims=True)


@given(image=images, size=st.integers(1, 14))
@UNHURRIED
def test_resize_is_lanczos_with_the_local_mean_for_fill(image: np.ndarray, size: int) -> None:
    result = downsample(image, size, "resize")
    means = [[average(cell) for cell in row] for row in cells(image, result.shape)]
    assert (result > 0).tolist() == [[mean is not None for mean in row] for row in means]
    if result.shape == image.shape:
        return
    down, across = (windows(length, n) for length, n in zip(image.shape, result.shape, strict=True))
    for i, j in np.argwhere(result):
        filled = np.where(image > 0, image, float(means[i][j]))
        expected = np.clip(down[i] @ filled @ across[j], 1, np.iinfo(image.dtype).max)
        # half a level of rounding, and what rounding the weights does to extremes side by side
        assert abs(int(result[i, j]) - expected) <= 0.5 + 1.6e-4 * image.max() * (4 if image.dtype == np.uint8 else 1)


@pytest.mark.parametrize("method", METHODS)
@given(image=images, size=st.integers(1, 14), colour=st.integers(1, 255))
@UNHURRIED
def test_fill_never_bleeds_into_a_constant(method: str, image: np.ndarray, size: int, colour: int) -> None:
    image = np.where(image > 0, colour, 0).astype(image.dtype)
    assert set(np.unique(downsample(image, size, method))) <= {0, colour}


@pytest.mark.parametrize("method", METHODS)
@given(image=images, size=st.integers(1, 20))
@UNHURRIED
def test_aspect_is_kept_and_nothing_is_enlarged(method: str, image: np.ndarray, size: int) -> None:
    result = downsample(image, size, method)
    assert result.dtype == image.dtype
    assert max(result.shape) == min(size, max(image.shape))
    assert all(0 < small <= large for small, large in zip(result.shape, image.shape, strict=True))
    scale = max(image.shape) / max(result.shape)
    assert all(abs(n - max(1, length / scale)) <= 0.5 for n, length in zip(result.shape, image.shape, strict=True))
    if max(image.shape) <= size:
        np.testing.assert_array_equal(result, image)
        assert result is not image


@pytest.mark.parametrize(
    ("method", "filter_"), [("rescale", Image.Resampling.BOX), ("resize", Image.Resampling.LANCZOS)]
)
@pytest.mark.parametrize(("dtype", "factor"), [(np.uint8, 1), (np.uint16, 257)])
def test_inside_the_image_it_agrees_with_pillow(
    method: str, filter_: Image.Resampling, dtype: Any, factor: int, band7: np.ndarray
) -> None:
    image = band7.astype(dtype) * dtype(factor)
    expected = np.asarray(Image.fromarray(image.astype(np.float32)).resize((116, 116), filter_))
    found = downsample(image, 116, method)
    # half a level of rounding, and a fiftieth of one in 255
    assert np.abs(found - expected.clip(1, np.iinfo(dtype).max)).max() <= 0.5 + 0.02 * factor


@pytest.mark.parametrize("method", ["resize", "rescale"])
def test_wide_stripes_of_fill_leave_the_brightness_alone(method: str, band7: np.ndarray) -> None:
    image = band7[:340, :340]
    striped = image.copy()
    striped[np.arange(340) % 5 < 2] = 0
    whole, result = downsample(image, 34, method).astype(int), downsample(striped, 34, method).astype(int)
    assert result.all()
    assert abs(result.mean() - whole.mean()) < 0.5
    assert np.abs(result - whole).mean() < 5


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_brightest_value_does_not_overflow(method: str, dtype: Any) -> None:
    largest = np.iinfo(dtype).max
    assert (downsample(np.full((900, 1100), largest, dtype), 100, method) == largest).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_bright_ground_does_not_darken_where_fill_begins(method: str, dtype: Any) -> None:
    y, x = np.indices((700, 900))
    inside = (np.abs(0.97 * (x - 450) + 0.23 * (y - 350)) < 350) & (np.abs(0.97 * (y - 350) - 0.23 * (x - 450)) < 250)
    bright = int(0.9 * np.iinfo(dtype).max)
    noise = np.random.default_rng(0).integers(-(bright // 50), bright // 50, inside.shape, endpoint=True)
    result = downsample(np.where(inside, bright + noise, 0).astype(dtype), 128, method)
    valid = result[result > 0]
    assert abs(valid.mean() - bright) < bright / 500
    assert valid.min() > bright * 0.97  # no darker than the noise makes it


@pytest.mark.parametrize("method", ["resize", "rescale"])
def test_wide_images_are_summed_as_one_whatever_the_fill(method: str) -> None:
    # several blocks of samples: all valid, all fill, and both; the same pixels must not depend on which
    rng = np.random.default_rng(0)
    image = rng.integers(1, 255, (300, 5 * BLOCK_WIDTH + 37), np.uint8)
    image[:, BLOCK_WIDTH : 3 * BLOCK_WIDTH - 11] = 0
    image[100:200, 4 * BLOCK_WIDTH] = 0
    wide = downsample(image, 400, method)
    widened = downsample(image.astype(np.uint16), 400, method).clip(0, 255)  # summed in another precision
    assert np.abs(widened.astype(int) - wide).max() <= (method == "resize")  # whose weights are rounded otherwise
    flipped = downsample(image[::-1, ::-1], 400, method)[::-1, ::-1]
    assert np.abs(flipped.astype(int) - wide).max() <= 1  # halves are rounded up on either side


def test_sums_beyond_single_precision_are_exact() -> None:
    image = np.full((70_001, 2), 254, np.uint8)  # the sum of 70,001 weights of 3 exceeds 2**24
    image[::2] = 255
    assert downsample(image, 3, "rescale").tolist() == [[255], [255], [255]]  # of two columns one, as aspect demands
    image[35_000] = 254  # 254.5 now and then a hair below
    assert downsample(image, 1, "rescale").tolist() == [[254]]


def test_overshoot_never_makes_fill() -> None:
    image = np.ones((60, 60), np.uint8)
    image[:, 30:] = 255
    result = downsample(image, 12, "resize")
    assert result.min() == 1
    assert result.max() == 255


@pytest.mark.parametrize("method", METHODS)
def test_views_and_read_only_images_give_the_same_bytes(method: str) -> None:
    image = np.random.default_rng(1).integers(0, 255, (90, 120), np.uint8)
    expected = downsample(image.T.copy(), 32, method)
    image.flags.writeable = False
    np.testing.assert_array_equal(downsample(image.T, 32, method), expected)


@pytest.mark.parametrize("unit", [None, *LANCZOS_UNIT.values()])
@given(n=st.integers(1, 600), more=st.integers(0, 9000))
@UNHURRIED
def test_weights_add_up_and_lie_inside(unit: int | None, n: int, more: int) -> None:
    length = n + more
    result = lanczos_weights(length, n, unit) if unit else area_weights(length, n)
    assert (result.weights.sum(axis=1) == result.unit).all()
    assert (result.starts >= 0).all()
    assert (result.starts + result.weights.shape[1] <= length).all()
    if unit:  # what the units were chosen for
        assert result.unit == unit
        assert 255 * lanczos_weights(length, n, LANCZOS_UNIT["uint8"]).largest_sum < 2**24
        assert 65_535 * lanczos_weights(length, n, LANCZOS_UNIT["uint16"]).largest_sum ** 2 < 2**53
    else:  # every pixel is shared out exactly once
        shares = np.zeros(length, int)
        np.add.at(shares, result.starts[:, None] + np.arange(result.weights.shape[1]), result.weights)
        assert (shares == n).all()


def test_a_mask_is_true_where_half_of_it_is() -> None:
    mask = np.array([[1, 1, 0, 0], [0, 0, 0, 1]], bool)
    assert (downsample(mask.view(np.uint8), 2, "rescale") != 0).tolist() == [[True, False]]


@pytest.mark.parametrize(
    ("image", "size", "method", "message"),
    [
        (np.ones((4, 4), np.float32), 2, "resize", "float32"),
        (np.ones((1, 4, 4), np.uint8), 2, "resize", r"\(1, 4, 4\)"),
        (np.ones((0, 4), np.uint8), 2, "resize", r"\(0, 4\)"),
        (np.ones((4, 4), np.uint8), 0, "resize", "at least 1"),
        (np.ones((4, 4), np.uint8), 2, "nearest", "'nearest': use one of resize, rescale, sampling"),
    ],
)
def test_bad_input_is_named(image: Any, size: int, method: str, message: str) -> None:
    with pytest.raises(RasterError, match=message):
        downsample(image, size, method)
