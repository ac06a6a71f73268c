"""The local projection, the ground of a scene and its pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod
from rasterio.warp import transform as warp

from mineral_pipeline.geometry import EARTH_RADIUS_KM
from mineral_pipeline.simulation.grid import make_grid
from mineral_pipeline.simulation.local_projection import LocalProjection
from mineral_pipeline.simulation.swath import CUT_KM, LENGTH_KM, STEP_KM, STEPS, WIDTH_KM, Swath, seen

SPHERE = Geod(a=EARTH_RADIUS_KM * 1000, b=EARTH_RADIUS_KM * 1000)
PATH_ROWS = st.tuples(st.integers(1, 233), st.integers(25, 95))


@given(
    st.floats(-180, 180), st.floats(-70, 70), st.floats(1, 3000), st.floats(0, 359.9)
)  # fmt: skip
def test_distances_and_directions_from_the_centre_are_true(lon: float, lat: float, km: float, azimuth: float) -> None:
    x, y, _ = SPHERE.fwd(lon, lat, azimuth, km * 1000)
    projection = LocalProjection(lon, lat)
    local = projection.to_local(np.array([x, y]))
    turn = np.radians(azimuth)
    np.testing.assert_allclose(local, [km * np.sin(turn), km * np.cos(turn)], atol=1e-5)
    back = projection.to_lonlat(local)
    assert abs(back[0] - lon) <= 180
    np.testing.assert_allclose([(back[0] - x + 180) % 360 - 180, back[1] - y], 0, atol=1e-7)


@given(PATH_ROWS, st.floats(-200, 200), st.floats(-200, 200))
def test_oblique_coordinates_invert(path_row: tuple[int, int], across: float, along: float) -> None:
    swath = Swath(*path_row)
    there = swath.lonlat(np.array([across, along]))
    np.testing.assert_allclose(swath.oblique(there), [across, along], atol=1e-6)


def test_two_corners_are_stepped() -> None:
    across, along = np.meshgrid(*[(np.arange(2000) - 999.5) / 10] * 2)
    image = seen(across, along)
    whole = WIDTH_KM * LENGTH_KM
    cut = 2 * sum(CUT_KM * step * STEP_KM for step in range(1, STEPS + 1))
    assert image.sum() * 0.01 == pytest.approx(whole - cut, rel=2e-3)
    ends = [across[0, line].max() for line in image[along[:, 0] < -LENGTH_KM / 2 + STEPS * STEP_KM] if line.any()]
    assert len(np.unique(np.round(ends, 1))) == STEPS
    np.testing.assert_array_equal(image, image[::-1, ::-1])  # the same turned by half


@given(PATH_ROWS, st.floats(1, 30))
def test_margins_shrink_and_grow(path_row: tuple[int, int], margin: float) -> None:
    swath = Swath(*path_row)
    points = swath.lonlat(np.random.default_rng(0).uniform(-120, 120, (500, 2)))
    shrunk, plain, grown = (swath.contains(points, km) for km in (margin, 0, -margin))
    assert not (shrunk & ~plain).any()
    assert not (plain & ~grown).any()
    assert shrunk.sum() < grown.sum()


@given(PATH_ROWS, st.sampled_from([30.0, 300.0, 1387.5]))
def test_rasters_hold_their_scene_and_little_more(path_row: tuple[int, int], pixel_m: float) -> None:
    swath = Swath(*path_row)
    raster = make_grid(swath, pixel_m)
    west, south, east, north = (
        *(raster.transform @ (0, raster.lines)),
        *(raster.transform @ (raster.samples, 0)),
    )
    outline = swath.outline()
    x, y = warp("EPSG:4326", f"EPSG:{raster.epsg}", *outline.T)
    assert west < min(x)
    assert max(x) < east
    assert south < min(y)
    assert max(y) < north
    assert 0.6 < WIDTH_KM * LENGTH_KM * 1e6 / ((east - west) * (north - south)) < 0.75
    assert (raster.zone - 1) * 6 - 180 <= swath.projection.longitude < raster.zone * 6 - 180
    # zones are northern in the south too
    assert (north < 0) == (max(outline[:, 1]) < -0.1) or abs(swath.projection.latitude) < 3


def test_corners_are_pixel_centres() -> None:
    raster = make_grid(Swath(92, 84), 30.0)
    upper_left, lower_right = raster.projected_corners[[0, 2]]
    np.testing.assert_allclose(upper_left, raster.transform @ (0.5, 0.5))
    np.testing.assert_allclose(lower_right, raster.transform @ (raster.samples - 0.5, raster.lines - 0.5))
    x, y = warp("EPSG:4326", f"EPSG:{raster.epsg}", *raster.corners.T)
    np.testing.assert_allclose(np.column_stack([x, y]), raster.projected_corners, atol=0.01)


def test_map_coordinates_of_pixels_are_right_to_metres() -> None:
    swath = Swath(92, 84)
    raster = make_grid(swath, 300.0)
    nodes = swath.oblique(raster.nodes())
    got = np.stack([raster.interpolate(axis, 100, 103) for axis in np.moveaxis(nodes, -1, 0)], axis=-1)
    columns, rows = np.meshgrid(np.arange(raster.samples), np.arange(100, 103))
    x, y = raster.transform @ (columns.ravel() + 0.5, rows.ravel() + 0.5)
    exact = swath.oblique(np.column_stack(warp(f"EPSG:{raster.epsg}", "EPSG:4326", x, y)))
    assert np.abs(got.reshape(-1, 2) - exact).max() < 0.01  # km
