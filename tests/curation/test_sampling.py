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
from mineral_pipeline.learning import TASKS, Task

VISITS = 2
OUTLINE = np.array([(-1, -0.85), (0.9, -0.95), (1, 0.85), (-0.9, 0.95)])


def islands(seed: int = 0, islands: int = 16, edge: int = 3) -> gpd.GeoDataFrame:
    """Chips of ``islands`` x ``edge`` x ``edge`` locations, `VISITS` of each; neighbours overlap by a tenth."""
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
                        "chip_id": f"LT04_{island}_{number}_{visit}",
                        "scene_id": f"LT04_{island}_{number}_{visit}",
                        "location_id": f"{island + 1:03d}{number + 1:03d}",
                        "lon": x + dx,
                        "lat": y + dy,
                        "n_deposits": n_deposits,
                        "has_deposit": n_deposits > 0,
                        "richness": np.log1p(n_deposits) / np.log(200),
                        "brightness": float(rng.uniform(20, 200)),
                        "image_sha256": "",
                        "geometry": shapely.Polygon(ring),
                        "drop_reason": "",
                        "region": "",
                    }
                )
    return gpd.GeoDataFrame(rows, crs="EPSG:4326").reset_index(names="chip_index")


def curate(**changes: Any) -> settings.Curate:
    return settings.Curate.model_validate({"land": "land.geojson", "block_size_km": 2000, **changes})


def select(chips: gpd.GeoDataFrame, task: Task, seed: int = 0, **changes: Any) -> gpd.GeoDataFrame:
    config = curate(**changes)
    return curation.select(chips, curation.make_split(chips, config, seed), task, config, seed)


def shared_km2(samples: gpd.GeoDataFrame, subset: str, other: str) -> float:
    """Ground in both subsets, in a gnomonic plane around every footprint of the first, by pyproj and shapely."""
    theirs = samples[samples["subset"] == other]
    total = 0.0
    for row in samples[samples["subset"] == subset].itertuples():
        near = theirs[(np.abs((theirs["lon"] - row.lon + 180) % 360 - 180) < 4) & (np.abs(theirs["lat"] - row.lat) < 3)]
        if len(near):
            plane = pyproj.Proj(proj="gnom", lat_0=row.lat, lon_0=row.lon, R=6371.0088)
            own, *others = shapely.transform([row.geometry, *near.geometry], plane, interleaved=False)
            total += float(shapely.intersection(own, shapely.union_all(others)).area)
    return total


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("seed", [0, 1])
def test_subsets_share_no_ground(task: Task, seed: int) -> None:
    samples = select(
        islands(seed, edge=4), task, seed, block_size_km=700
    )  # smaller than an island: the buffer has something to drop
    assert (samples["drop_reason"] == "shares ground with another subset").any()
    assert (samples.groupby("location_id")["subset"].nunique() <= 2).all()  # one subset, or dropped
    for subset, other in (("test", "train"), ("test", "validation"), ("validation", "train")):
        assert shared_km2(samples, subset, other) == 0


def test_the_study_splits_by_buckets_and_leaks() -> None:
    samples = select(islands(), "presence", split="buckets")
    assert not (samples["drop_reason"] == "shares ground with another subset").any()
    assert shared_km2(samples, "test", "train") > 1000
    subsets = samples[samples["subset"] != "dropped"].groupby("location_id")["subset"].nunique()
    assert (subsets == 1).all()


def test_test_locations_are_never_dropped_for_the_others() -> None:
    chips = islands(edge=4)
    config = curate(block_size_km=700)
    assignment = curation.make_split(chips, config, 0)
    samples = curation.select(chips, assignment, "presence", config, 0)
    in_test = samples["location_id"].isin(assignment.locations.ids[assignment.subset == 2])
    assert in_test.any()
    assert set(samples.loc[in_test, "drop_reason"]) <= {"", "surplus of its class"}


