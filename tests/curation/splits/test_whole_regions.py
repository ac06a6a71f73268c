"""The split by regions: whole regions in test, blocks within the others in validation, one region a fold."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mineral_pipeline import curation, settings
from mineral_pipeline.curation.sampling_target import richness_target
from mineral_pipeline.curation.splits import regions
from mineral_pipeline.curation.splits.regions import _nearest_to
from mineral_pipeline.errors import DataError, SettingsError
from mineral_pipeline.learning import TEST, TRAIN, VALIDATION, Task

SIZES = {"ice": 40, "east": 120, "west": 100, "south": 60, "north": 30}
"""Locations of each region; on the ice there is no deposit."""


def make_chips(**sizes: int) -> gpd.GeoDataFrame:
    """Regions in bands of longitude that touch, of overlapping locations with one chip each."""
    region = np.repeat(list(sizes), list(sizes.values()))
    number = np.arange(len(region))
    lon, lat = -150 + 1.8 * (number // 10), 1.6 * (number % 10)
    deposits = np.where((number % 2 == 0) & (region != "ice"), 1 + number % 50, 0)
    return gpd.GeoDataFrame(
        {
            "chip_id": np.char.mod("chip-%03d", number), "scene_id": np.char.mod("scene-%03d", number),
            "location_id": np.char.mod("%06d", number), "chip_index": number, "lon": lon, "lat": lat,
            "n_deposits": deposits, "has_deposit": deposits > 0, "richness": np.log1p(deposits) / np.log(51),
            "brightness": 100.0, "image_sha256": "", "drop_reason": "", "region": region.astype(object),
        },
        geometry=shapely.box(lon - 1, lat - 0.9, lon + 1, lat + 0.9), crs="EPSG:4326",
    )  # fmt: skip


def curate(**changes: Any) -> settings.Curate:
    return settings.Curate.model_validate({"land": "-", "split": "regions", "block_size_km": 700, **changes})


def regions_by_subset(assignment: curation.SplitAssignment) -> list[set[str]]:
    return [set(assignment.locations.region[assignment.subset == subset]) for subset in (TRAIN, VALIDATION, TEST)]


def test_the_regions_of_the_settings_are_the_test_subset() -> None:
    chips = make_chips(**SIZES)
    found = curation.make_split(chips, curate(test_regions=["north", "south"]), 0)
    assert not found.is_like_others, "whole regions have a richness of their own"
    train, validation, test = regions_by_subset(found)
    assert test == {"north", "south"}
    assert train == {"ice", "east", "west"}
    assert validation <= train
    rest = found.subset != TEST
    assert (found.subset[rest] == VALIDATION).mean() == pytest.approx(0.2, abs=0.1)


def test_groups_are_blocks_within_regions() -> None:
    found = curation.make_split(make_chips(**SIZES), curate(test_regions=["east"]), 0)
    table = pd.DataFrame({"group": found.group, "region": found.locations.region, "subset": found.subset})
    assert (table.groupby("group")["region"].nunique() == 1).all()
    assert (table.groupby("group")["subset"].nunique() == 1).all()
    assert table["group"][table["subset"] == TEST].nunique() >= 4  # an interval needs several


def test_a_block_that_regions_share_is_cut_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    locations = curation.make_split(make_chips(a=4, b=4, c=4), curate(test_regions=["a"]), 0).locations
    blocks = np.array([0, 1, 2, 2] * 3)
    monkeypatch.setattr(regions, "turned_grids", lambda *_: [blocks])
    (group,) = regions.blocks_within_regions(locations, curate(), np.random.default_rng(0))
    shared = pd.DataFrame({"group": group, "region": locations.region, "block": blocks}).drop_duplicates()
    assert len(shared) == shared["group"].nunique() == 9


@pytest.mark.parametrize("task", ["presence", "richness"])
def test_no_subset_leaks_and_samples_tell_their_region(task: Task) -> None:
    chips, config = make_chips(**SIZES), curate(test_regions=["west"])
    samples = curation.select(chips, curation.make_split(chips, config, 0), task, config, 0)
    assert curation.measure_leakage(samples, chips[["lon", "lat"]].to_numpy(), 0.0)["area"] == 0
    assert (samples["drop_reason"] == "shares ground with another subset").any()
    assert samples["region"].tolist() == chips["region"].tolist()
    assert set(samples["region"][samples["subset"] == "test"]) == {"west"}
    summary = curation.summarise(samples, task, config, {})["regions"]
    assert set(summary) == set(SIZES)
    assert sum(summary["west"].values()) == SIZES["west"]
    assert summary["west"]["test"] == (samples["subset"] == "test").sum()
    assert summary["east"]["test"] == 0


def test_a_region_keeps_its_own_richness() -> None:
    """Training and validation are alike; the test region is poorer than all of them, and is taken as it is."""
    chips = make_chips(**SIZES)
    poor = chips["region"].eq("west") & chips["has_deposit"]
    chips.loc[poor, "n_deposits"] = 1
    chips["richness"] = np.log1p(chips["n_deposits"]) / np.log(51)
    chips.loc[~poor & chips["has_deposit"], "richness"] += 0.2
    config = curate(test_regions=["west"])
    samples = curation.select(chips, curation.make_split(chips, config, 0), "richness", config, 0)
    assert (samples["subset"] == "test").sum() == poor.sum() == SIZES["west"] / 2
    kept = samples[samples["subset"].isin(["train", "validation"])]
    means = kept.groupby("subset")["label"].mean()
    assert means["train"] == pytest.approx(means["validation"], abs=0.1)


def test_the_bins_of_richness_are_those_of_the_regions_that_are_not_tested() -> None:
    """Each location counts alike, however many chips it has."""
    chips = make_chips(**SIZES)
    chips.loc[chips["region"] == "west", "richness"] /= 50  # so that they would lie in one bin with the poorest
    again = chips[chips["richness"] > 0.8]
    chips = pd.concat([chips, again, again, again], ignore_index=True)
    config = curate(test_regions=["west"], richness_samples="positive")
    assignment = curation.make_split(chips, config, 0)
    target = richness_target(chips, assignment, "richness", config)
    assert target.proportions.sum() == pytest.approx(1)
    others = chips.assign(bin=target.stratum)[(chips["region"] != "west") & chips["has_deposit"]]
    counted = others.drop_duplicates("location_id")["bin"].value_counts(normalize=True).sort_index()
    assert target.proportions.tolist() == pytest.approx(counted.tolist())
    assert len(counted) > 1
    assert counted.max() < 1.5 * counted.min(), "quantiles divide the locations evenly"


def test_without_names_the_nearest_share_is_tested() -> None:
    train, _, test = regions_by_subset(curation.make_split(make_chips(**SIZES), curate(test_fraction=0.2), 0))
    assert test
    assert test.isdisjoint(train)
    assert test <= {"south", "north"}, "20 % of the locations with and without deposits"


@given(
    hnp.arrays(float, st.tuples(st.integers(2, 7), st.integers(1, 4)), elements=st.floats(0, 1)), st.floats(0.01, 0.99)
)
def test_some_regions_are_tested_but_never_all(shares: np.ndarray, fraction: float) -> None:
    chosen = _nearest_to(shares, fraction)
    assert 1 <= len(set(chosen)) == len(chosen) < len(shares)
    # No single region would have been nearer, nor a subset of those chosen in their order.
    distance = [
        ((shares[list(some)].sum(axis=0) - fraction) ** 2).sum() for some in combinations(range(len(shares)), 1)
    ]
    assert ((shares[chosen].sum(axis=0) - fraction) ** 2).sum() <= min(distance) + 1e-12


def test_each_region_is_a_fold_and_what_cannot_be_tested_alone_joins_another() -> None:
    chips = make_chips(**SIZES)
    folds = curation.make_folds(chips, curate(folds=4), 0)
    tested = [regions_by_subset(fold)[2] for fold in folds]
    assert tested == [{"east"}, {"west"}, {"south"}, {"north", "ice"}]
    assert (np.sum([fold.subset == TEST for fold in folds], axis=0) == 1).all()
    for fold in folds:
        for task in ("presence", "richness"):
            samples = curation.select(chips, fold, task, curate(folds=4), 0)
            assert curation.measure_leakage(samples, np.empty((0, 2)), 0.0)["area"] == 0


def test_fewer_folds_take_several_regions() -> None:
    folds = curation.make_folds(make_chips(**SIZES), curate(folds=2), 0)
    assert [(fold.subset == TEST).sum() for fold in folds] == [190, 160]
    assert [regions_by_subset(fold)[2] for fold in folds] == [{"east", "north", "ice"}, {"west", "south"}]


def test_what_cannot_be_divided_is_refused_with_the_counts() -> None:
    chips = make_chips(**SIZES)
    with pytest.raises(SettingsError, match=r"curate\.folds: 5 folds, but only 4 regions .*ice: 40 locations, 0 with"):
        curation.make_folds(chips, curate(folds=5), 0)
    with pytest.raises(SettingsError, match="only 3 regions"):
        curation.make_folds(chips, curate(folds=4, min_locations={"test": 16}), 0)
    with pytest.raises(
        DataError, match=r"at least two regions with locations: no region: 60 locations, 30 with deposi"
    ):
        curation.make_split(make_chips(x=60).assign(region=""), curate(), 0)
    with pytest.raises(DataError, match=r"curate\.test_regions: no usable location lies in Europe: .*ice: 40"):
        curation.make_split(chips, curate(test_regions=["east", "Europe"]), 0)
    config, chips = curate(test_regions=["east", "ice"]), make_chips(ice=10, east=20)
    everything = curation.make_split(chips, config, 0)
    with pytest.raises(DataError, match=r"train has 0 locations .*curate\.test_regions"):
        curation.select(chips, everything, "presence", config, 0)


def test_locations_in_no_region_are_one_of_their_own() -> None:
    chips = make_chips(**SIZES)
    chips["region"] = chips["region"].replace({"ice": ""})
    assert {""} < regions_by_subset(curation.make_folds(chips, curate(folds=4), 0)[3])[2]
