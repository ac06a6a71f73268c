"""Tables: land in valid pieces on both sides of the antimeridian, deposits that readers accept, the ground truth."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest
import shapely
from scipy.spatial import KDTree

from mineral_pipeline import simulation
from mineral_pipeline.geometry import unit_vectors
from mineral_pipeline.settings import Simulate
from mineral_pipeline.simulation import Planet, tables, truth


@pytest.fixture(scope="module")
def planet() -> Planet:
    """One whose islands include one astride the antimeridian."""
    return simulation.create(Simulate(locations=60, islands=6, dates=1), astride())


def astride() -> int:
    for seed in range(20):
        islands = simulation.create(Simulate(locations=60, islands=6, dates=1), seed).islands
        if any(np.abs(shapely.bounds(island.outline()))[[0, 2]].max() > 180.5 for island in islands):
            return seed
    raise AssertionError("no seed puts an island astride the antimeridian")


def test_land_holds_the_centres_of_land_locations_and_no_others(planet: Planet) -> None:
    features = json.loads(tables.land(planet))["features"]
    pieces = [shapely.geometry.shape(feature["geometry"]) for feature in features]
    assert any(piece.geom_type == "MultiPolygon" for piece in pieces)
    for piece in pieces:
        assert piece.is_valid
        west, south, east, north = piece.bounds
        assert -180 <= west <= east <= 180
        assert -60 < south < north < 60
    land = shapely.union_all(pieces)
    for location in planet.locations:
        projection = location.swath.projection
        assert land.contains(shapely.Point(projection.longitude, projection.latitude)) == location.on_land


def test_boxes_of_the_index_hold_the_centre_the_short_way_round(planet: Planet) -> None:
    scenes = simulation.scenes(planet)
    index = pd.read_csv(io.BytesIO(tables.index(scenes, {scene.product_id: 1 for scene in scenes})), compression="gzip")
    assert index["PRODUCT_ID"].is_unique
    wide = (index["EAST_LON"] - index["WEST_LON"]) % 360
    assert wide.between(1.8, 4).all()
    assert (index["EAST_LON"] < index["WEST_LON"]).any()
    for scene, row in zip(scenes, index.itertuples(), strict=True):
        projection = scene.location.swath.projection
        assert 0 < (projection.longitude - row.WEST_LON) % 360 < (row.EAST_LON - row.WEST_LON) % 360
        assert row.SOUTH_LAT < projection.latitude < row.NORTH_LAT


@pytest.mark.parametrize("bare", [{"locations": 1, "islands": 1}, {"locations": 2, "islands": 1, "difficulty": 0}])
def test_planets_without_altered_rock_have_tables_too(bare: dict[str, int]) -> None:
    planet = simulation.create(Simulate(dates=1, signal=0, **bare), 0)
    table = truth.locations(planet)
    assert len(table) == bare["locations"]
    assert (table["largest_patch"] <= table["patch_alteration"]).all()
    assert len(truth.deposits(planet)) == len(planet.deposits.site)
    assert pd.read_csv(io.BytesIO(tables.deposits(planet)))["latitude"].isna().any()


def test_known_deposits_are_listed_with_the_errors_of_real_tables() -> None:
    planet = simulation.create(Simulate(locations=600, islands=4, dates=1), 0)
    listed = pd.read_csv(io.BytesIO(tables.deposits(planet)))
    placed = listed[listed["latitude"].abs().le(90) & listed["longitude"].abs().le(180)]
    known = truth.deposits(planet).query("known")
    assert len(listed) - len(placed) == 4
    assert placed["site_name"].nunique() == len(known)
    assert len(known) < len(placed) < 1.06 * len(known)
    assert placed["commod1"].str.len().min() > 3
    years = placed.drop_duplicates("site_name")["disc_yr"]
    assert sorted(years.astype(int)) == sorted(known["year"])
    nearest, _ = KDTree(unit_vectors(known[["lon", "lat"]])).query(unit_vectors(placed[["longitude", "latitude"]]))
    error_km = 6371 * nearest
    assert np.median(error_km) < 0.2
    assert 0.001 < (error_km > 3).mean() < 0.04


def test_the_truth_of_locations_counts_the_deposits_inside(planet: Planet) -> None:
    found, table = truth.deposits(planet), truth.locations(planet)
    inside = np.array([one.swath.contains(found[["lon", "lat"]].to_numpy()) for one in planet.locations])
    np.testing.assert_array_equal(table["n_deposits"], inside.sum(axis=1))
    np.testing.assert_array_equal(table["n_known"], inside[:, found["known"]].sum(axis=1))
    np.testing.assert_array_equal(table["n_known"] + table["n_undiscovered"], table["n_deposits"])
    assert table["effort"].between(0, 1).all()
    land = shapely.union_all(
        [shapely.geometry.shape(one["geometry"]) for one in json.loads(tables.land(planet))["features"]]
    )
    for one, fraction in zip(planet.locations[::9], table["land_fraction"][::9], strict=True):
        points = one.swath.lonlat(np.random.default_rng(0).uniform(-0.5, 0.5, (400, 2)) * [185, 180])
        points[:, 0] = (points[:, 0] + 180) % 360 - 180
        assert abs(shapely.contains_xy(land, *points.T).mean() - fraction) < 0.1
    assert table["presence"].between(0, 1).all()
    land = table[table["on_land"]]
    assert np.corrcoef(land["intensity"], land["n_deposits"])[0, 1] > 0.7
