"""Splits by name, and a new one that is registered from outside of the package."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import geopandas as gpd
import numpy as np
import pytest
import shapely

from mineral_pipeline import curation, geometry, settings
from mineral_pipeline.curation.splits import SPLITS, Locations, Split, register
from mineral_pipeline.errors import SettingsError
from mineral_pipeline.learning import TEST

REGIONS = np.array([(-150, 0), (-90, 30), (-30, -40), (30, 0), (90, 50), (150, -20)])
"""Centres of regions; a location belongs to the nearest."""


def make_chips() -> gpd.GeoDataFrame:
    """A band of overlapping locations round the Earth, one chip each."""
    lon, lat = (grid.ravel().astype(float) for grid in np.meshgrid(np.arange(-180, 180, 4), np.arange(-6, 7, 4)))
    number = np.arange(len(lon))
    deposits = np.where(number % 3 == 0, 0, 1 + number % 50)
    return gpd.GeoDataFrame(
        {
            "chip_id": np.char.mod("chip-%03d", number), "scene_id": np.char.mod("scene-%03d", number),
            "location_id": np.char.mod("%06d", number), "chip_index": number, "lon": lon, "lat": lat,
            "n_deposits": deposits, "has_deposit": deposits > 0, "richness": np.log1p(deposits) / np.log(51),
            "brightness": 100.0, "image_sha256": "", "drop_reason": "", "region": "",
        },
        geometry=shapely.box(lon - 2.1, lat - 2.1, lon + 2.1, lat + 2.1), crs="EPSG:4326",
    )  # fmt: skip


def curate(split: str) -> settings.Curate:
    return settings.Curate.model_validate({"land": "-", "split": split, "folds": 3})


def by_region(locations: Locations, config: settings.Curate, rng: np.random.Generator) -> Sequence[np.ndarray]:
    return [np.argmax(locations.centres @ geometry.unit_vectors(REGIONS).T, axis=1)]


@pytest.fixture
def octants() -> Iterator[str]:
    """The name of a split of our own, with a buffer."""
    register(Split("octants", by_region, buffered=True))
    yield "octants"
    SPLITS.unregister("octants")


def test_a_new_split_divides_by_its_groups(octants: str) -> None:
    chips = make_chips()
    found = curation.make_split(chips, curate(octants), 0)
    nearest = by_region(found.locations, curate(octants), np.random.default_rng())[0]
    np.testing.assert_array_equal(found.group, nearest)
    assert set(found.subset) == {0, 1, 2}
    assert all(len(np.unique(found.subset[nearest == region])) == 1 for region in range(len(REGIONS)))
    samples = curation.select(chips, found, "presence", curate(octants), 0)
    assert (samples["drop_reason"] == "shares ground with another subset").any()
    assert curation.measure_leakage(samples, np.empty((0, 2)), 0.0)["area"] == 0
    np.testing.assert_array_equal(samples["group"], nearest)


def test_a_new_split_makes_folds(octants: str) -> None:
    folds = curation.make_folds(make_chips(), curate(octants), 0)
    assert [found.fold for found in folds] == [0, 1, 2]
    assert (sum((found.subset == TEST).astype(int) for found in folds) == 1).all()
    for found in folds:
        assert all(len(np.unique(found.subset[found.group == region])) == 1 for region in range(len(REGIONS)))


def test_without_a_buffer_overlapping_locations_stay(octants: str) -> None:
    chips = make_chips()
    register(Split("leaky-octants", by_region, buffered=False))
    try:
        found = curation.make_split(chips, curate("leaky-octants"), 0)
    finally:
        SPLITS.unregister("leaky-octants")
    samples = curation.select(chips, found, "presence", curate("leaky-octants"), 0)
    assert not (samples["drop_reason"] == "shares ground with another subset").any()
    assert curation.measure_leakage(samples, np.empty((0, 2)), 0.0)["area"] > 0


def test_buckets_are_divided_one_by_one() -> None:
    found = curation.make_split(make_chips(), curate("buckets"), 0)
    assert found.is_like_others
    assert len(np.unique(found.group)) == len(found.locations.ids) == 360
    assert len(found.locations.pairs) == 0


def test_an_unknown_split_names_the_setting_and_the_known_splits() -> None:
    for refused in (
        lambda: curation.find_split("continents"),
        lambda: curation.make_split(make_chips(), curate("continents"), 0),
        lambda: curation.make_folds(make_chips(), curate("continents"), 0),
    ):
        with pytest.raises(SettingsError, match=r"curate\.split: unknown split 'continents': .*blocks, buckets"):
            refused()
