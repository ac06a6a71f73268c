"""Blocks of equal area, and sides that get their due of every stratum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mineral_pipeline import geometry
from mineral_pipeline.curation.splits import blocks

SHARES = np.array([0.64, 0.16, 0.2])


def uniform_on_the_sphere(n: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(n, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("block_size_km", [1000, 2500, 8000])
def test_blocks_have_equal_areas_of_the_wanted_size(block_size_km: float) -> None:
    vectors = uniform_on_the_sphere(400_000)
    counts = np.bincount(blocks.equal_area_blocks(vectors, block_size_km))
    expected = len(vectors) / len(counts)
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)
    earth = 4 * np.pi * geometry.EARTH_RADIUS_KM**2
    assert earth / len(counts) == pytest.approx(block_size_km**2, rel=0.07)


def test_blocks_are_compact() -> None:
    vectors = uniform_on_the_sphere(50_000)
    block = blocks.equal_area_blocks(vectors, 1000)
    for number in np.unique(block):
        members = vectors[block == number]
        middle = members.mean(axis=0) / np.linalg.norm(members.mean(axis=0))
        reach = np.arccos(np.clip(members @ middle, -1, 1)).max() * geometry.EARTH_RADIUS_KM
        assert reach < 1100  # a square's corner would be 707 km from its middle


@given(st.floats(1, 40_000))
def test_poles_and_antimeridian_have_a_block(block_size_km: float) -> None:
    points = geometry.unit_vectors([(0, 90), (0, -90), (180, 0), (-180, 0), (-1e-15, 0), (0, 0)])
    block = blocks.equal_area_blocks(points, block_size_km)
    assert (block >= 0).all()
    assert block[2] == pytest.approx(block[3], abs=1)


def test_every_side_gets_its_due_of_every_stratum() -> None:
    rng = np.random.default_rng(1)
    block, strata = rng.integers(0, 300, 4000), rng.integers(0, 4, 4000)
    side = blocks.assign(block, strata, SHARES, rng)
    for stratum in range(4):
        shares = np.bincount(side[strata == stratum], minlength=3) / (strata == stratum).sum()
        np.testing.assert_allclose(shares, SHARES, atol=0.02)
    assert all(len(np.unique(side[block == number])) == 1 for number in range(300))


def test_buckets_are_divided_one_by_one() -> None:
    strata = np.repeat([0, 1], 500)
    split = blocks.split_buckets(strata, SHARES, np.random.default_rng(0))
    assert len(np.unique(split.block)) == 1000
    assert np.bincount(split.subset).tolist() == pytest.approx((1000 * SHARES).tolist(), abs=2)


def test_places_that_share_ground() -> None:
    pairs = np.array([[0, 1], [1, 2], [3, 4]])
    found = blocks.overlapping(pairs, np.array([True, False, False, False, True]))
    assert found.tolist() == [False, True, False, True, False]


def test_the_grid_that_cuts_least_is_taken() -> None:
    """Twelve islands of 3 x 3 places each: some grid of the many leaves nearly all of them whole."""
    centres = geometry.unit_vectors(
        [
            (lon + dx, lat + dy)
            for lon in range(0, 360, 60)
            for lat in (-30, 30)
            for dx in (0, 1.6, 3.2)
            for dy in (0, 1.6, 3.2)
        ]
    )
    near = np.linalg.norm(centres[:, None] - centres, axis=2) < np.radians(2.5)
    pairs = np.argwhere(np.triu(near, 1))
    strata = np.tile([0, 1], 54)
    split = blocks.split_blocks(centres, strata, pairs, SHARES, 2500, np.random.default_rng(0))
    assert blocks.outside_buffer(split.subset, pairs).mean() > 0.9
    np.testing.assert_allclose(np.bincount(split.subset) / 108, SHARES, atol=0.1)
    again = blocks.split_blocks(centres, strata, pairs, SHARES, 2500, np.random.default_rng(0))
    np.testing.assert_array_equal(again.subset, split.subset)
