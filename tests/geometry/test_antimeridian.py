"""Footprints cut at the antimeridian, against pieces that are known and against their area and their points."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from mineral_pipeline import geometry


def tilted(lon: float, lat: float, half: float = 0.9) -> shapely.Polygon:
    """A footprint, clockwise so that the right-hand rule has something to do."""
    return shapely.Polygon(
        [(lon - half, lat - 0.7), (lon - 0.6, lat + half), (lon + half, lat + 0.7), (lon + 0.6, lat - half)]
    )


@pytest.mark.parametrize(
    ("footprint", "pieces"),
    [
        ((170, 0, 190, 10), [(170, 0, 180, 10), (-180, 0, -170, 10)]),
        ((-185, 0, -165, 10), [(175, 0, 180, 10), (-180, 0, -165, 10)]),
        ((350, 0, 365, 10), [(-10, 0, 5, 10)]),
        ((-370, 60, -350, 70), [(-10, 60, 10, 70)]),
        ((530, -90, 550, -80), [(170, -90, 180, -80), (-180, -90, -170, -80)]),
        ((100, 80, 260, 90), [(100, 80, 180, 90), (-180, 80, -100, 90)]),
        ((-200, 0, 170, 5), [(-180, 0, 180, 5)]),
    ],
)
def test_boxes_are_cut_into_known_pieces(
    footprint: tuple[float, ...], pieces: list[tuple[float, float, float, float]]
) -> None:
    (cut,) = geometry.cut_at_antimeridian(np.array([shapely.box(*footprint)]))
    expected = shapely.union_all([shapely.box(*piece) for piece in pieces])
    assert cut.equals(expected)
    assert len(shapely.get_parts(cut)) == len(pieces)


def test_footprints_of_all_turns_are_cut_at_once() -> None:
    footprints = [shapely.box(lon, 20, lon + 10, 30) for lon in (-545, -185, 0, 175, 355, 700)]
    together = geometry.cut_at_antimeridian(np.array(footprints))
    for cut, footprint in zip(together, footprints, strict=True):
        assert cut.equals(geometry.cut_at_antimeridian(np.array([footprint]))[0])
    assert together[2].normalize() == footprints[2].normalize()
    assert len(geometry.cut_at_antimeridian(together[:0])) == 0


@given(middle=st.floats(-540, 540), parallel=st.floats(-80, 80))
def test_cutting_keeps_the_ground(middle: float, parallel: float) -> None:
    footprint = tilted(middle, parallel)
    (cut,) = geometry.cut_at_antimeridian(np.array([footprint]))
    west, _, east, _ = cut.bounds
    assert cut.is_valid
    assert -180 <= west <= east <= 180
    assert cut.area == pytest.approx(footprint.area)
    assert all(part.exterior.is_ccw for part in shapely.get_parts(cut))
    for lon, lat in [*footprint.exterior.coords, footprint.centroid.coords[0]]:
        on_the_map = (lon + 180) % 360 - 180
        # what lies on the antimeridian may lie on either edge of the map
        names = [on_the_map, 180.0] if on_the_map < 1e-9 - 180 else [on_the_map]
        assert min(cut.distance(shapely.Point(name, lat)) for name in names) < 1e-9


@pytest.mark.parametrize("west", [-180, -30, 170])
def test_a_footprint_within_the_map_keeps_its_vertices_in_their_order(west: float) -> None:
    """One of them on a straight edge; two on the antimeridian or none."""
    corners = [(west + 4, 10), (west + 10, 10), (west + 10, 20), (west, 20), (west, 10), (west + 4, 10)]
    (cut,) = geometry.cut_at_antimeridian(np.array([shapely.Polygon(corners)]))
    assert list(cut.exterior.coords) == corners


def test_a_footprint_that_only_touches_the_antimeridian_stays_whole() -> None:
    (cut,) = geometry.cut_at_antimeridian(np.array([shapely.box(179, 0, 180, 1)]))
    assert cut.geom_type == "Polygon"


@pytest.mark.parametrize("beyond", [1e-6, 0.5, 1.0, 5.0])
def test_what_reaches_a_little_beyond_the_antimeridian_is_cut(beyond: float) -> None:
    east, west = geometry.cut_at_antimeridian(np.array([shapely.box(179, 0, 180 + beyond, 1),
                                                        shapely.box(-180 - beyond, 0, -179, 1)]))  # fmt: skip
    for cut in (east, west):
        assert sorted(np.round(one.bounds, 9).tolist() for one in cut.geoms) == [
            [-180, 0, pytest.approx(-180 + beyond if cut is east else -179), 1],
            [pytest.approx(179 if cut is east else 180 - beyond), 0, 180, 1],
        ]