def test_both_tasks_have_the_same_split() -> None:
    chips = islands()
    presence, richness = (select(chips, task).set_index("chip_id")["subset"] for task in ("presence", "richness"))
    both = (presence != "dropped") & (richness != "dropped")
    assert both.any()
    assert (presence[both] == richness[both]).all()


@pytest.mark.parametrize("split", ["blocks", "buckets"])
def test_presence_is_balanced_in_every_subset(split: str) -> None:
    samples = select(islands(), "presence", split=split)
    kept = samples[samples["subset"] != "dropped"]
    assert kept.groupby("subset")["label"].mean().to_dict() == {"train": 0.5, "validation": 0.5, "test": 0.5}
    shares = kept.groupby("subset")["location_id"].nunique() / kept["location_id"].nunique()
    assert shares["test"] == pytest.approx(0.2, abs=0.09)
    assert shares["validation"] == pytest.approx(0.16, abs=0.09)


@pytest.mark.parametrize("split", ["buckets", "blocks"])
def test_weighted_classes_keep_their_surplus_where_models_learn(split: str) -> None:
    undersampled, weighted = (
        select(islands(), "presence", split=split, balance=one) for one in ("undersample", "weight")
    )
    pd.testing.assert_frame_equal(
        weighted[weighted["subset"] == "test"], undersampled[undersampled["subset"] == "test"]
    )
    assert (weighted["drop_reason"] == curation.sampling.SURPLUS["presence"]).sum() < (
        undersampled["drop_reason"] == curation.sampling.SURPLUS["presence"]
    ).sum()
    for subset in ("train", "validation"):
        kept = weighted[weighted["subset"] == subset]
        assert set(undersampled["chip_id"][undersampled["subset"] == subset]) <= set(kept["chip_id"])
        by_class = kept["weight"].groupby(kept["label"]).sum()
        assert by_class[0.0] == pytest.approx(by_class[1.0])
        assert kept["weight"].mean() == pytest.approx(1)


def test_surplus_goes_round_robin_and_the_clearest_stay() -> None:
    samples = select(islands(), "presence")
    for (_, _), rows in samples[samples["drop_reason"].isin(["", "surplus of its class"])].groupby(["group", "label"]):
        for _, location in rows.groupby("location_id"):
            kept = location["subset"] != "dropped"
            assert (
                location.loc[kept, "brightness"].max() <= location.loc[~kept, "brightness"].min()
                or kept.all()
                or not kept.any()
            )
    chosen = samples[samples["subset"] == "train"].groupby(["label", "location_id"]).size()
    for label in (0.0, 1.0):
        dropped = samples["drop_reason"].eq("surplus of its class") & samples["label"].eq(label)
        if dropped.any():
            assert chosen[label].max() - chosen[label].min() <= 1


def test_max_chips_per_location_takes_the_clearest() -> None:
    chips = islands()
    samples = select(chips, "presence", max_chips_per_location=1)
    kept = samples[samples["subset"] != "dropped"]
    assert kept["location_id"].is_unique
    darkest = chips.loc[chips.groupby("location_id")["brightness"].idxmin(), "chip_id"]
    assert set(kept["chip_id"]) <= set(darkest)


def test_a_location_whose_chips_disagree_is_dropped_from_presence_only() -> None:
    chips = islands()
    location_id = chips.loc[chips["has_deposit"], "location_id"].iloc[0]
    first = chips.index[chips["location_id"] == location_id][0]
    chips.loc[first, ["n_deposits", "has_deposit", "richness"]] = [0, False, 0.0]
    presence, richness = select(chips, "presence"), select(chips, "richness")
    assert (presence.loc[presence["location_id"] == location_id, "drop_reason"] == "mixed labels in its location").all()
    assert (presence["drop_reason"] == "mixed labels in its location").sum() == VISITS
    assert richness["drop_reason"].eq("no known deposit")[first]
    assert richness["drop_reason"].eq("no known deposit").sum() == (chips["n_deposits"] == 0).sum()


