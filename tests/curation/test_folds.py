"""Spatial cross-validation: every place is in test once, and no fold leaks."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from mineral_pipeline import curation, settings
from mineral_pipeline.curation.splits.blocks import TEST
from mineral_pipeline.errors import DataError

FOLDS, EDGE = 4, 4


def chips(seed: int = 0, islands: int = 24) -> gpd.GeoDataFrame:
    """Islands of 4 x 4 overlapping places with one chip each; half of the places hold deposits."""
    rng = np.random.default_rng(seed)
    number = np.arange(islands * EDGE * EDGE)
    island, place = np.divmod(number, EDGE * EDGE)
    lon = -170 + 42 * (island % 8) + 1.8 * (place % EDGE)
    lat = np.array([-45, 0, 40])[island // 8] + 1.6 * (place // EDGE)
    deposits = np.where(rng.random(len(number)) < 0.5, rng.integers(1, 200, len(number)), 0)
    return gpd.GeoDataFrame(
        {
            "chip": number, "product_id": number.astype(str), "location_id": np.char.mod("%06d", 1000 * island + place),
            "lon": lon, "lat": lat, "n_deposits": deposits, "has_deposit": deposits > 0,
            "richness": np.log1p(deposits) / np.log(200), "brightness": rng.uniform(20, 200, len(number)), "drop_reason": "",
        },
        geometry=shapely.box(lon - 1, lat - 0.9, lon + 1, lat + 0.9), crs="EPSG:4326",
    )  # fmt: skip


def curate(**changes: Any) -> settings.Curate:
    return settings.Curate.model_validate({"land": "land.geojson", "block_size_km": 1500, "folds": FOLDS, **changes})


@pytest.mark.parametrize("split", ["blocks", "buckets"])
def test_every_place_is_in_test_once(split: str) -> None:
    divisions = curation.make_folds(chips(), curate(split=split), 0)
    assert [division.fold for division in divisions] == list(range(FOLDS))
    in_test = np.array([division.subset == TEST for division in divisions])
    assert (in_test.sum(axis=0) == 1).all()
    assert in_test.mean(axis=1) == pytest.approx(1 / FOLDS, abs=0.08)
    assert all(len(np.unique(division.subset)) == 3 for division in divisions)


@pytest.mark.parametrize("task", ["presence", "richness"])
def test_no_fold_leaks(task: settings.Task) -> None:
    wanted, table = curate(), chips()
    tested: list[str] = []
    guarded = 0
    for division in curation.make_folds(table, wanted, 0):
        samples = curation.select(table, division, task, wanted, 0)
        found = curation.measure_leakage(samples, table[["lon", "lat"]].to_numpy(), 0.0)
        assert (found["area"], found["deposits"]) == (0, 0)
        assert found["validation"]["area"] == found["test_in_validation"]["area"] == 0
        tested += samples.loc[samples["subset"] == "test", "location_id"].unique().tolist()
        guarded += (samples["drop_reason"] == "shares ground with another side").sum()
    assert guarded > 0
    assert len(tested) == len(set(tested))
    usable = table["n_deposits"].gt(0).sum() if task == "richness" else len(table)
    assert len(tested) > 0.8 * usable  # what is not in use is the surplus of a class


def test_the_study_s_buckets_leak_in_every_fold() -> None:
    wanted, table = curate(split="buckets"), chips()
    for division in curation.make_folds(table, wanted, 0):
        samples = curation.select(table, division, "presence", wanted, 0)
        assert curation.measure_leakage(samples, np.empty((0, 2)), 0.0)["area"] > 0.05


def test_the_seed_decides() -> None:
    first, again, other = (curation.make_folds(chips(), curate(), seed) for seed in (0, 0, 1))
    assert all((a.subset == b.subset).all() for a, b in zip(first, again, strict=True))
    assert not all((a.subset == b.subset).all() for a, b in zip(first, other, strict=True))


def test_no_folds_unless_asked_for() -> None:
    assert curation.make_folds(chips(), curate(folds=None), 0) == []
    assert curation.set_name("presence", None) == "presence"
    assert curation.set_name("presence", 2) == "presence/fold-2"


def test_a_fold_with_too_few_places_is_named() -> None:
    wanted, table = curate(min_locations={"test": 500}), chips()
    last = curation.make_folds(table, wanted, 0)[-1]
    with pytest.raises(DataError, match=rf"presence/fold-{FOLDS - 1}: test has \d+ places"):
        curation.select(table, last, "presence", wanted, 0)
