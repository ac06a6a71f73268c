"""Footprints against known polygons, in every projection of Landsat; hulls and simplification of plane polygons."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from outlines import UTM, assert_well_formed, draw, error, on_ground, scene
from rasterio.crs import CRS
from shapely import MultiPoint, Polygon

from mineral_pipeline.errors import RasterError
from mineral_pipeline.geometry import areas
from mineral_pipeline.imagery import UnusableRaster, find_footprint
from mineral_pipeline.imagery.footprint import convex_ring
from mineral_pipeline.imagery.plane_polygons import (
    MAX_VERTICES,
    MIN_EDGE_FRACTION,
    convex_hull,
    lattice_hull,
    plane_area,
    simplify,
)


@given(angle=st.floats(-45, 45), step=st.floats(0, 6000))
@settings(deadline=None, max_examples=10)
def test_a_known_outline_is_found_at_any_angle(angle: float, step: float) -> None:
    truth = scene(angle, step=step)
    footprint = find_footprint(*draw(truth), UTM)
    assert_well_formed(footprint)
    found = on_ground(footprint, UTM)
    assert error(found, truth) < 0.005
    assert found.area == pytest.approx(truth.area, rel=0.004)


@pytest.mark.parametrize(
    ("epsg", "centre"),
    [
        (32601, (300_000, 1_000_000)),  # crosses the antimeridian from the east
        (32660, (700_000, 6_500_000)),  # and from the west
        (32655, (500_000, -3_800_000)),  # south of the equator, negative northings
        (32632, (500_000, 20_000)),  # on the equator
        (3031, (-1_000_000, 300_000)),  # polar stereographic, south
        (3031, (10_000, -1_500_000)),  # the same on the antimeridian
        (3413, (-800_000, 200_000)),  # polar stereographic, north
        (3995, (650_000, 650_000)),  # the same, true at another latitude
        (3995, (-20_000, 920_000)),  # on the antimeridian, as near the pole as Landsat comes
    ],
)
@pytest.mark.parametrize("angle", [13, 45])
def test_every_projection_of_the_archive(epsg: int, centre: tuple[float, float], angle: float) -> None:
    truth, crs = scene(angle, centre), CRS.from_epsg(epsg)
    footprint = find_footprint(*draw(truth), crs)
    assert_well_formed(footprint)
    assert error(on_ground(footprint, crs), truth) < 0.005
    # scale of the projections is within 0.96..1.01 at these places (UTM 0.9996, polar more)
    assert areas(footprint[None])[0] == pytest.approx(truth.area / 1e6, rel=0.08)


@st.composite
def polygons(draw: st.DrawFn) -> Polygon:
    """A convex polygon of 3 to 12 vertices within a circle about 2 across, not too flat."""
    count = draw(st.integers(3, 12))
    offsets = draw(st.lists(st.floats(0, 0.8), min_size=count, max_size=count))
    turn, stretch = draw(st.floats(0, 2 * np.pi)), draw(st.floats(0.4, 1))
    angles = 2 * np.pi * (np.arange(count) + offsets) / count
    points = np.column_stack([np.cos(angles), stretch * np.sin(angles)])
    return Polygon(points @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]))


POSITIONS = st.one_of(
    st.tuples(st.sampled_from([32601, 32655, 32660]), st.floats(3e5, 7e5), st.floats(-8e6, 8e6)),
    st.tuples(st.sampled_from([32701, 32755]), st.floats(3e5, 7e5), st.floats(2e6, 1e7)),
    st.builds(
        lambda epsg, away, azimuth: (epsg, away * np.sin(azimuth), away * np.cos(azimuth)),
        st.sampled_from([3031, 3413, 3995]),
        st.floats(9e5, 3e6),  # from the pole
        st.floats(0, 2 * np.pi),
    ),
)


@given(shape=polygons(), position=POSITIONS, pixels=st.integers(512, 2000), pixel=st.floats(30, 120))
@settings(deadline=None, max_examples=15)
def test_any_convex_polygon_is_found_anywhere(
    shape: Polygon, position: tuple[int, float, float], pixels: int, pixel: float
) -> None:
    epsg, x, y = position
    west, south, east, north = shape.bounds
    size = pixels * pixel / max(east - west, north - south)
    truth = Polygon(np.array(shape.exterior.coords) * size + [x, y])
    crs = CRS.from_epsg(epsg)
    mask, transform = draw(truth, pixel)
    footprint = find_footprint(mask, transform, crs)
    assert_well_formed(footprint)
    found = on_ground(footprint, crs)
    limit = max(0.01, 0.4 * pixel * truth.length / truth.area)  # the point of a needle lies between pixels
    assert found.area == pytest.approx(truth.area, rel=limit)
    corners = len(shape.exterior.coords) - 1
    assert error(found, truth) < (limit if corners <= MAX_VERTICES else 0.05)  # regular 12-gon: 4.8 %
    np.testing.assert_array_equal(footprint, find_footprint(mask.copy(), transform, crs))


@given(angle=st.floats(0, 360), pixels=st.integers(24, 100))
@settings(deadline=None, max_examples=10)
def test_small_images_have_no_bias(angle: float, pixels: int) -> None:
    truth = scene(angle)
    found = [
        on_ground(find_footprint(*draw(truth, 185_000 / pixels * stretch), UTM), UTM).area
        for stretch in np.linspace(0.97, 1.03, 7)  # what remains is where the pixels happen to lie
    ]
    assert np.mean(found) == pytest.approx(truth.area, rel=0.4 / pixels)


@pytest.mark.parametrize("shape", [(2, 2), (2, 40), (60, 60), (513, 700)])
def test_a_raster_without_fill_is_its_own_footprint(shape: tuple[int, int]) -> None:
    transform = Affine(30, 0, 5e5, 0, -30, 6e6)
    found = on_ground(find_footprint(np.ones(shape, bool), transform, UTM), UTM)
    west, north = transform @ (0, 0)
    east, south = transform @ shape[::-1]
    assert error(found, Polygon([(west, south), (east, south), (east, north), (west, north)])) < 1e-6


@pytest.mark.parametrize("valid", [np.zeros((9, 9), bool), np.eye(9, dtype=bool), np.eye(1, 9, 4, dtype=bool)])
def test_pixels_without_an_area_have_no_footprint(valid: np.ndarray) -> None:
    with pytest.raises(UnusableRaster, match="span no area"):
        find_footprint(valid, Affine(30, 0, 5e5, 0, -30, 6e6), UTM)


def test_off_the_earth_there_is_no_footprint() -> None:
    with pytest.raises(UnusableRaster, match="where its projection is not defined"):
        find_footprint(np.ones((9, 9), bool), Affine(30, 0, 1e30, 0, -30, 6e6), UTM)
    local = CRS.from_wkt('LOCAL_CS["a wall",UNIT["metre",1]]')
    with pytest.raises(RasterError, match="do not lead to the Earth"):
        find_footprint(np.ones((9, 9), bool), Affine(30, 0, 5e5, 0, -30, 6e6), local)


@pytest.mark.parametrize(
    ("lonlat", "reason"),
    [
        ([[0, 85], [90, 85], [180, 85], [-90, 85]], "around a pole"),
        ([[-170, -88], [-50, -80], [70, -85]], "around a pole"),
        ([[-180, 90], [180, 90], [180, -90], [-180, -90]], "span no area|half around"),
        ([[0, 0], [100, 0], [200, 10]], "half around the Earth"),
        ([[0, 0], [1, 0], [2, 0], [0.5, 0]], "no area"),
        ([[0, 0], [1, 0], [1, np.nan]], "no area"),
    ],
)
def test_positions_that_no_footprint_has_are_refused(lonlat: list[list[float]], reason: str) -> None:
    with pytest.raises(UnusableRaster, match=reason):
        convex_ring(np.array(lonlat, dtype=float))


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=3, max_size=40))
def test_the_hull_of_a_lattice_reaches_half_way_to_the_next_points(points: list[tuple[int, int]]) -> None:
    """No further: of all lattice points it holds those of the points' own hull and no others."""
    lattice = np.array(points)
    own = MultiPoint(lattice).convex_hull
    assume(own.geom_type == "Polygon")
    hull = Polygon(lattice_hull(lattice))
    assert hull.exterior.is_ccw
    assert hull.buffer(1e-9).covers(own)
    assert own.area < hull.area
    every = shapely.points(np.argwhere(np.ones((45, 45))) - 2)
    np.testing.assert_array_equal(shapely.intersects(every, hull.buffer(-1e-9)), shapely.intersects(every, own))


