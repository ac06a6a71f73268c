"""Which chips a task learns from, on a planet of islands whose neighbouring footprints overlap."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from mineral_pipeline import curation, settings
from mineral_pipeline.curation import sampling
from mineral_pipeline.errors import DataError

VISITS = 2
OUTLINE = np.array([(-1, -0.85), (0.9, -0.95), (1, 0.85), (-0.9, 0.95)])


def islands(seed: int = 0, islands: int = 16, edge: int = 3) -> gpd.GeoDataFrame:
    """Chips of ``islands`` x ``edge`` x ``edge`` places, visited `VISITS` times; neighbours overlap by a tenth."""
    rng = np.random.default_rng(seed)
    rows = []
    for island in range(islands):
        lon, lat = -170 + 42 * (island % 8), (-35, 20)[island // 8]
        for number in range(edge * edge):
            x, y = lon + 1.8 * (number % edge), lat + 1.6 * (number // edge)
            n_deposits = int(rng.integers(1, 200)) if rng.random() < 0.6 else 0
            for visit in range(VISITS):
                dx, dy = rng.normal(0, 0.03, 2)
                ring = OUTLINE + np.array([x + dx, y + dy])
                rows.append(
                    {
                        "product_id": f"LT04_{island}_{number}_{visit}",
                        "location_id": f"{island + 1:03d}{number + 1:03d}",
                        "lon": x + dx,
                        "lat": y + dy,
                        "n_deposits": n_deposits,
                        "has_deposit": n_deposits > 0,
                        "richness": np.log1p(n_deposits) / np.log(200),
                        "brightness": float(rng.uniform(20, 200)),
                        "geometry": shapely.Polygon(ring),
                        "drop_reason": "",
                    }
                )
    return gpd.GeoDataFrame(rows, crs="EPSG:4326").reset_index(names="chip")


def curate(**changes: Any) -> settings.Curate:
    return settings.Curate.model_validate({"land": "land.geojson", "block_size_km": 2000, **changes})


def choose(chips: gpd.GeoDataFrame, task: settings.Task, seed: int = 0, **changes: Any) -> gpd.GeoDataFrame:
    wanted = curate(**changes)
    return curation.select(chips, curation.make_split(chips, wanted, seed), task, wanted, seed)


def shared_km2(samples: gpd.GeoDataFrame, side: str, other: str) -> float:
    """Ground that two sides share, in a gnomonic plane around every footprint of ``subset``, by pyproj and shapely."""
    theirs = samples[samples["subset"] == other]
    total = 0.0
    for row in samples[samples["subset"] == side].itertuples():
        near = theirs[(np.abs((theirs["lon"] - row.lon + 180) % 360 - 180) < 4) & (np.abs(theirs["lat"] - row.lat) < 3)]
        if len(near):
            plane = pyproj.Proj(proj="gnom", lat_0=row.lat, lon_0=row.lon, R=6371.0088)
            own, *others = shapely.transform([row.geometry, *near.geometry], plane, interleaved=False)
            total += float(shapely.intersection(own, shapely.union_all(others)).area)
    return total


@pytest.mark.parametrize("task", curation.selection.TASKS)
@pytest.mark.parametrize("seed", [0, 1])
def test_sides_share_no_ground(task: settings.Task, seed: int) -> None:
    samples = choose(
        islands(seed, edge=4), task, seed, block_size_km=700
    )  # smaller than an island: the guard has work to do
    assert (samples["drop_reason"] == "shares ground with another side").any()
    assert (samples.groupby("location_id")["subset"].nunique() <= 2).all()  # one side, or dropped
    for side, other in (("test", "train"), ("test", "validation"), ("validation", "train")):
        assert shared_km2(samples, side, other) == 0


def test_the_study_splits_by_buckets_and_leaks() -> None:
    samples = choose(islands(), "presence", split="buckets")
    assert not (samples["drop_reason"] == "shares ground with another side").any()
    assert shared_km2(samples, "test", "train") > 1000
    by_side = samples[samples["subset"] != "dropped"].groupby("location_id")["subset"].nunique()
    assert (by_side == 1).all()


def test_test_places_are_never_dropped_for_the_others() -> None:
    chips = islands(edge=4)
    wanted = curate(block_size_km=700)
    division = curation.make_split(chips, wanted, 0)
    samples = curation.select(chips, division, "presence", wanted, 0)
    in_test = samples["location_id"].isin(division.buckets[division.subset == 2])
    assert in_test.any()
    assert set(samples.loc[in_test, "drop_reason"]) <= {"", "surplus of its class"}


def test_both_tasks_have_the_same_division() -> None:
    chips = islands()
    presence, richness = (choose(chips, task).set_index("chip")["subset"] for task in ("presence", "richness"))
    both = (presence != "dropped") & (richness != "dropped")
    assert both.any()
    assert (presence[both] == richness[both]).all()


@pytest.mark.parametrize("split", ["blocks", "buckets"])
def test_presence_is_balanced_on_every_side(split: str) -> None:
    samples = choose(islands(), "presence", split=split)
    kept = samples[samples["subset"] != "dropped"]
    assert kept.groupby("subset")["label"].mean().to_dict() == {"train": 0.5, "validation": 0.5, "test": 0.5}
    shares = kept.groupby("subset")["location_id"].nunique() / kept["location_id"].nunique()
    assert shares["test"] == pytest.approx(0.2, abs=0.09)
    assert shares["validation"] == pytest.approx(0.16, abs=0.09)


def test_surplus_goes_round_robin_and_the_clearest_stay() -> None:
    samples = choose(islands(), "presence")
    for (_, _), rows in samples[samples["drop_reason"].isin(["", "surplus of its class"])].groupby(["block", "label"]):
        for _, place in rows.groupby("location_id"):
            kept = place["subset"] != "dropped"
            assert (
                place.loc[kept, "brightness"].max() <= place.loc[~kept, "brightness"].min()
                or kept.all()
                or not kept.any()
            )
    chosen = samples[samples["subset"] == "train"].groupby(["label", "location_id"]).size()
    for label in (0.0, 1.0):
        dropped = samples["drop_reason"].eq("surplus of its class") & samples["label"].eq(label)
        if dropped.any():
            assert chosen[label].max() - chosen[label].min() <= 1


def test_chips_per_bucket_takes_the_clearest() -> None:
    chips = islands()
    samples = choose(chips, "presence", max_chips_per_location=1)
    kept = samples[samples["subset"] != "dropped"]
    assert kept["location_id"].is_unique
    darkest = chips.loc[chips.groupby("location_id")["brightness"].idxmin(), "chip"]
    assert set(kept["chip"]) <= set(darkest)


def test_a_place_whose_chips_disagree_is_dropped_from_presence_only() -> None:
    chips = islands()
    place = chips.loc[chips["has_deposit"], "location_id"].iloc[0]
    first = chips.index[chips["location_id"] == place][0]
    chips.loc[first, ["n_deposits", "has_deposit", "richness"]] = [0, False, 0.0]
    presence, richness = choose(chips, "presence"), choose(chips, "richness")
    assert (presence.loc[presence["location_id"] == place, "drop_reason"] == "mixed labels in its place").all()
    assert (presence["drop_reason"] == "mixed labels in its place").sum() == VISITS
    assert richness["drop_reason"].eq("no known deposit")[first]
    assert richness["drop_reason"].eq("no known deposit").sum() == (chips["n_deposits"] == 0).sum()


def test_ambiguous_chips_are_dropped_from_presence_only() -> None:
    chips = islands()
    chips["is_ambiguous"] = chips["has_deposit"] & (chips["chip"] % 10 < 2)
    presence, richness = choose(chips, "presence"), choose(chips, "richness")
    assert (presence.loc[chips["is_ambiguous"], "drop_reason"] == "too few deposits to be sure").all()
    assert (presence["drop_reason"] == "too few deposits to be sure").sum() == chips["is_ambiguous"].sum()
    assert not (presence["drop_reason"] == "mixed labels in its place").any()
    assert (richness.loc[chips["is_ambiguous"], "subset"] != "dropped").any()


@pytest.mark.parametrize("which", ["positive", "all"])
def test_richness_sides_have_nearly_the_same_distribution(which: str) -> None:
    chips = islands(edge=6)
    samples = choose(chips, "richness", richness_samples=which, block_size_km=1500)
    assert (samples.loc[samples["subset"] != "dropped", "n_deposits"] > 0).all() == (which == "positive")
    wanted = curate(richness_samples=which, block_size_km=1500)
    leak = curation.measure_leakage(samples, np.empty((0, 2)), 0)
    distance = curation.summarise(samples, "richness", wanted, leak)["distance"]
    assert distance["train-test"] < 0.15
    assert distance["train-validation"] < 0.2
    labels = {side: np.sort(rows["label"]) for side, rows in samples.groupby("subset")}
    # between two samples, the mean distance of their quantiles
    at = (np.arange(20_000) + 0.5) / 20_000
    train, test = (np.quantile(labels[side], at, method="inverted_cdf") for side in ("train", "test"))
    assert distance["wasserstein"]["train-test"] == pytest.approx(np.abs(train - test).mean(), abs=1e-3)


def test_samples_are_numbered_and_weighted_by_side() -> None:
    samples = choose(islands(), "presence")
    for side, rows in samples.groupby("subset"):
        if side == "dropped":
            assert (rows["sample"] == -1).all()
            assert (rows["weight"] == 0).all()
            assert (rows["drop_reason"] != "").all()
            continue
        assert sorted(rows["sample"]) == list(range(len(rows)))
        assert (np.diff(rows["sample"]) != 1).any()  # in random order
        assert rows["weight"].mean() == pytest.approx(1)
        by_place = rows.groupby(["label", "location_id"])["weight"].sum()
        assert by_place[0.0].sum() == pytest.approx(by_place[1.0].sum())
        assert by_place[1.0].max() == pytest.approx(by_place[1.0].min())


def test_the_seed_decides() -> None:
    chips = islands()
    pd.testing.assert_frame_equal(choose(chips, "presence", 3), choose(chips, "presence", 3))
    assert not choose(chips, "presence", 3)["subset"].equals(choose(chips, "presence", 4)["subset"])


@given(st.lists(st.integers(0, 60), min_size=1, max_size=6), st.integers(0, 2**32 - 1), st.floats(0, 0.3))
def test_quotas(available: list[int], seed: int, tolerance: float) -> None:
    counts = np.array(available)
    proportions = np.random.default_rng(seed).dirichlet(np.full(len(counts), 3.0))
    quotas = sampling.stratum_quotas(counts, proportions, tolerance)
    assert (quotas <= counts).all()
    if quotas.sum() > 10 * len(counts):
        excess = np.maximum(quotas / quotas.sum() - proportions, 0).sum()
        assert excess <= tolerance / (1 - tolerance) + len(counts) / quotas.sum()


def test_equal_quotas_keep_all_of_the_smaller_class() -> None:
    assert sampling.stratum_quotas(np.array([7, 31]), np.array([0.5, 0.5]), 0).tolist() == [7, 7]


def test_one_class_only() -> None:
    chips = islands().assign(n_deposits=3, has_deposit=True, richness=0.5)
    with pytest.raises(DataError, match="presence: one class only: each of the 144 usable places has a deposit"):
        choose(chips, "presence")
    assert (choose(chips, "richness")["subset"] != "dropped").any()
    barren = chips.assign(n_deposits=0, has_deposit=False, richness=0.0)
    with pytest.raises(DataError, match="has no deposit"):
        choose(barren, "presence")
    with pytest.raises(DataError, match="richness: no usable chip has a deposit"):
        choose(barren, "richness")


def test_too_few_places_names_the_side_the_class_and_the_counts() -> None:
    with pytest.raises(
        DataError, match=r"presence: test has \d+ places of class 0 and needs 99 .*curate\.min_locations"
    ) as caught:
        choose(islands(), "presence", min_locations={"test": 99})
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match=r"richness: validation has \d+ places of class all and needs 200"):
        choose(islands(), "richness", min_locations={"validation": 200})


def test_places_at_sea_are_dropped() -> None:
    chips = islands()
    places = curation.find_locations(chips)
    assert len(places) == 144
    left = curation.drop_locations(chips, places["location_id"][:3], "over the ocean")
    assert (left["drop_reason"] == "over the ocean").sum() == 3 * VISITS
    samples = choose(left, "presence")
    assert (samples.loc[samples["drop_reason"] == "over the ocean", "block"] == -1).all()
    with pytest.raises(DataError, match="no place is left"):
        curation.drop_locations(chips, places["location_id"], "over the ocean")
