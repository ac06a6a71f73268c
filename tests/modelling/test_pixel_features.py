"""Features of pixels: against loops in plain Python, and fill that changes nothing."""

from __future__ import annotations

import math
import statistics as plain
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from chips import stored_images
from hypothesis import given
from hypothesis import strategies as st

from mineral_pipeline.modelling import dataset
from mineral_pipeline.modelling.baselines import BASELINES
from mineral_pipeline.modelling.baselines import random_convolutions as convolutions
from mineral_pipeline.modelling.baselines import statistics as pixels
from mineral_pipeline.modelling.dataset import Samples

PIXEL_BASELINES = ("statistics", "random-convolutions")


def describe(name: str, images: np.ndarray) -> np.ndarray:
    """(image, feature) features of a baseline."""
    if name == "statistics":
        return pixels.describe(images).to_numpy()
    filters = convolutions.make_filters(images.shape[1])
    return np.stack([convolutions.describe(image, filters) for image in images])


def random_images(
    seed: int, dtype: str = "uint8", bands: int = 2, shape: tuple[int, int] = (13, 11), fill: float = 0.03
) -> np.ndarray:
    """Three images; some pixels of the second are fill, differently in each band."""
    rng = np.random.default_rng(seed)
    images = rng.integers(1, np.iinfo(dtype).max, (3, bands, *shape), dtype, endpoint=True)
    images[1][rng.random((bands, *shape)) < fill] = 0
    return images


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_statistics_are_those_of_plain_loops(dtype: str) -> None:
    images = random_images(0, dtype, fill=1 / 3)
    found = pixels.describe(images)
    white = np.iinfo(dtype).max
    for number, image in enumerate(images):
        bands = [{(y, x): int(v) / white for (y, x), v in np.ndenumerate(band) if v} for band in image]
        for band, values in enumerate(bands):
            expected = one_band(values)
            row = {key: found[f"{key} {band}"][number] for key in expected}
            assert row == pytest.approx(expected, rel=1e-4, abs=1e-6)
        expected = two_bands(*bands)
        assert {key: found[f"{key} 0-1"][number] for key in expected} == pytest.approx(expected, rel=1e-4, abs=1e-5)


def one_band(values: dict[tuple[int, int], float]) -> dict[str, float]:
    mean, deviation = plain.fmean(values.values()), plain.pstdev(values.values())
    slopes = []
    for y, x in product(range(1, 12), range(1, 10)):
        around = [values.get(place) for place in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1))]
        if None not in around:
            slopes.append(math.hypot(around[0] - around[1], around[2] - around[3]) / 2)
    found = {"mean": mean, "deviation": deviation}
    found |= {f"quantile {q}": float(np.percentile([*values.values()], q)) for q in (5, 25, 50, 75, 95)}
    found |= {f"gradient {q}": float(np.percentile(slopes, q)) for q in (50, 90, 99)}
    found["edges"] = plain.fmean(slope >= 0.5 * deviation for slope in slopes)
    for lag in (1, 2, 4, 8):
        pairs = [(at, (at[0] + lag * down, at[1] + lag * (1 - down))) for at in values for down in (0, 1)]
        squares = [(values[at] - values[to]) ** 2 for at, to in pairs if to in values]
        found[f"texture {lag}"] = math.sqrt(plain.fmean(squares))
    return found


def two_bands(a: dict[tuple[int, int], float], b: dict[tuple[int, int], float]) -> dict[str, float]:
    both = [(a[place], b[place]) for place in a if place in b]
    colours = [(one - other) / (one + other) for one, other in both]
    correlation = plain.correlation([one for one, _ in both], [other for _, other in both])
    return {
        "colour": plain.fmean(colours),
        "colour deviation": plain.pstdev(colours),
        "correlation": correlation,
    }


