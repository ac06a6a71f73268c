"""Which points lie inside polygons as they are drawn: any reference system, the antimeridian, the poles."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_pipeline.curation.polygons import find_containing, without_ground


def inside(points: object, *shapes: shapely.Geometry | None, crs: str | None = "EPSG:4326") -> set[tuple[int, int]]:
    point, polygon = find_containing(np.asarray(points), gpd.GeoDataFrame(geometry=list(shapes), crs=crs))
    return set(zip(point.tolist(), polygon.tolist(), strict=True))


def test_every_pair_is_told_and_an_edge_is_inside() -> None:
    boxes = shapely.box(0, 0, 2, 2), shapely.box(1, 0, 3, 2), shapely.box(50, 50, 51, 51)
    assert inside([(0.5, 1), (1.5, 1), (2, 1), (9, 9)], *boxes) == {(0, 0), (1, 0), (1, 1), (2, 0), (2, 1)}


def test_rows_without_ground_contain_nothing() -> None:
    line = shapely.Polygon([(0, 0), (1, 1), (2, 2)])
    polygons = gpd.GeoDataFrame(geometry=[None, line, shapely.Polygon(), shapely.box(0, 0, 2, 2)], crs="EPSG:4326")
    assert set(without_ground(polygons)) == {0, 1, 2}
    assert inside([(1, 1)], *polygons.geometry) == {(0, 3)}


def test_no_points_no_polygons_and_what_is_not_finite() -> None:
    assert inside(np.empty((0, 2)), shapely.box(0, 0, 1, 1)) == set()
    assert inside([(0, 0)]) == set()
    assert inside([(np.nan, 0), (np.inf, 0), (0, 0)], shapely.box(-1, -1, 1, 1)) == {(2, 0)}
    assert inside([(np.nan, 0)], shapely.box(-1, -1, 1, 1), crs="EPSG:3031") == set()


def test_longitudes_of_another_turn_beside_an_edge() -> None:
    points = [(turn + lon, 1) for turn in (-720, -360, 0, 360, 720) for lon in (0.2, 0.3, 1.7, 1.8)]
    found = {point for point, _ in inside(points, shapely.box(0.25, 0, 1.75, 2))}
    assert found == {4 * turn + inner for turn in range(5) for inner in (1, 2)}


@given(st.floats(-720, 720), st.floats(-89.9, 89.9), st.floats(-180, 180), st.floats(1, 170))
@settings(max_examples=100)
def test_longitudes_of_any_turn(lon: float, lat: float, west: float, width: float) -> None:
    """The oracle is modular arithmetic; points on an edge are left out."""
    eastwards = (lon - west) % 360
    if min(abs(eastwards), abs(eastwards - 360), abs(eastwards - width)) > 1e-6 and abs(abs(lat) - 80) > 1e-6:
        expected = {(0, 0)} if eastwards < width and abs(lat) < 80 else set()
        assert inside([(lon, lat)], shapely.box(west, -80, west + width, 80)) == expected


@pytest.mark.parametrize(("crs", "sign"), [("EPSG:3031", -1), ("EPSG:3413", 1)])
def test_a_cap_around_a_pole_in_a_polar_projection(crs: str, sign: int) -> None:
    """A circle of 2,000 km in the plane is a circle of latitude; the other pole, at infinity, is outside."""
    lon = np.repeat(np.arange(-180, 180, 45.0), 3)
    lat = sign * np.tile([89.9, 75.0, 60.0], 8)
    points = np.vstack([np.column_stack([lon, lat]), [(0, -sign * 90.0), (10, -sign * 80.0), (77, sign * 90.0)]])
    found = {point for point, _ in inside(points, shapely.Point(0, 0).buffer(2e6, 64), crs=crs)}
    assert found == set(np.flatnonzero(sign * points[:, 1] > 70).tolist())


def test_a_projection_does_not_show_the_other_side_of_the_earth() -> None:
    """Zone 33 around 15 degrees east: what lies beyond its horizon is in no polygon of it, however large."""
    everything = shapely.box(-1e9, -1e9, 1e9, 1e9)
    found = inside([(15, 0), (16, 50), (-165, 0), (-164, -50)], everything, crs="EPSG:32633")
    assert {(0, 0), (1, 0)} <= found
    small = shapely.box(4e5, 0, 6e5, 2e5)
    assert inside([(15, 1), (-165, -1), (-165, 1), (195, 1)], small, crs="EPSG:32633") == {(0, 0)}


def test_other_datums_and_degrees_of_any_turn() -> None:
    square = shapely.box(-100.0, 40.0, -99.0, 41.0)
    assert inside([(-99.5, 40.5), (260.5, 40.5), (-98, 40.5)], square, crs="EPSG:4267") == {(0, 0), (1, 0)}
