"""Which locations overlap, against pyproj's gnomonic projection and shapely."""

from __future__ import annotations

import itertools

import numpy as np
import pyproj
import pytest
import shapely
from convex_clipping import intersection_areas
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_pipeline import geometry
from mineral_pipeline.curation import overlap

CENTRES = [(0, 0), (179.5, 10), (-179.5, -60), (30, 89.5), (0, -89.9), (100, 81.8)]


def squares(centre: tuple[float, float], offsets_km: np.ndarray, turn: float, edge_km: float = 180) -> np.ndarray:
    """Footprints (n, 4, 2), ``offsets_km`` (n, 2) away from ``centre`` and turned by ``turn`` radians."""
    proj = pyproj.Proj(proj="gnom", lon_0=centre[0], lat_0=centre[1], R=geometry.EARTH_RADIUS_KM)
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * edge_km / 2
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    x, y = np.moveaxis(offsets_km[:, None] + corners @ rotation, -1, 0)
    return np.stack(proj(x, y, inverse=True), axis=-1)


def in_the_plane(footprints: np.ndarray, centre: tuple[float, float]) -> np.ndarray:
    """Footprints as polygons of a gnomonic plane, in km."""
    proj = pyproj.Proj(proj="gnom", lon_0=centre[0], lat_0=centre[1], R=geometry.EARTH_RADIUS_KM)
    return shapely.polygons(np.stack(proj(footprints[..., 0], footprints[..., 1]), axis=-1))


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(CENTRES), st.integers(0, 2**32 - 1), st.floats(0, np.pi))
def test_overlaps_are_those_of_the_gnomonic_plane(centre: tuple[float, float], seed: int, turn: float) -> None:
    rng = np.random.default_rng(seed)
    footprints = squares(centre, rng.uniform(-600, 600, (16, 2)), turn)
    location = np.concatenate([np.arange(8), rng.integers(0, 8, 8)])
    polygons = in_the_plane(footprints, centre)
    gaps = shapely.distance(polygons[:, None], polygons)
    depths = np.sqrt(shapely.area(shapely.intersection(polygons[:, None], polygons)))
    found = {tuple(pair) for pair in overlap.overlapping_pairs(footprints, location).tolist()}
    for a, b in itertools.combinations(range(8), 2):
        rows = np.ix_(location == a, location == b)
        if max(gaps[rows].min(), depths[rows].max()) > 1e-3:  # not within a metre of touching
            assert ((a, b) in found) == (depths[rows].max() > 0)


def test_one_huge_location_among_small_ones() -> None:
    small = squares((20, 40), np.random.default_rng(0).uniform(-2000, 2000, (300, 2)), 0.2, edge_km=30)
    huge = squares((20, 40), np.zeros((1, 2)), 0.0, edge_km=2500)
    pairs = overlap.overlapping_pairs(np.concatenate([small, huge]), np.arange(301))
    shared = intersection_areas(small, np.repeat(huge, 300, axis=0)) > 0
    assert 50 < shared.sum() < 250
    assert set(pairs[pairs[:, 1] == 300, 0]) == set(np.flatnonzero(shared))


def test_a_hull_contains_every_footprint_of_its_location() -> None:
    footprints = squares((179.9, 65), np.array([(0, 0), (30, 10), (400, 0)]), 0.3)
    hulls = overlap.hulls(footprints, np.array([0, 0, 1]))
    assert len(hulls) == 2
    covered = intersection_areas(footprints, hulls[[0, 0, 1]])
    np.testing.assert_allclose(covered, geometry.areas(footprints), rtol=1e-9)
    assert geometry.areas(hulls)[0] < 1.35 * geometry.areas(footprints)[0]


def test_a_hull_follows_a_footprint_of_many_vertices() -> None:
    circle = shapely.Point(0, 0).buffer(1, quad_segs=16)
    (outline,) = overlap.outlines(np.array([circle]), [0])
    assert outline.area == pytest.approx(circle.area, rel=1e-9)
    assert len(overlap.hulls(np.array([circle]), [0])[0]) == 64


def test_touching_footprints_overlap() -> None:
    corner = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=float)
    assert overlap.overlapping_pairs(np.stack([corner, corner + 1]), np.array([0, 1])).tolist() == [[0, 1]]
    assert overlap.overlapping_pairs(np.stack([corner, corner + 1.001]), np.array([0, 1])).tolist() == []


@pytest.mark.parametrize(("gap", "pairs"), [(0.1, []), (-0.1, [[0, 1], [2, 3]])])
def test_what_lies_in_a_dent_does_not_overlap_unless_it_reaches_the_ground(gap: float, pairs: list[list[int]]) -> None:
    """Two horseshoes that open to the north, and a square between the arms of each."""

    def horseshoe(lon: float) -> shapely.Polygon:
        return shapely.box(lon, 0, lon + 3, 3).difference(shapely.box(lon + 1, 1, lon + 2, 4))

    def square(lon: float) -> shapely.Polygon:
        return shapely.box(lon + 1.2, 1 + gap, lon + 1.8, 2)

    footprints = np.array([square(20), horseshoe(20), horseshoe(50), square(50)])
    assert overlap.overlapping_pairs(footprints, np.arange(4)).tolist() == pairs


def test_no_footprints_have_no_overlaps() -> None:
    assert overlap.overlapping_pairs(np.empty((0, 4, 2)), np.empty(0)).shape == (0, 2)