def test_ambiguous_chips_are_dropped_from_presence_only() -> None:
    chips = islands()
    chips["is_ambiguous"] = chips["has_deposit"] & (chips["chip_index"] % 10 < 2)
    presence, richness = select(chips, "presence"), select(chips, "richness")
    assert (presence.loc[chips["is_ambiguous"], "drop_reason"] == "too few deposits to be sure").all()
    assert (presence["drop_reason"] == "too few deposits to be sure").sum() == chips["is_ambiguous"].sum()
    assert not (presence["drop_reason"] == "mixed labels in its location").any()
    assert (richness.loc[chips["is_ambiguous"], "subset"] != "dropped").any()


def test_ambiguous_chips_may_count_as_negative() -> None:
    chips = islands()
    poor = chips["location_id"].isin(chips["location_id"][chips["has_deposit"]].unique()[::2])
    chips["is_ambiguous"], chips["has_deposit"] = poor, chips["has_deposit"] & ~poor
    presence = select(chips, "presence", drop_ambiguous=False)
    assert (presence.loc[poor, "subset"] != "dropped").any()
    assert (presence.loc[poor, "label"] == 0).all()


@pytest.mark.parametrize("which", ["positive", "all"])
def test_richness_subsets_have_nearly_the_same_distribution(which: str) -> None:
    chips = islands(edge=6)
    samples = select(chips, "richness", richness_samples=which, block_size_km=1500)
    assert (samples.loc[samples["subset"] != "dropped", "n_deposits"] > 0).all() == (which == "positive")
    config = curate(richness_samples=which, block_size_km=1500)
    leakage = curation.measure_leakage(samples, np.empty((0, 2)), 0)
    distance = curation.summarise(samples, "richness", config, leakage)["distance"]
    assert distance["train-test"] < 0.15
    assert distance["train-validation"] < 0.2
    labels = {subset: np.sort(rows["label"]) for subset, rows in samples.groupby("subset")}
    # between two samples, the mean distance of their quantiles
    at = (np.arange(20_000) + 0.5) / 20_000
    train, test = (np.quantile(labels[subset], at, method="inverted_cdf") for subset in ("train", "test"))
    assert distance["wasserstein"]["train-test"] == pytest.approx(np.abs(train - test).mean(), abs=1e-3)


def test_samples_are_numbered_and_weighted_by_subset() -> None:
    samples = select(islands(), "presence")
    for subset, rows in samples.groupby("subset"):
        if subset == "dropped":
            assert (rows["sample"] == -1).all()
            assert (rows["weight"] == 0).all()
            assert (rows["drop_reason"] != "").all()
            continue
        assert sorted(rows["sample"]) == list(range(len(rows)))
        assert (np.diff(rows["sample"]) != 1).any()  # in random order
        assert rows["weight"].mean() == pytest.approx(1)
        by_location = rows.groupby(["label", "location_id"])["weight"].sum()
        assert by_location[0.0].sum() == pytest.approx(by_location[1.0].sum())
        assert by_location[1.0].max() == pytest.approx(by_location[1.0].min())


def test_the_seed_decides() -> None:
    chips = islands()
    pd.testing.assert_frame_equal(select(chips, "presence", 3), select(chips, "presence", 3))
    assert not select(chips, "presence", 3)["subset"].equals(select(chips, "presence", 4)["subset"])


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
    with pytest.raises(DataError, match="presence: one class only: each of the 144 usable locations has a deposit"):
        select(chips, "presence")
    assert (select(chips, "richness")["subset"] != "dropped").any()
    barren = chips.assign(n_deposits=0, has_deposit=False, richness=0.0)
    with pytest.raises(DataError, match="has no deposit"):
        select(barren, "presence")
    with pytest.raises(DataError, match="richness: no usable chip has a deposit"):
        select(barren, "richness")


