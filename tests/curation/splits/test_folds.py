"""Spatial cross-validation: every location is in test once, and no fold leaks."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from mineral_pipeline import curation, settings
from mineral_pipeline.errors import DataError
from mineral_pipeline.learning import TEST, TRAIN, Task
from mineral_pipeline.workspace import Workspace, artefacts

FOLDS, EDGE = 4, 4


def chips(seed: int = 0, islands: int = 24) -> gpd.GeoDataFrame:
    """Islands of 4 x 4 overlapping locations with one chip each; half of the locations hold deposits."""
    rng = np.random.default_rng(seed)
    number = np.arange(islands * EDGE * EDGE)
    island, location = np.divmod(number, EDGE * EDGE)
    lon = -170 + 42 * (island % 8) + 1.8 * (location % EDGE)
    lat = np.array([-45, 0, 40])[island // 8] + 1.6 * (location // EDGE)
    deposits = np.where(rng.random(len(number)) < 0.5, rng.integers(1, 200, len(number)), 0)
    return gpd.GeoDataFrame(
        {
            "chip_id": np.char.mod("chip-%03d", number), "scene_id": np.char.mod("scene-%03d", number),
            "location_id": np.char.mod("%06d", 1000 * island + location), "chip_index": number,
            "lon": lon, "lat": lat, "n_deposits": deposits, "has_deposit": deposits > 0,
            "richness": np.log1p(deposits) / np.log(200), "brightness": rng.uniform(20, 200, len(number)),
            "image_sha256": "", "drop_reason": "", "region": "",
        },
        geometry=shapely.box(lon - 1, lat - 0.9, lon + 1, lat + 0.9), crs="EPSG:4326",
    )  # fmt: skip


def curate(**changes: Any) -> settings.Curate:
    return settings.Curate.model_validate({"land": "land.geojson", "block_size_km": 1500, "folds": FOLDS, **changes})


@pytest.mark.parametrize("split", ["blocks", "buckets"])
def test_every_location_is_in_test_once(split: str) -> None:
    assignments = curation.make_folds(chips(), curate(split=split), 0)
    assert [assignment.fold for assignment in assignments] == list(range(FOLDS))
    in_test = np.array([assignment.subset == TEST for assignment in assignments])
    assert (in_test.sum(axis=0) == 1).all()
    assert in_test.mean(axis=1) == pytest.approx(1 / FOLDS, abs=0.08)
    assert all(len(np.unique(assignment.subset)) == 3 for assignment in assignments)


@pytest.mark.parametrize("task", ["presence", "richness"])
def test_no_fold_leaks(task: Task) -> None:
    config, table = curate(), chips()
    tested: list[str] = []
    in_buffer = 0
    for assignment in curation.make_folds(table, config, 0):
        samples = curation.select(table, assignment, task, config, 0)
        found = curation.measure_leakage(samples, table[["lon", "lat"]].to_numpy(), 0.0)
        assert (found["area"], found["deposits"]) == (0, 0)
        assert found["validation"]["area"] == found["test_in_validation"]["area"] == 0
        tested += samples.loc[samples["subset"] == "test", "location_id"].unique().tolist()
        in_buffer += (samples["drop_reason"] == "shares ground with another subset").sum()
    assert in_buffer > 0
    assert len(tested) == len(set(tested))
    usable = table["n_deposits"].gt(0).sum() if task == "richness" else len(table)
    assert len(tested) > 0.8 * usable  # what is not in use is the surplus of a class


def test_every_location_is_held_out_with_its_guard_by_the_fold_of_its_block_also_if_it_is_no_sample() -> None:
    config, table = curate(), chips()
    folds = curation.make_folds(table, config, 0)
    fold_of = curation.fold_table(folds).set_index("location_id")
    assert sorted(fold_of.index) == sorted(table["location_id"])
    assert (fold_of.groupby("group")["fold"].nunique() == 1).all(), "a block lies in one fold"
    met = 0
    for fold in folds:
        samples = curation.select(table, fold, "richness", config, 0)
        learnt = samples["subset"].isin(["train", "validation"])
        barren = table[(table["location_id"].map(fold_of["fold"]) == fold.fold) & (table["n_deposits"] == 0)]
        assert len(barren) > 0
        assert not samples.loc[learnt, "location_id"].isin(barren["location_id"]).any()
        hits = shapely.STRtree(samples.geometry[learnt].to_numpy()).query(barren.geometry.to_numpy(), "intersects")
        assert hits.size == 0, "ground of a location that this fold predicts was learnt"
        others = table[~table["location_id"].map(fold_of["fold"]).eq(fold.fold) & (table["n_deposits"] > 0)]
        met += shapely.STRtree(others.geometry.to_numpy()).query(barren.geometry.to_numpy(), "intersects").size
        counts = curation.count_held_out(samples, fold)
        side = fold_of.index[fold_of["fold"] == fold.fold]
        assert counts["locations"] == len(side)
        assert counts["usable"] == (table["location_id"].isin(side) & (table["n_deposits"] > 0)).sum()
        assert counts["sampled"] == (samples["subset"] == "test").sum() <= counts["usable"]
        counts = curation.count_candidates(samples, fold)
        learnable = table["location_id"].isin(fold.locations.ids[fold.subset == TRAIN])
        outside_guard = ~samples["drop_reason"].eq("shares ground with another subset").to_numpy()
        rich = table["n_deposits"] > 0
        assert counts == {"0": 0, "1": (learnable & outside_guard & rich).sum()}, "richness is of the rich alone"
        balanced = curation.select(table, fold, "presence", config, 0)
        outside_guard = ~balanced["drop_reason"].eq("shares ground with another subset").to_numpy()
        counts = curation.count_candidates(balanced, fold)
        both = [int((learnable & outside_guard & one).sum()) for one in (~rich, rich)]
        assert list(counts.values()) == both
        sampled = balanced[balanced["subset"] == "train"]["n_deposits"].gt(0)
        assert sum(both) > len(sampled), "those left out for balance count too"
    assert met > 0, "there is a guard to hold out"


def test_chips_are_those_of_the_fold_that_held_their_location_out(workspace: Workspace) -> None:
    config, table = curate(), chips()
    folds = curation.make_folds(table, config, 0)
    workspace.write_table(artefacts.FOLDS, curation.fold_table(folds))
    given = pd.concat([table, table.tail(1).assign(location_id="at sea")])
    found = curation.held_out_chips(workspace, "richness", given, range(FOLDS))
    assert list(found) == list(range(FOLDS))
    assert sorted(chip for one in found.values() for chip in one["chip_id"]) == table["chip_id"].tolist()
    for fold, one in found.items():
        ids, subset = folds[fold].locations.ids, folds[fold].subset
        assert set(one["location_id"]) == {name for name, side in zip(ids, subset, strict=True) if side == TEST}


def test_the_study_s_buckets_leak_in_every_fold() -> None:
    config, table = curate(split="buckets"), chips()
    for assignment in curation.make_folds(table, config, 0):
        samples = curation.select(table, assignment, "presence", config, 0)
        assert curation.measure_leakage(samples, np.empty((0, 2)), 0.0)["area"] > 0.05


def test_the_seed_decides() -> None:
    first, again, other = (curation.make_folds(chips(), curate(), seed) for seed in (0, 0, 1))
    assert all((a.subset == b.subset).all() for a, b in zip(first, again, strict=True))
    assert not all((a.subset == b.subset).all() for a, b in zip(first, other, strict=True))


def test_no_folds_unless_asked_for() -> None:
    assert curation.make_folds(chips(), curate(folds=None), 0) == []
    assert artefacts.sample_set("presence", None) == "presence"
    assert artefacts.sample_set("presence", 2) == "presence/fold-2"


def test_a_fold_with_too_few_locations_is_named() -> None:
    config, table = curate(min_locations={"test": 500}), chips()
    last = curation.make_folds(table, config, 0)[-1]
    with pytest.raises(DataError, match=rf"presence/fold-{FOLDS - 1}: test has \d+ locations"):
        curation.select(table, last, "presence", config, 0)
