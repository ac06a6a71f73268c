"""Membership, against an oracle in different arithmetic: gnomonic half-planes around each point, in long double."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from benchmarks.support.synthetic_catalogue import HOME, make_catalogue
from mineral_pipeline import geometry
from mineral_pipeline.errors import DataError
from mineral_pipeline.labelling import membership, sum_inside

SQUARE = [[10, 40], [12, 40], [12, 42], [10, 42]]
NEAR_EDGE = 1e-8  # radians; so close to an edge the oracle is not exact enough


def frame(lon: float, lat: float) -> np.ndarray:
    """Point, east and north as unit vectors, in long double."""
    x, y = np.radians(np.array([lon, lat], dtype=np.longdouble))
    up = [np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)]
    return np.array([up, [-np.sin(x), np.cos(x), 0 * x], [-np.sin(y) * np.cos(x), -np.sin(y) * np.sin(x), np.cos(y)]])


def oracle(footprint: np.ndarray, point: np.ndarray) -> bool | None:
    """Whether the point lies inside; None where it is too near an edge to say.

    On the plane that touches the sphere at the point, great circles are straight, and the polygon winds around the
    origin or does not. Polygons here are smaller than a hemisphere: one behind the point does not hold it.
    """
    up, east, north = frame(*point)
    vertices = np.array([frame(*vertex)[0] for vertex in footprint])
    if not (vertices @ up > 0.05).all():
        return None if (vertices @ up > 0).any() else False
    x, y = vertices @ east / (vertices @ up), vertices @ north / (vertices @ up)
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    length = np.hypot(next_x - x, next_y - y)
    sides = (x * next_y - y * next_x)[length > 0] / length[length > 0]
    if np.abs(sides).min() < NEAR_EDGE:
        return None
    return bool((sides > 0).all() or (sides < 0).all())


def quad(lon: float, lat: float, turn: float, size: float, ratio: float = 0.9, corners: int = 4) -> np.ndarray:
    """A polygon around a position, size in degrees; longitudes continuous."""
    angles = np.radians(turn + np.arange(corners) * 360 / corners + np.array([0, 7, -5, 3, 2, -3])[:corners])
    up, east, north = frame(lon, lat).astype(float)
    arc = math.radians(size)
    plane = ratio * np.cos(angles)[:, None] * east + np.sin(angles)[:, None] * north
    shape = geometry.lonlat(up + math.tan(arc) * plane)
    shape[:, 0] = shape[0, 0] + (shape[:, 0] - shape[0, 0] + 180) % 360 - 180
    return shape


def near(shape: np.ndarray, lon: float, lat: float, size: float, count: int, seed: int) -> np.ndarray:
    """Random positions about a footprint."""
    random = np.random.default_rng(seed)
    up, east, north = frame(lon, lat).astype(float)
    offsets = random.normal(scale=math.radians(size), size=(count, 2))
    return np.concatenate(
        [geometry.lonlat(up + offsets[:, :1] * east + offsets[:, 1:] * north), shape + np.array([0.001, 0])]
    )


def inside(footprint: object, points: object) -> list[int]:
    """Members of a single footprint."""
    return list(membership(np.array([footprint], dtype=float), np.array(points, dtype=float)).indices)


@settings(deadline=None, max_examples=60)
@given(
    st.floats(-180, 180), st.sampled_from([-90.0, 90.0, 0.0]) | st.floats(-90, 90), st.floats(0, 360),
    st.floats(0.01, 30), st.integers(3, 6), st.booleans(), st.integers(0, 10**6),
)  # fmt: skip
def test_agrees_with_the_oracle(
    lon: float, lat: float, turn: float, size: float, corners: int, clockwise: bool, seed: int
) -> None:
    shape = quad(lon, lat, turn, size, corners=corners)
    points = near(shape, lon, lat, size, 40, seed)
    members = set(inside(shape[::-1] if clockwise else shape, points))
    for number, point in enumerate(points):
        expected = oracle(shape, point)
        assert expected is None or (number in members) == expected


def brute_force(footprints: np.ndarray, points: np.ndarray) -> csr_array:
    """All against all, in long double."""
    halves, vectors = geometry.half_spaces(footprints), geometry.unit_vectors(points)
    normals = np.where(halves.valid[:, None, None], halves.normals, np.nan).astype(np.longdouble)
    with np.errstate(invalid="ignore"):
        heights = np.einsum("nvx,mx->nmv", normals, vectors.astype(np.longdouble)).min(axis=2)
    return csr_array((heights >= -geometry.TOLERANCE).astype(np.int8))


def same(found: csr_array, expected: csr_array) -> bool:
    return found.shape == expected.shape and (found != expected).nnz == 0


def turned(positions: np.ndarray, to: tuple[float, float]) -> np.ndarray:
    """Positions after the turn of the globe that brings western America to ``to``."""
    return geometry.lonlat(geometry.unit_vectors(positions) @ frame(*HOME).astype(float).T @ frame(*to).astype(float))


@pytest.mark.parametrize("to", [HOME, (180, 0), (30, 90), (-175, -80)])
@pytest.mark.parametrize("grouping", ["location", "none", "one", "each", "shuffled"])
def test_a_catalogue_of_scenes_equals_brute_force(grouping: str, to: tuple[float, float]) -> None:
    catalogue = make_catalogue(300, 3000, seed=3)
    order = np.random.default_rng(0).permutation(300) if grouping == "shuffled" else np.arange(300)
    footprints, deposits = turned(catalogue.footprints[order], to), turned(catalogue.deposits, to)
    locations = {"none": None, "one": np.zeros(300), "each": np.arange(300)}
    found = membership(footprints, deposits, locations.get(grouping, catalogue.locations[order]))
    assert found.nnz > 1000
    assert same(found, brute_force(footprints, deposits))
    assert (found.dtype, type(found)) == (np.int8, csr_array)
    assert found.has_sorted_indices
    assert all((np.diff(row) > 0).all() for row in np.split(found.indices, found.indptr[1:-1]))
    assert (found.data == 1).all()


def test_the_tested_catalogue_has_all_that_is_hard() -> None:
    catalogue = make_catalogue(45_000, 10)
    assert catalogue.footprints[..., 1].max() > 81
    assert catalogue.footprints[..., 1].min() < -81
    assert (np.abs(catalogue.footprints[..., 0]) > 180).any()
    assert geometry.half_spaces(catalogue.footprints).valid.all()
    np.testing.assert_allclose(geometry.areas(catalogue.footprints), 185 * 170, rtol=0.01)


@pytest.mark.parametrize(
    "shape", [SQUARE, SQUARE[::-1], quad(180, 5, 30, 1), quad(-179.9, 81, 10, 1), quad(0, -90, 0, 2)]
)
def test_edges_and_corners_belong_to_the_polygon(shape: object) -> None:
    corners = geometry.unit_vectors(shape)
    following, middle = np.roll(corners, -1, axis=0), corners.mean(axis=0)
    along = np.linspace(0, 1, 41)[:, None, None]
    edges = ((1 - along) * corners + along * following).reshape(-1, 3)
    edges /= np.linalg.norm(edges, axis=1, keepdims=True)
    inwards = np.cross(corners, following)
    inwards *= np.sign(inwards @ middle)[:, None] / np.linalg.norm(inwards, axis=1, keepdims=True)
    step = 0.06 / 6_371_009  # 6 cm
    outside = edges - step * np.tile(inwards, (41, 1))
    count = len(edges)
    assert len(inside(shape, geometry.lonlat(edges))) == count
    assert len(inside(shape, geometry.lonlat(outside))) == 0
    assert len(inside(shape, geometry.lonlat(edges + step * 3 * (middle - edges) / 0.01))) == count


def test_the_antimeridian_is_nothing_special() -> None:
    west, east = [[179, 0], [181, 0], [181, 2], [179, 2]], [[-181, 0], [-179, 0], [-179, 2], [-181, 2]]
    points = [[180, 1], [-180, 1], [540, 1], [179.5, 1], [-179.5, 1], [180.5, 1], [0, 1], [178.9, 1], [-178.9, 1]]
    assert inside(west, points) == inside(east, points) == [0, 1, 2, 3, 4, 5]


def test_a_pole_may_lie_inside() -> None:
    polar = [[0, 80], [90, 80], [180, 80], [270, 80]]
    assert inside(polar, [[0, 90], [77, 90], [45, 85], [45, 79], [0, -90]]) == [0, 1, 2]


def test_the_antipode_lies_outside() -> None:
    assert inside(SQUARE, [[-169, -41], [11, -41], [191, 41]]) == []


BAD = {
    "it crosses itself": [[10, 40], [12, 40], [10, 42], [12, 42]],
    "fewer than three distinct vertices": [[10, 40], [12, 42], [12, 42], [12, 42]],
    "a vertex is not on the Earth, .*": [[10, 40], [12, 40], [math.nan, 42], [10, 42]],
    "it is as wide as a hemisphere": [[0, 1], [120, 1], [240, 1], [240, -1]],
}


@pytest.mark.parametrize("reason", BAD)
def test_what_is_no_polygon_is_refused_or_named(reason: str) -> None:
    points, footprints = [[11, 41], [10.1, 40.1], [12, 42], [11, 89.5]], [BAD[reason], SQUARE, BAD[reason]]
    message = f"2 of 3 footprints are no polygons.*: rows 0, 2: {reason}"
    with pytest.raises(DataError, match=message):
        membership(footprints, points)
    with pytest.raises(DataError, match=message):
        sum_inside(footprints, points, np.ones((4, 1), int))
    with pytest.warns(UserWarning, match=message):
        found = membership(footprints, points, [5, 5, 6], "warn")
    assert found.toarray().tolist() == [[0, 0, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0]]
    with pytest.warns(UserWarning, match=message):
        assert sum_inside(footprints, points, np.ones((4, 1), int), None, "warn").tolist() == [[0], [3], [0]]


@pytest.mark.parametrize(
    "bad",
    [
        [[11, 41], [11, 41], [11, 41], [11, 41]],
        [[10, 40], [math.inf, 40], [12, 42], [10, 42]],
        [[10, 89], [12, 89], [12, 91], [10, 91]],
        [[10, 40], [12, 40], [11, 41], [10, 40], [12, 40], [11, 41], [12, 43]],
        [[10, 40], [190, -40], [10, 42], [11, 41]],
    ],
    ids=["one vertex", "infinite", "beyond the pole", "twice around", "antipodes"],
)
def test_more_that_is_no_polygon(bad: list[list[float]]) -> None:
    with pytest.raises(DataError, match="row 0: "):
        inside(bad, [[11, 41]])


def test_a_message_names_some_rows_of_many() -> None:
    with pytest.raises(DataError, match=r"99 of 100 .* rows 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 89 more: it crosses"):
        membership([BAD["it crosses itself"]] * 99 + [SQUARE], [[11, 41]])


def test_points_that_are_nowhere_are_in_nothing() -> None:
    points = [[math.nan, 41], [11, math.nan], [11, 41], [math.inf, 41], [11, 139], [11, 41]]
    assert inside(SQUARE, points) == [2, 5]


def test_what_is_hardly_beyond_the_earth_is_in_nothing() -> None:
    polar = [[0, 80], [90, 80], [180, 80], [270, 80]]
    points = [[0, math.nextafter(90, 91)], [1e10, 85], [0, 90]]
    assert inside(polar, points) == [2]
    assert sum_inside([polar], points, np.ones((3, 1), np.int32)).tolist() == [[1]]


def test_nothing_to_ask() -> None:
    assert membership([SQUARE], np.empty((0, 2))).shape == (1, 0)
    assert membership([SQUARE], []).shape == (1, 0)
    assert membership(np.empty((0, 4, 2)), [[0, 0]]).shape == (0, 1)
    assert membership([], []).shape == (0, 0)
    assert membership([SQUARE], [[math.nan, 0]]).nnz == 0


def test_shorter_polygons_repeat_their_last_vertex() -> None:
    triangle = [[10, 40], [12, 40], [11, 42]]
    points = np.random.default_rng(0).uniform([9, 39], [13, 43], (500, 2))
    padded = [*triangle, triangle[-1], triangle[-1], triangle[-1]]
    assert inside(padded, points) == inside(triangle, points) != []


@pytest.mark.parametrize("locations", [None, np.zeros(300), np.arange(300)])
def test_coincident_scenes_and_points(locations: np.ndarray | None) -> None:
    """All locations are equally near, so that the query for neighbours must grow until it has them all."""
    found = membership([SQUARE] * 300, [[11, 41]] * 500 + [[20, 41]], locations)
    assert found.nnz == 300 * 500
    assert np.diff(found.indptr).tolist() == [500] * 300


def test_one_huge_footprint_among_small_ones() -> None:
    catalogue = make_catalogue(300, 3000, seed=5)
    huge = quad(-100, 40, 20, 36)  # 8,000 km across
    footprints = np.concatenate([catalogue.footprints[:150], [huge], catalogue.footprints[150:]])
    found = membership(footprints, catalogue.deposits)
    assert same(found, brute_force(footprints, catalogue.deposits))
    assert found[[150]].nnz > 1000


def test_duplicate_points_and_scenes_repeat() -> None:
    found = membership([SQUARE, SQUARE], [[11, 41], [50, 50], [11, 41]])
    assert found.toarray().tolist() == [[1, 0, 1], [1, 0, 1]]


@pytest.mark.parametrize("grouping", ["location", "none", "one", "each"])
@pytest.mark.parametrize("to", [HOME, (180, 0), (30, 90)])
def test_sums_are_the_membership_times_the_weights(grouping: str, to: tuple[float, float]) -> None:
    catalogue, random = make_catalogue(300, 5000, seed=4), np.random.default_rng(1)
    footprints, deposits = turned(catalogue.footprints, to), turned(catalogue.deposits, to)
    footprints[7], deposits[9] = np.nan, (0, 91)
    footprints[8] = quad(*to, 20, 36)
    weights = random.integers(-3, 4, (5000, 4)) * (random.random((5000, 4)) < 0.4)
    locations = {"none": None, "one": np.zeros(300), "each": np.arange(300)}.get(grouping, catalogue.locations)
    with pytest.warns(UserWarning, match="row 7: a vertex is not on the Earth"):
        found = sum_inside(footprints, deposits, weights, locations, "warn")
    assert found.any(axis=1).sum() > 100
    np.testing.assert_array_equal(found, brute_force(footprints, deposits).astype(np.int64) @ weights)


def test_sums_of_next_to_nothing() -> None:
    two = csr_array(np.ones((2, 1), np.int32))
    assert sum_inside([SQUARE, SQUARE[::-1]], [[11, 41], [11, 41]], two).tolist() == [[2], [2]]
    assert sum_inside([SQUARE], [[math.nan, 0], [0, 91]], two).tolist() == [[0]]
    assert sum_inside(np.empty((0, 4, 2)), [[0, 0], [1, 1]], two).shape == (0, 1)
    assert sum_inside([SQUARE], [], np.empty((0, 3))).tolist() == [[0, 0, 0]]
    assert sum_inside([SQUARE], [[11, 41], [11, 41]], np.empty((2, 0))).shape == (1, 0)
    with pytest.raises(DataError, match="a row for each of 3 points, not 2"):
        sum_inside([SQUARE], [[11, 41]] * 3, two)


@pytest.mark.parametrize(
    ("footprints", "points", "place", "named"),
    [
        ([[1, 2]], [[0, 0]], None, "footprints"),
        ([[[1, 2, 3]]], [[0, 0]], None, "footprints"),
        ([SQUARE], [0, 0], None, "points"),
        ([SQUARE], [[0, 0, 0]], None, "points"),
        ([SQUARE], [[0, 0]], [1, 2], "place"),
    ],
)
def test_shapes_that_do_not_fit(footprints: list, points: list, place: list[int] | None, named: str) -> None:
    with pytest.raises(DataError, match=named):
        membership(footprints, points, place)