def test_too_few_locations_names_the_subset_the_class_and_the_counts() -> None:
    with pytest.raises(
        DataError, match=r"presence: test has \d+ locations of class 0 and needs 99 .*curate\.min_locations"
    ) as caught:
        select(islands(), "presence", min_locations={"test": 99})
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match=r"richness: validation has \d+ locations of class all and needs 200"):
        select(islands(), "richness", min_locations={"validation": 200})


def test_locations_at_sea_are_dropped() -> None:
    chips = islands()
    locations = curation.find_locations(chips)
    assert len(locations) == 144
    left = curation.drop_locations(chips, locations["location_id"][:3], "over the ocean")
    assert (left["drop_reason"] == "over the ocean").sum() == 3 * VISITS
    samples = select(left, "presence")
    assert (samples.loc[samples["drop_reason"] == "over the ocean", "group"] == -1).all()
    with pytest.raises(DataError, match="no location is left"):
        curation.drop_locations(chips, locations["location_id"], "over the ocean")


def test_explored_barren_locations_are_the_first_negatives() -> None:
    """Where a subset has more negatives than it needs, those that are not known to be barren are left out."""
    chips = islands(edge=4)
    number = chips["location_id"].rank(method="dense").astype(int)
    rare = chips["has_deposit"] & (number % 3 == 0)
    chips = chips.assign(n_deposits=np.where(rare, chips["n_deposits"], 0), has_deposit=rare)
    chips["is_barren"] = ~rare & (number % 4 == 1)
    samples = select(chips, "presence", split="buckets").assign(is_barren=chips["is_barren"])
    negative = samples[(samples["label"] == 0) & samples["drop_reason"].isin(["", "surplus of its class"])]
    kept = (negative["drop_reason"] == "").groupby([negative["location_id"], negative["is_barren"]]).any()
    assert kept.xs(False, level="is_barren").sum() < len(kept.xs(False, level="is_barren")) / 2
    assert kept.xs(True, level="is_barren").mean() > 0.9


def of_gold(chips: gpd.GeoDataFrame, gold: pd.Series) -> gpd.GeoDataFrame:
    """The chips about gold, of which a location holds the number that is given for its identifier."""
    number = chips["location_id"].map(gold).fillna(0).astype(int)
    targets = {"n_gold": number, "has_gold": number > 0, "richness_gold": np.log1p(number) / np.log(200)}
    return curation.about(chips.assign(**targets, is_ambiguous_gold=False), "gold")


def test_a_task_about_a_commodity_has_a_split_and_a_balance_of_its_own() -> None:
    """Every third location holds gold, whether or not it holds anything else."""
    chips = islands()
    keys = chips["location_id"].unique()
    found = select(of_gold(chips, pd.Series(3, index=keys[::3])), "presence:gold")
    kept = found[found["subset"] != "dropped"].groupby(["subset", "label"]).size().unstack()
    assert (kept[0] == kept[1]).all(), "half of each subset holds gold"
    assert kept.to_numpy().min() >= 1
    assert set(found["location_id"][found["label"] == 1]) == set(keys[::3])
    assert found["n_deposits"].max() == 3, "its deposits, and no others"
    counts = curation.count_candidates(
        found, curation.make_split(of_gold(chips, pd.Series(3, index=keys[::3])), curate(), 0)
    )
    assert counts["1"] < counts["0"], "a third"


def test_a_commodity_that_is_too_rare_names_its_task() -> None:
    chips = islands()
    keys = chips["location_id"].unique()
    nothing, one = pd.Series(dtype=int), pd.Series(3, index=keys[:1])
    without = ".* or leave presence:gold out of tasks"
    with pytest.raises(DataError, match="presence:gold: one class only: .* has no deposit of gold: widen" + without):
        select(of_gold(chips, nothing), "presence:gold")
    with pytest.raises(DataError, match="presence:gold: .*; 1 of 144 locations hold a deposit of gold" + without):
        select(of_gold(chips, one), "presence:gold")
    with pytest.raises(DataError, match=r"richness:gold: no usable chip has a deposit of gold: .*richness:gold out of"):
        select(of_gold(chips, nothing), "richness:gold")
