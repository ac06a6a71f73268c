"""The library as programs use it: public names, tables in any reference system, and errors of ours."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import mineral_pipeline as mp
from mineral_pipeline import curation
from mineral_pipeline.errors import DataError, MineralPipelineError, SettingsError

UTM_31N, WEB, ANTARCTIC = "EPSG:32631", "EPSG:3857", "EPSG:3031"


def squares(*wests: float, size: float = 1.0, south: float = 0.0) -> gpd.GeoDataFrame:
    """Squares of a degree or so, one beside another."""
    return gpd.GeoDataFrame(geometry=[shapely.box(w, south, w + size, south + size) for w in wests], crs="EPSG:4326")


def test_public_names_are_there_and_imported_when_they_are_used() -> None:
    assert mp.__version__ == importlib.metadata.version("mineral-pipeline")
    assert set(mp.__all__) <= set(dir(mp))
    assert {name for names in mp._PACKAGES.values() for name in names} == {*mp.__all__} - {"__version__"}
    for package, names in mp._PACKAGES.items():
        module = importlib.import_module(f"mineral_pipeline.{package}")
        for name in names:
            assert getattr(mp, name) is getattr(module, name)
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        mp.no_such_name  # noqa: B018  # it is looked up


def test_the_import_is_quick() -> None:
    """It imports none of the packages that take seconds."""
    code = "import sys, mineral_pipeline; print(sorted({'numpy', 'pandas', 'keras', 'numba'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("crs", [UTM_31N, WEB])
def test_membership_sums_and_land_in_any_reference_system(crs: str) -> None:
    footprints = squares(2, 2.5, 40)
    points = gpd.GeoDataFrame(
        geometry=gpd.points_from_xy([2.25, 2.75, 3.25, 4.5], [0.5, 0.5, 0.5, 0.5]), crs="EPSG:4326"
    )
    expected = [[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    for own, theirs in (
        (footprints, points.to_crs(crs)),
        (footprints.to_crs(crs), points),
        (footprints, points.geometry),
    ):
        assert mp.membership(own, theirs).toarray().tolist() == expected
        assert mp.membership(own.geometry, theirs).toarray().tolist() == expected
        assert mp.sum_inside(own, theirs, np.arange(4)[:, None]).ravel().tolist() == [1, 3, 0]
        for land in (own, own.geometry):
            assert mp.over_land(theirs, land).tolist() == [True, True, True, False]


def test_polar_and_antimeridian_footprints_in_their_own_systems() -> None:
    ross = gpd.GeoDataFrame(geometry=[shapely.box(170, -80, 190, -76)], crs="EPSG:4326")
    fiji = gpd.GeoSeries([shapely.box(700_000, 7_900_000, 900_000, 8_100_000)], crs="EPSG:32760")  # across 180
    points = gpd.GeoSeries(gpd.points_from_xy([180, -179.5, 178], [-78, -17.5, -17.5]), crs="EPSG:4326")
    assert mp.membership(ross.to_crs(ANTARCTIC), points).toarray().tolist() == [[1, 0, 0]]
    assert mp.membership(fiji, points.to_crs(WEB)).toarray().tolist() == [[0, 1, 0]]


@pytest.mark.parametrize("crs", ["EPSG:4326", UTM_31N])
def test_a_split_is_measured_in_any_words(crs: str) -> None:
    table = squares(0, 0.75, 3, 3).assign(side=["Training ", "held out", "Training", "val"]).to_crs(crs)
    deposits = gpd.GeoSeries(gpd.points_from_xy([0.8, 3.5, 0.1], [0.5, 0.5, 0.5]), crs="EPSG:4326").to_crs(WEB)
    found = mp.measure_split(table, "side", deposits).set_index(["subset", "other"])
    assert found.index.tolist() == [
        ("Training", "held out"), ("Training", "val"), ("held out", "Training"), ("held out", "val"),
        ("val", "Training"), ("val", "held out"),
    ]  # fmt: skip
    assert found["area"].round(3).tolist() == [0.125, 0.5, 0.25, 0, 1, 0]
    assert found["locations"].tolist() == [0.5, 0.5, 1, 0, 1, 0]
    assert found["worst"].round(3).tolist() == [0.25, 1, 0.25, 0, 1, 0]
    assert found["deposits"].tolist() == [1, 1, 1, 0, 1, 0]
    assert (mp.measure_split(table, "side")["deposits"] == 0).all()
    assert len(mp.measure_split(table.assign(side=["a", "b", "dropped", "dropped"]), "side")) == 2


def test_footprints_of_one_location_count_once() -> None:
    table = squares(0, 0, 0.5).assign(subset=["train", "train", "test"], place=["a", "a", "b"])
    by_place = mp.measure_split(table, location="place").set_index("subset")
    assert by_place["area"].round(3).to_dict() == {"train": 0.5, "test": 0.5}
    one_by_one = mp.measure_split(table).set_index("subset")
    assert one_by_one["area"].round(3).to_dict() == {"train": 0.5, "test": 0.5}


def test_the_measure_agrees_with_that_of_the_pipeline() -> None:
    rng = np.random.default_rng(3)
    table = squares(*rng.uniform(0, 8, 40)).assign(subset=rng.choice(["train", "validation", "test"], 40))
    table = table.assign(sample=0, location_id=[f"{row:06d}" for row in range(40)])
    deposits = np.column_stack([rng.uniform(0, 9, 50), rng.uniform(0, 1, 50)])
    theirs = curation.measure_leakage(table, deposits, 0.0)
    ours = mp.measure_split(table, deposits=deposits).set_index(["subset", "other"])
    for key in ("area", "locations", "worst", "deposits"):
        assert ours.loc[("test", "train"), key] == theirs[key]
        assert ours.loc[("validation", "train"), key] == theirs["validation"][key]
    assert ours["area"].min() > 0.1


@pytest.mark.parametrize("crs", ["EPSG:4326", WEB])
@pytest.mark.parametrize("split", ["blocks", "regions"])
def test_a_split_of_ones_own_footprints_shares_no_ground(crs: str, split: str) -> None:
    centres = np.random.default_rng(0).uniform([-100, -40], [60, 60], (300, 2))
    table = gpd.GeoDataFrame(geometry=[shapely.box(x, y, x + 2, y + 2) for x, y in centres], crs="EPSG:4326")
    table = table.assign(rich=np.arange(300) % 5).set_index(pd.Index([f"row {row}" for row in range(300)])).to_crs(crs)
    subsets = mp.split_footprints(table, mp.SplitOptions(split, block_size_km=800), richness="rich", seed=1)
    assert subsets.index.equals(table.index)
    assert set(subsets) <= {"train", "validation", "test", "dropped"}
    assert 0.1 < (subsets == "test").mean() < 0.5
    assert (mp.measure_split(table.assign(subset=subsets))["area"] == 0).all()
    pd.testing.assert_series_equal(
        subsets, mp.split_footprints(table, mp.SplitOptions(split, block_size_km=800), richness="rich", seed=1)
    )


def test_footprints_of_a_location_stay_together() -> None:
    table = squares(*range(0, 120, 3)).assign(place=np.arange(40) // 2)
    subsets = mp.split_footprints(table, mp.SplitOptions("buckets"), location="place")
    assert (subsets.groupby(table["place"]).nunique() == 1).all()
    assert len(mp.split_footprints(table.geometry)) == 40


ROWS = squares(0, 5).assign(subset=["a", "b"], text="x")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: mp.measure_split(ROWS, "side"), "no column side: its columns are geometry, subset, text"),
        (lambda: mp.measure_split(ROWS, location="place"), "no column place"),
        (lambda: mp.measure_split(ROWS.iloc[:0]), "the table of footprints is empty"),
        (lambda: mp.measure_split(ROWS.assign(subset=["a", None])), r"rows \[1\] name no subset in subset"),
        (lambda: mp.measure_split(ROWS, "text"), "column text names x only: a split has several"),
        (lambda: mp.measure_split(pd.DataFrame(ROWS)), "must be a GeoDataFrame or a GeoSeries, not a DataFrame"),
        (lambda: mp.measure_split(gpd.GeoDataFrame({"subset": ["a"]})), "has no geometry: name its column"),
        (lambda: mp.measure_split(ROWS.set_geometry(ROWS.centroid)), "a Point instead of a polygon; repair"),
        (lambda: mp.measure_split(pd.concat([ROWS.set_geometry(ROWS.centroid).assign(subset="dropped"),
                                             ROWS, ROWS.set_geometry(ROWS.centroid)])), "2 of 6 .* rows 4, 5: a Point"),
        (lambda: mp.split_footprints(ROWS.set_geometry(ROWS.centroid)), "; repair them, .* or leave their rows"),
        (lambda: mp.measure_split(ROWS, deposits=[[1, 2, 3]]), r"points must be \(m, 2\) lon/lat or shapely points"),
        (lambda: mp.split_footprints(ROWS.iloc[:0]), "the table of footprints is empty"),
        (lambda: mp.split_footprints(ROWS.geometry, location="place"), "no column place: its columns are none"),
        (lambda: mp.split_footprints(ROWS, richness="text"), "column text must hold numbers from 0: row 0 does not"),
        (lambda: mp.split_footprints(ROWS, mp.SplitOptions("continents")), "no split|unknown split"),
        (lambda: mp.split_footprints(ROWS, mp.SplitOptions(test_fraction=2)), "test_fraction"),
        (lambda: mp.over_land([["a", "b"]], ROWS), "points must be"),
        (lambda: mp.over_land([[1, 2]], gpd.GeoDataFrame({"name": ["a"]})), "has no geometry"),
        (lambda: mp.membership(gpd.GeoDataFrame({"a": [1]}), [[1, 2]]), "has no geometry"),
        (lambda: mp.membership(ROWS, ROWS), "points must be"),
        (lambda: mp.membership(ROWS, pd.Series(["here"])), "points must be"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Geometry is in a geographic CRS")
def test_wrong_input_is_an_error_of_ours(call: Callable[[], Any], says: str) -> None:
    with pytest.raises(MineralPipelineError, match=says) as caught:
        call()
    assert isinstance(caught.value, DataError | SettingsError)
