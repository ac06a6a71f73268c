"""Tables: land in valid pieces on both sides of the antimeridian, deposits that readers accept, the ground truth."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest
import shapely

from mineral_pipeline import simulation
from mineral_pipeline.settings import Simulate
from mineral_pipeline.simulation import Planet, tables


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


def test_every_deposit_is_listed_once_with_a_few_without_valid_coordinates(planet: Planet) -> None:
    listed = pd.read_csv(io.BytesIO(tables.deposits(planet)))
    placed = listed[listed["latitude"].abs().le(90) & listed["longitude"].abs().le(180)]
    assert len(listed) - len(placed) == 4
    assert listed["site_name"].is_unique
    expected = {tuple(lonlat) for lonlat in planet.deposits.round(5)}
    assert {tuple(lonlat) for lonlat in placed[["longitude", "latitude"]].to_numpy()} == expected
    assert placed["commod1"].str.len().min() > 3


def test_expected_deposits_are_right_on_average() -> None:
    planets = [simulation.create(Simulate(locations=60, islands=6, dates=1), seed) for seed in range(4)]
    truth = pd.concat([tables.truth(planet) for planet in planets])
    land = truth[truth["on_land"]]
    assert land["expected_deposits"].mean() == pytest.approx(land["n_deposits"].mean(), rel=0.03)
    assert np.corrcoef(land["expected_deposits"], land["n_deposits"])[0, 1] > 0.95
    assert land.loc[~land["fertile"], "expected_deposits"].max() == 0
