"""The user's layers: reasons and exclusions in any format and reference system, and what does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from prospect_tables import make_prospects

from jobs.prospecting.layers import apply_layers
from mineral_pipeline import settings as reader
from mineral_pipeline.errors import DataError, SettingsError
from mineral_pipeline.settings import Settings


def with_layers(*layers: dict[str, Any]) -> Settings:
    return reader.parse(
        {"workspace": ".", "jobs": ["prospect"], "archive": {"url": "."}, "prospect": {"layers": layers}}
    )


def save(path: Path, shapes: list[Any], crs: Any = "EPSG:4326", to: Any = None, **columns: Any) -> str:
    table = gpd.GeoDataFrame(columns, geometry=shapes, crs=crs)
    (table.to_crs(to) if to else table).to_file(path)
    return str(path)


@pytest.fixture
def prospects() -> gpd.GeoDataFrame:
    return make_prospects([20.0, 24.0, 28.0, 179.9])


def test_reasons_are_names_of_polygons_and_distances(tmp_path: Path, prospects: gpd.GeoDataFrame) -> None:
    tenements = save(
        tmp_path / "tenements.gpkg",
        [shapely.box(19, 11, 21, 13), shapely.box(19.5, 11.5, 25, 12.5), shapely.box(100, 0, 101, 1)],
        to="EPSG:3857", Name=["Alpha", "Béta, 2", None],
    )  # fmt: skip
    roads = save(tmp_path / "roads.shp", [shapely.LineString([(20, 0), (20, 20)])], kind=["road"])
    layers = with_layers({"path": tenements, "name": "Tenements"}, {"path": roads, "name": "Main roads"})
    found, left_out = apply_layers(layers, prospects)
    assert left_out == {}
    assert found["tenements"].tolist() == ["Alpha; Béta, 2", "Béta, 2", "", ""]
    assert found["main_roads_km"].iloc[0] == pytest.approx(0, abs=0.01)
    assert found["main_roads_km"].iloc[1] == pytest.approx(4 * 111.195 * 0.97815, rel=1e-3)
    assert found.columns[-1] == "geometry"
    assert isinstance(found, gpd.GeoDataFrame)


def test_excluded_ground_is_left_out_and_counted_and_ranks_close_up(
    tmp_path: Path, prospects: gpd.GeoDataFrame
) -> None:
    parks = save(
        tmp_path / "parks.geojson", [shapely.MultiPolygon([shapely.box(23, 11, 25, 13), shapely.box(0, 0, 1, 1)])]
    )
    cities = save(tmp_path / "cities.fgb", [shapely.Point(-179.95, 12)], name=["Suva"])
    layers = with_layers(
        {"path": parks, "name": "Parks", "role": "exclude"},
        {"path": cities, "name": "Cities", "role": "exclude", "within_km": 20},
        {"path": cities, "name": "cities"},
    )
    found, left_out = apply_layers(layers, prospects)
    assert left_out == {"inside Parks": 1, "within 20 km of Cities": 1}
    assert found["location_id"].tolist() == ["000000", "002002"]
    assert found["rank"].tolist() == [1, 2]
    assert (found["cities_km"] > 1000).all()


def test_without_layers_nothing_changes(prospects: gpd.GeoDataFrame) -> None:
    found, left_out = apply_layers(with_layers(), prospects)
    assert left_out == {}
    assert found.equals(prospects)


def test_rows_without_names_have_their_number_and_others_a_column_of_choice(
    tmp_path: Path, prospects: gpd.GeoDataFrame
) -> None:
    shapes = [shapely.box(0, 0, 1, 1), shapely.box(19, 11, 29, 13)]
    path = save(tmp_path / "salt.gpkg", shapes, code=["a", "b"])
    numbered, _ = apply_layers(with_layers({"path": path, "name": "Salt lakes"}), prospects)
    assert numbered["salt_lakes"].tolist() == ["2", "2", "2", ""]
    named, _ = apply_layers(with_layers({"path": path, "name": "Salt lakes", "column": "code"}), prospects)
    assert named["salt_lakes"].tolist() == ["b", "b", "b", ""]


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_what_does_not_fit_is_named(tmp_path: Path, prospects: gpd.GeoDataFrame) -> None:
    point = save(tmp_path / "p.geojson", [shapely.Point(0, 0)])
    area = save(tmp_path / "a.geojson", [shapely.box(-180, -90, 180, 90)])
    metres = save(tmp_path / "m.shp", [shapely.Point(500_000, 4_000_000)], crs=None)
    empty = tmp_path / "e.geojson"
    empty.write_text('{"type": "FeatureCollection", "features": []}')
    for layer, error, message in (
        (
            {"path": str(tmp_path / "no.gpkg"), "name": "x"},
            SettingsError,
            r"prospect\.layers\[0\]\.path: .*no\.gpkg cannot",
        ),
        (
            {"path": point, "name": "x", "role": "exclude"},
            SettingsError,
            r"p\.geojson holds lines or points: set within_km",
        ),
        ({"path": area, "name": "x", "within_km": 3.0}, SettingsError, r"a\.geojson holds polygons"),
        ({"path": area, "name": "x", "column": "y"}, SettingsError, r"a\.geojson has no column y: choose among"),
        ({"path": area, "name": "Rank"}, SettingsError, r"prospects have a column rank: rename 'Rank'"),
        ({"path": area, "name": "World", "role": "exclude"}, DataError, r"exclude every location .*inside World.*4"),
        ({"path": metres, "name": "x"}, SettingsError, r"m\.shp tells no reference system"),
        ({"path": str(empty), "name": "x"}, DataError, r"e\.geojson holds no shapes"),
    ):
        with pytest.raises(error, match=message):
            apply_layers(with_layers(layer), prospects)
    with pytest.raises(SettingsError, match="two layers have the same name"):
        with_layers({"path": area, "name": "Salt Lakes"}, {"path": area, "name": "salt lakes"})
    with pytest.raises(SettingsError, match="has no letter"):
        with_layers({"path": area, "name": "12"})