def test_responses_are_those_of_plain_loops() -> None:
    images = random_images(1, "uint16")
    filters = convolutions.make_filters(2)
    for image in images:
        found = convolutions.describe(image, filters)
        valid = (image > 0).all(axis=0)
        values = [image[band][valid] / 65535 for band in range(2)]
        expected = [plain.fmean(one) for one in values] + [plain.pstdev(one) for one in values]
        assert found[:4].tolist() == pytest.approx(expected, rel=1e-4)
        for number in (0, 100, 191):
            kernel = filters[:, number].reshape(2, 3, 3).tolist()
            above, below = [], []
            for y, x in product(range(11), range(9)):
                square = [(b, i, j) for b in range(2) for i in range(3) for j in range(3)]
                if all(valid[y + i, x + j] for _, i, j in square):
                    response = sum(
                        kernel[b][i][j] * (image[b, y + i, x + j] / 65535 - expected[b]) / expected[2 + b]
                        for b, i, j in square
                    )
                    above.append(max(response, 0))
                    below.append(max(-response, 0))
            means = plain.fmean(above), plain.fmean(below)
            assert found[[4 + number, 4 + 192 + number]].tolist() == pytest.approx(means, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("name", PIXEL_BASELINES)
@given(seed=st.integers(0, 99), padding=st.tuples(*[st.integers(0, 9)] * 4), bands=st.sampled_from([1, 3]))
def test_fill_around_an_image_changes_nothing(
    name: str, seed: int, padding: tuple[int, int, int, int], bands: int
) -> None:
    images = random_images(seed, bands=bands)
    top, bottom, left, right = padding
    padded = np.pad(images, ((0, 0), (0, 0), (top, bottom), (left, right)))
    np.testing.assert_allclose(describe(name, padded), describe(name, images), rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("name", PIXEL_BASELINES)
@pytest.mark.parametrize(("bands", "size"), [(1, 1), (1, 2), (7, 3), (2, 40), (1, 300)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_odd_images_give_numbers_or_nan(name: str, bands: int, size: int, dtype: str) -> None:
    """Fill, one pixel, black, white, noise: no warning, nothing infinite, and no two bands of one name."""
    top = np.iinfo(dtype).max
    images = np.zeros((5, bands, size, size), dtype)
    images[1, :, 0, 0], images[2], images[3] = 1, 1, top
    images[4] = np.random.default_rng(0).integers(0, top, images[4].shape, dtype)
    found = describe(name, images)
    assert found.shape[0] == 5
    assert not np.isinf(found).any()
    if name == "random-convolutions":
        assert np.isfinite(found).all()


def test_the_number_of_statistics_grows_with_the_bands() -> None:
    counts = {bands: pixels.describe(random_images(0, bands=bands)).shape[1] for bands in (1, 3, 7)}
    assert counts == {1: 15, 3: 3 * 15 + 3 * 3, 7: 7 * 15 + 21 * 3}


def test_a_large_chip_is_reduced_by_averaging() -> None:
    small = random_images(0, "uint8", 1, (100, 90))[1:2]
    large = small.repeat(3, axis=2).repeat(3, axis=3)
    np.testing.assert_allclose(
        describe("random-convolutions", large), describe("random-convolutions", small), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("name", PIXEL_BASELINES)
def test_features_do_not_depend_on_the_batch(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.concatenate([random_images(seed) for seed in range(25)])
    samples = Samples(stored_images(tmp_path, images), np.arange(75)[::-1], pd.DataFrame)
    whole = BASELINES[name].features(samples)
    monkeypatch.setattr(dataset, "PIXELS_AT_ONCE", 500)
    pd.testing.assert_frame_equal(BASELINES[name].features(samples), whole)
    np.testing.assert_allclose(whole.to_numpy(), describe(name, images[::-1]), rtol=1e-6)
    none = BASELINES[name].features(Samples(samples.images, np.arange(0), pd.DataFrame))
    assert list(none.columns) == list(whole.columns)
    assert len(none) == 0
