"""Splits of footprints that come from anywhere, measured against areas in a cylindrical equal-area projection."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_pipeline.curation import chips_by_batch, measure_split, split_footprints
from mineral_pipeline.errors import DataError

EQUAL_AREA = "ESRI:54034"


def boxes(random: np.random.Generator, count: int) -> gpd.GeoDataFrame:
    """Small boxes about the equator, where edges along great circles are those along parallels."""
    west, south = random.uniform(0, 1, (2, count))
    east, north = west + random.uniform(0.1, 0.4, count), south + random.uniform(0.1, 0.4, count)
    return gpd.GeoDataFrame(geometry=shapely.box(west, south, east, north), crs="EPSG:4326")


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_a_split_is_measured_as_by_an_equal_area_projection(seed: int) -> None:
    random = np.random.default_rng(seed)
    table = boxes(random, 9).assign(subset=[*"aabbb", "dropped", *"aab"], place=[*"xyxyzxyzx"])
    table.loc[5, "geometry"] = None  # what is dropped need not be anywhere
    deposits = random.uniform(0, 1.3, (40, 2))
    deposits[3] = np.nan
    found = measure_split(table, "subset", deposits, "place").set_index(["subset", "other"])
    flat = table.to_crs(EQUAL_AREA)
    for one, other in (("a", "b"), ("b", "a")):
        ground = flat[flat["subset"] == one].dissolve("place").geometry
        shared = ground.intersection(flat[flat["subset"] == other].union_all())
        row = found.loc[(one, other)]
        assert row["area"] == pytest.approx(shared.area.sum() / ground.area.sum(), abs=1e-4)
        assert row["worst"] == pytest.approx((shared.area / ground.area).max(), abs=1e-4)
        assert row["locations"] == (shared.area > 0).mean()
        inside = [
            shapely.contains_xy(table.geometry[table["subset"] == name].union_all(), deposits) for name in (one, other)
        ]
        assert row["deposits"] == (inside[0] & inside[1]).sum()
    assert (measure_split(table, location="place")["deposits"] == 0).all()


def test_a_split_of_one_subset_is_refused_by_its_name() -> None:
    table = boxes(np.random.default_rng(0), 3)
    for subsets, named in ((["train", "dropped", "train"], "train"), (["dropped"] * 3, "no subset")):
        with pytest.raises(DataError, match=f"column subset names {named} only: a split has several"):
            measure_split(table.assign(subset=subsets))


def test_the_first_row_without_a_richness_is_named() -> None:
    table = boxes(np.random.default_rng(0), 4)
    for values in ([1, -0.5, 2, -3], [0, float("nan"), 1, 1], [0, "rich", 1, 1]):
        with pytest.raises(DataError, match="column known must hold numbers from 0: row 1 does not"):
            split_footprints(table.assign(known=values), richness="known")


def test_a_series_is_divided_too_and_nothing_else_is() -> None:
    table = gpd.GeoDataFrame(geometry=[shapely.box(3 * k, 0, 3 * k + 1, 1) for k in range(30)], crs="EPSG:4326")
    subsets = split_footprints(table.geometry, seed=1)
    pd.testing.assert_series_equal(subsets, split_footprints(table, seed=1))
    assert set(subsets) <= {"train", "validation", "test"}
    wrong: Any
    for wrong in (table.geometry.to_numpy(), pd.DataFrame(table), None):
        with pytest.raises(DataError, match="footprints must be a GeoDataFrame or a GeoSeries, not a"):
            split_footprints(wrong)


@pytest.mark.parametrize(("batch_size", "sizes"), [(3, [3, 3, 1]), (7, [7]), (9, [7]), (1, [1] * 7)])
def test_batches_hold_the_samples_of_a_subset_in_order(batch_size: int, sizes: list[int]) -> None:
    order = np.random.default_rng(0).permutation(7)
    rows = {"subset": "train", "sample": order, "chip_index": 100 + order, "image_sha256": [f"sha-{k}" for k in order]}
    other = {"subset": "test", "sample": [0], "chip_index": [5], "image_sha256": ["sha"]}
    samples = gpd.GeoDataFrame(pd.concat([pd.DataFrame(rows), pd.DataFrame(other)], ignore_index=True))
    batches = chips_by_batch(samples, "train", batch_size)
    assert [len(batch) for batch in batches] == sizes
    assert [chip for batch in batches for chip in batch] == [(100 + k, f"sha-{k}") for k in range(7)]
    assert chips_by_batch(samples, "validation", batch_size) == []
