"""Blocks of equal area, and the grid that is taken of the many."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from mineral_pipeline import geometry, settings
from mineral_pipeline.curation.splits import assignment, blocks


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
        centre = members.mean(axis=0) / np.linalg.norm(members.mean(axis=0))
        radius = np.arccos(np.clip(members @ centre, -1, 1)).max() * geometry.EARTH_RADIUS_KM
        assert radius < 1100  # a square's corner would be 707 km from its centre


@given(st.floats(1, 40_000))
def test_poles_and_antimeridian_have_a_block(block_size_km: float) -> None:
    points = geometry.unit_vectors([(0, 90), (0, -90), (180, 0), (-180, 0), (-1e-15, 0), (0, 0)])
    block = blocks.equal_area_blocks(points, block_size_km)
    assert (block >= 0).all()
    assert block[2] == pytest.approx(block[3], abs=1)


def test_the_grid_that_cuts_least_is_taken() -> None:
    """Twelve islands of 3 x 3 locations each: some grid of the many leaves nearly all of them whole."""
    centres = np.array(
        [
            (lon + dx, lat + dy)
            for lon in range(0, 360, 60)
            for lat in (-30, 30)
            for dx in (0, 1.6, 3.2)
            for dy in (0, 1.6, 3.2)
        ]
    )
    lon, lat = centres.T
    chips = gpd.GeoDataFrame(
        {"location_id": np.arange(108).astype(str), "lon": lon, "lat": lat, "richness": np.tile([0, 1], 54)},
        geometry=shapely.box(lon - 0.9, lat - 0.9, lon + 0.9, lat + 0.9), crs="EPSG:4326",
    ).assign(drop_reason="", region="")  # fmt: skip
    config = settings.Curate.model_validate({"land": "-", "block_size_km": 2500})
    found = assignment.make_split(chips, config, 0)
    assert found.is_like_others
    assert len(found.locations.pairs) == 12 * 20  # of 3 x 3 locations, diagonal neighbours included
    assert assignment.outside_buffer(found.subset, found.locations.pairs).mean() > 0.9
    np.testing.assert_allclose(np.bincount(found.subset) / 108, [0.64, 0.16, 0.2], atol=0.1)
    again = assignment.make_split(chips, config, 0)
    np.testing.assert_array_equal(again.subset, found.subset)