angles = st.lists(st.floats(0, 2 * np.pi), min_size=3, max_size=60)


@given(angles=angles, stretch=st.floats(0.2, 1))
@settings(deadline=None)
def test_a_simpler_polygon_is_convex_and_of_the_same_area(angles: list[float], stretch: float) -> None:
    points = np.column_stack([np.cos(angles), stretch * np.sin(angles)])
    try:
        ring = points[convex_hull(points)]
    except UnusableRaster:
        return
    simple = simplify(ring)
    assert 3 <= len(simple) <= MAX_VERTICES
    assert plane_area(simple) == pytest.approx(Polygon(ring).area, rel=1e-6)
    assert Polygon(simple).convex_hull.area == pytest.approx(plane_area(simple), rel=1e-6)
    if len(ring) <= MAX_VERTICES:
        assert error(Polygon(simple), Polygon(ring)) <= MAX_VERTICES * MIN_EDGE_FRACTION


def test_the_corners_of_metadata_are_put_in_order() -> None:
    corners = np.array([[179.2, 10.1], [-178.9, 10.2], [-178.8, 8.4], [179.3, 8.3]])  # UL, UR, LR, LL
    ring = convex_ring(corners)
    assert_well_formed(ring)
    expected = np.array([[179.2, 10.1], [179.3, 8.3], [181.1, 10.2], [181.2, 8.4]])
    np.testing.assert_allclose(ring[np.argsort(ring[:, 0])], expected)
