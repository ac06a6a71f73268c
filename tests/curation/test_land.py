"""The ocean mask on drawn and on real land."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_pipeline import curation, geometry
from mineral_pipeline.errors import DataError, SettingsError
from mineral_pipeline.geometry import polygon_area

POINTS_ON_LAND = {
    "Ulan Bator": (106.9, 47.9),
    "Madrid": (-3.7, 40.4),
    "Chukotka": (-179.0, 68.0),
    "South Pole": (45, -89.9),
}
POINTS_AT_SEA = {"Gulf of Guinea": (0, 0), "Pacific": (-179.9, 0), "North Pole": (10, 89.9), "Caspian": (50.5, 42.0)}


def land(*shapes: shapely.Geometry, crs: str | None = "EPSG:4326") -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=list(shapes), crs=crs)


@pytest.mark.parametrize("file", ["ne_110m_land.geojson", "ne_50m_land.geojson"])
def test_real_land(data: Path, file: str) -> None:
    polygons = curation.read_land(str(data / "land" / file))
    assert curation.over_land(list(POINTS_ON_LAND.values()), polygons).all()
    assert not curation.over_land(list(POINTS_AT_SEA.values()), polygons)[:3].any()
    points = np.random.default_rng(0).uniform([-180, -1], [180, 1], (20_000, 2))
    points[:, 1] = np.degrees(np.arcsin(points[:, 1]))  # uniform on the sphere
    assert curation.over_land(points, polygons).mean() == pytest.approx(0.29, abs=0.015)


def test_the_invalid_polygon_of_the_real_land_is_repaired(data: Path) -> None:
    polygons = curation.read_land(str(data / "land/ne_110m_land.geojson"))
    broken = polygons[~polygons.is_valid]
    assert len(broken) == 1
    inside = broken.make_valid().representative_point()
    assert curation.over_land(shapely.get_coordinates(inside), polygons).all()


def test_a_bow_tie_is_land_on_both_sides() -> None:
    bow_tie = land(shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)]))
    assert curation.over_land([(0.2, 1), (1.8, 1), (1, 0.2)], bow_tie).tolist() == [True, True, False]


@given(st.floats(-180, 180), st.floats(-80, 80), st.integers(1, 20))
@settings(max_examples=50)
def test_the_shore_is_land(lon: float, lat: float, size: int) -> None:
    square = shapely.box(lon, lat, lon + size, lat + size / 2)
    points = shapely.get_coordinates(square)
    assert curation.over_land(points, land(square)).all()


@pytest.mark.parametrize("turn", [-360, 0, 360, 720])
def test_longitudes_of_any_turn(turn: float) -> None:
    across = land(shapely.box(170, -10, 190, 10))
    west_of_it = land(shapely.box(-180, -10, -170, 10))
    points = np.array([(175, 0), (-175, 0), (165, 0)]) + np.array([turn, 0])
    assert curation.over_land(points, across).tolist() == [True, True, False]
    assert curation.over_land([(180 + turn, 0)], west_of_it).tolist() == [True]


def test_other_reference_systems() -> None:
    projected = land(shapely.box(0, 0, 5, 5)).to_crs("EPSG:3857")
    assert curation.over_land([(4.9, 4.9), (5.1, 4.9)], projected).tolist() == [True, False]
    assert curation.over_land([(4.9, 4.9)], land(shapely.box(0, 0, 5, 5), crs=None)).tolist() == [True]


def test_no_points_no_land_and_no_position() -> None:
    square = land(shapely.box(0, 0, 5, 5))
    assert curation.over_land(np.empty((0, 2)), square).shape == (0,)
    assert curation.over_land([(np.nan, 1), (1, np.inf), (1, 1)], square).tolist() == [False, False, True]
    assert curation.over_land([(1, 1)], land()).tolist() == [False]


def test_land_without_ground_is_refused_or_named(tmp_path: Path) -> None:
    nothing = [None, shapely.Polygon(), shapely.Polygon([(0, 0), (1, 1), (2, 2)]), shapely.Point(1, 1)]
    polygons = land(shapely.box(0, 0, 5, 5), *nothing)
    message = "rows 1, 2: no geometry; row 3: it encloses no ground; row 4: a Point instead of a polygon"
    with pytest.raises(DataError, match=message):
        curation.over_land([(1, 1)], polygons)
    with pytest.warns(UserWarning, match=message):
        assert curation.over_land([(1, 1), (9, 9)], polygons, "warn").tolist() == [True, False]
    polygons.to_parquet(tmp_path / "land.parquet")
    with pytest.warns(UserWarning, match=rf"curate.land: 4 of 5 rows of .*land.parquet hold no ground .*: {message}"):
        assert len(curation.read_land(str(tmp_path / "land.parquet"))) == 1


def test_a_partition_keeps_its_index() -> None:
    locations = gpd.GeoDataFrame(geometry=shapely.points([(1, 1), (9, 9)]), index=[7, 3], crs="EPSG:4326")
    flags = curation.is_on_land(locations, land(shapely.box(0, 0, 5, 5)))
    assert flags.to_dict() == {7: True, 3: False}


def test_formats(tmp_path: Path) -> None:
    square = land(shapely.box(0, 0, 5, 5))
    square.to_file(tmp_path / "land.gpkg")
    square.to_parquet(tmp_path / "land.parquet")
    for name in ("land.gpkg", "land.parquet"):
        assert curation.over_land([(1, 1), (9, 9)], curation.read_land(str(tmp_path / name))).tolist() == [True, False]
    assert len(curation.read_land(f"file://{tmp_path}/land.parquet")) == 1


def test_no_land_is_one_line_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "text.geojson").write_text("not land")
    pd.DataFrame({"a": [1]}).to_csv(tmp_path / "plain.csv")
    land(shapely.Point(1, 1)).to_file(tmp_path / "points.geojson")
    for name, kind in [
        ("absent.geojson", SettingsError),
        ("text.geojson", SettingsError),
        ("plain.csv", DataError),
        ("points.geojson", DataError),
    ]:
        with pytest.raises(kind, match=f"curate.land: .*{name}") as caught:
            curation.read_land(str(tmp_path / name))
        assert "\n" not in str(caught.value)


def shares(outlines: object, *shapes: shapely.Geometry) -> np.ndarray:
    return curation.land_fractions(np.asarray(outlines, dtype=float), land(*shapes))


def box(west: float, south: float, east: float, north: float) -> list[tuple[float, float]]:
    return [(west, south), (east, south), (east, north), (west, north)]


def test_half_of_an_outline() -> None:
    outlines = [box(0, -1, 2, 1), box(5, -1, 6, 1), box(-3, -1, 1.5, 1)]
    found = shares(outlines, shapely.box(1, -20, 4, 20), shapely.box(0.5, -20, 2, 20))  # what overlaps counts once
    np.testing.assert_allclose(found, [0.75, 0, 1 / 4.5], rtol=1e-3)
    across = shares([box(179, -1, 181, 1)], shapely.box(-180, -20, -179.5, 20))
    np.testing.assert_allclose(across, 0.25, rtol=1e-3)
    inland = shares([box(1, 1, 2, 2)], shapely.box(0, 0, 3, 3))
    assert inland[0] == pytest.approx(1, abs=1e-9)


@given(st.sampled_from([(0, 0), (179.5, 40), (-179.5, -60), (10, 81), (60, -89.5)]), st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_fractions_against_points_on_the_sphere(centre: tuple[float, float], seed: int) -> None:
    """A scene anywhere, a pole and the antimeridian included, on land with a straight shore."""
    rng = np.random.default_rng(seed)
    away = geometry.unit_vectors(centre)
    across = np.cross(away, [0.6, 0.0, 0.8] if abs(away[2]) < 0.7 else [1.0, 0.0, 0.0])
    across /= np.linalg.norm(across)
    along = np.cross(away, across)
    corners = away + 0.02 * np.array([-across - along, across - along, across + along, -across + along])
    inside = away + 0.02 * (rng.uniform(-1, 1, (4000, 1)) * across + rng.uniform(-1, 1, (4000, 1)) * along)
    lat = geometry.lonlat(inside)[:, 1]
    median = np.median(lat)
    south = shapely.box(-180, -90, 180, median)
    found = shares([geometry.lonlat(corners)], south)
    assert found[0] == pytest.approx((lat <= median).mean(), abs=0.03)


def test_the_real_land_in_pieces(data: Path) -> None:
    polygons = curation.read_land(str(data / "land/ne_110m_land.geojson"))
    pieces = curation.subdivide(polygons)
    assert shapely.get_num_coordinates(pieces.geometry).max() <= 256
    assert pieces.is_valid.all()
    whole = np.asarray(polygons.make_valid())
    assert shapely.area(np.asarray(pieces.geometry)).sum() == pytest.approx(shapely.area(whole).sum(), rel=1e-12)
    octants = [box(lon, lat, lon + 1, lat + 1) for lon in range(-180, 180, 30) for lat in range(-80, 80, 10)]
    np.testing.assert_allclose(
        curation.land_fractions(octants, polygons), curation.land_fractions(octants, pieces), atol=1e-9
    )
    on_land = polygon_area.lonlat_areas(whole).sum() / (4 * np.pi * geometry.EARTH_RADIUS_KM**2)
    assert on_land == pytest.approx(0.289, abs=0.003)


def test_the_rule_by_fraction() -> None:
    outlines = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1), shapely.box(1.6, 0, 2.6, 1)], crs="EPSG:4326")
    shore = land(shapely.box(-5, -5, 2, 5))
    assert curation.is_on_land(outlines, shore, 0.3).tolist() == [True, True]
    assert curation.is_on_land(outlines, shore, 1.0).tolist() == [True, False]
