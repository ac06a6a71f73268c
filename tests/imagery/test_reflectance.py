"""Digital numbers as packed reflectance, number by number."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from affine import Affine

from mineral_pipeline.imagery import Raster, downsample, to_reflectance


def raster(pixels: np.ndarray) -> Raster:
    return Raster(pixels, Affine.identity(), None)


@pytest.mark.parametrize(
    ("dtype", "gain", "offset"),
    [("uint8", 0.0025, -0.008), ("uint8", 0.05, -0.5), ("uint16", 2e-5, -0.1), ("uint16", 2.3e-4, -0.25)],
)
def test_every_number_is_packed_as_the_contract_says(dtype: str, gain: float, offset: float) -> None:
    numbers = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)
    packed = to_reflectance(raster(numbers[None]), gain, offset).pixels[0]
    assert packed.dtype == np.uint16
    assert packed[0] == 0, "fill stays fill"
    for number in [1, 2, 3, *range(7, len(numbers), len(numbers) // 251), len(numbers) - 1]:
        exact = 10_000 * (Fraction(gain) * number + Fraction(offset)) + 1_001
        assert abs(int(packed[number]) - min(max(exact, 1), 65_535)) <= Fraction(1, 2) + Fraction(1, 10**6), number
    assert packed[1:].min() >= 1
    assert (np.diff(packed[1:].astype(int)) >= 0).all()


def test_an_average_keeps_what_lies_between_two_digital_numbers() -> None:
    """Half of the pixels are one number brighter: converted first, the chip tells."""
    numbers = np.full((8, 8), 100, "uint8")
    numbers[:, ::4] += 1
    gain = 0.0025
    first = downsample(to_reflectance(raster(numbers), gain, 0).pixels, 2, "rescale")
    last = to_reflectance(raster(downsample(numbers, 2, "rescale")), gain, 0).pixels
    truth = 10_000 * gain * 100.25 + 1_001
    assert np.abs(first - truth).max() <= 1
    assert np.abs(last - truth).min() > 6
    flat = np.full((8, 8), 100, "uint8")
    for method in ("sampling", "rescale", "resize"):
        a = downsample(to_reflectance(raster(flat), gain, 0).pixels, 2, method)
        b = to_reflectance(raster(downsample(flat, 2, method)), gain, 0).pixels
        np.testing.assert_array_equal(a, b)
