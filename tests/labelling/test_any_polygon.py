"""Membership in polygons of any kind, against turns of azimuth: seen from a point inside, an outline turns once."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from benchmarks.support.real_catalogue import read_deposits
from mineral_pipeline import geometry
from mineral_pipeline.errors import DataError
from mineral_pipeline.labelling import membership, sum_inside

CLOSE = 1e-6  # radians; so near to an edge azimuths say too little
TOLERANCE = 4e-9  # radians, 2.5 cm: so near to an edge, also beyond a sharp corner, a point may count as inside
with np.errstate(invalid="ignore"):
    NOT_FINITE = shapely.Polygon([(0, 0), (1, 0), (np.nan, 1)])
SQUARE = [(10, 40), (12, 40), (12, 42), (10, 42)]


def turns(ring: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether an outline (v, 2) that is smaller than a hemisphere turns around points (m, 2), and where that is sure.

    The azimuth of the next vertex differs by less than half a turn, because an edge is the shortest way.
    """
    (lon, lat), (x, y) = np.radians(ring).T, np.radians(points).T[:, :, None]
    sine, cosine = np.sin(lon - x), np.cos(lon - x)
    azimuth = np.arctan2(sine * np.cos(lat), np.cos(y) * np.sin(lat) - np.sin(y) * np.cos(lat) * cosine)
    step = np.diff(azimuth, append=azimuth[:, :1])
    step = (step + np.pi) % (2 * np.pi) - np.pi
    around = np.abs(step.sum(axis=1)) > np.pi
    # An outline turns around the antipodes of what it holds as well: those are on the far side of its middle.
    vertices = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
    following = np.roll(vertices, -1, axis=0)
    middle = np.linalg.norm(following - vertices, axis=1) @ (following + vertices)
    position = np.hstack([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)])
    normal = np.cross(vertices, following)
    length = np.linalg.norm(normal, axis=1)
    from_edges = np.abs(position @ normal.T) >= TOLERANCE * length
    sure = from_edges.all(axis=1) & ((np.pi - np.abs(step)).min(axis=1) > CLOSE)
    return around & (position @ middle > 0), sure


def oracle(shape: shapely.Geometry, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether points lie in a polygon or multipolygon, and where that is sure: rings by even and odd, parts united."""
    inside, sure = np.zeros(len(points), dtype=bool), np.ones(len(points), dtype=bool)
    for part in shapely.get_parts(shape):
        found = [turns(np.array(ring.coords)[:-1], points) for ring in shapely.get_rings(part)]
        inside |= np.logical_xor.reduce([around for around, _ in found])
        sure &= np.all([certain for _, certain in found], axis=0)
    return inside, sure


def check(shape: shapely.Geometry, points: np.ndarray) -> int:
    """Compare one polygon with the oracle, whole and in sums; return the number of points inside."""
    members = membership([shape], points)
    found, (expected, sure) = members.toarray()[0] > 0, oracle(shape, points)
    np.testing.assert_array_equal(found[sure], expected[sure])
    weights = np.arange(1, len(points) + 1)[:, None]
    np.testing.assert_array_equal(sum_inside([shape], points, weights), members.astype(np.int64) @ weights)
    return int(found.sum())


def star(lon: float, lat: float, radii: np.ndarray) -> np.ndarray:
    """Corners (v, 2) of a polygon around a position, ``radii`` in radians in even directions, turned to the sphere."""
    bearing, x, y = np.linspace(0, 2 * np.pi, len(radii), endpoint=False), *np.radians([lon, lat])
    up = np.array([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)])
    east, north = (
        np.array([-np.sin(x), np.cos(x), 0]),
        np.array([-np.sin(y) * np.cos(x), -np.sin(y) * np.sin(x), np.cos(y)]),
    )
    direction = np.sin(bearing)[:, None] * east + np.cos(bearing)[:, None] * north
    return geometry.lonlat(np.cos(radii)[:, None] * up + np.sin(radii)[:, None] * direction)


positions = st.tuples(st.floats(-180, 180), st.sampled_from([-90.0, 90.0, 0.0]) | st.floats(-90, 90))


@settings(deadline=None, max_examples=60)
@given(positions, st.lists(st.floats(0.05, 1), min_size=3, max_size=40), st.floats(0.0005, 1.2), st.booleans())
def test_any_star(centre: tuple[float, float], radii: list[float], size: float, clockwise: bool) -> None:
    """Concave outlines of 3 to 40 vertices, from 3 km to 7,000 km wide, everywhere on the Earth."""
    corners = star(*centre, size * np.array(radii))
    ring = corners[::-1] if clockwise else corners
    random = np.random.default_rng(len(radii))
    points = np.concatenate([star(*centre, size * random.uniform(0, 1.1, 60)), corners + 0.001 * size, [centre]])
    points[:, 1] = np.clip(points[:, 1], -90, 90)
    shape = shapely.Polygon(ring)
    try:
        inside = check(shape, points)
    except DataError:  # three narrow arms may all point the same way: then the middle is outside of all
        assume(False)
    assert inside > 0


def test_a_dart_is_concave() -> None:
    dart = [(0, 0), (4, 0), (1, 1), (0, 4)]
    assert membership([dart], [(0.5, 0.5), (1, 1), (2, 2), (1.01, 1.01), (3.9, 0.01)]).toarray().tolist() == [
        [1, 1, 0, 0, 1]
    ]


def test_shorter_concave_polygons_repeat_their_last_vertex() -> None:
    dart = [(0, 0), (4, 0), (1, 1), (0, 4)]
    points = np.random.default_rng(0).uniform(-1, 5, (500, 2))
    padded = membership([[*dart, dart[-1], dart[-1]], [*SQUARE, SQUARE[-1], SQUARE[-1]]], points).toarray()
    assert padded[0].tolist() == membership([dart], points).toarray()[0].tolist()
    assert 0 < padded[0].sum() < 250


@pytest.mark.parametrize("file", ["ne_110m_land", "ne_50m_land"])
def test_continents_and_islands(data: Path, file: str) -> None:
    """Antarctica around the pole, Eurasia in two parts, islands of a few vertices."""
    land = gpd.read_file(data / "land" / f"{file}.geojson")
    z = np.random.default_rng(0).uniform(-1, 1, 400)
    points = np.column_stack([np.random.default_rng(1).uniform(-180, 180, 400), np.degrees(np.arcsin(z))])
    found = membership(land, points)
    for row, shape in enumerate(land.geometry):
        expected, sure = oracle(shape, points)
        np.testing.assert_array_equal(found[[row]].toarray()[0][sure] > 0, expected[sure])
    assert 0.25 < (found.sum(axis=0) > 0).mean() < 0.35


def test_a_dent_of_a_hair_stays_a_dent() -> None:
    """What rounding makes of WRS-2 polygons: a vertex halfway along an edge, 50 m inside of it."""
    dented = [(10, 0), (11, 0.00045), (12, 0), (12, 2), (10, 2)]
    found = membership([dented], [(11, 0.0004), (11, 0.0005), (11, 0.00045), (11, 1), (10.5, 0.00022), (10.5, 0.00023)])
    assert found.toarray().tolist() == [[0, 1, 1, 1, 0, 1]]


@pytest.mark.parametrize("bottom", [10, 12.5])
def test_the_short_edge_at_the_bottom_of_a_wide_dent_is_sharp(bottom: float) -> None:
    """An edge of 600 m, far from the middle of a polygon of 4,000 km: 10 cm decide about inside and outside."""
    ends = [(bottom + 0.003, 10), (bottom - 0.003, 10)]
    wide = [(-20, 0), (20, 0), (20, 20), *ends, (-20, 20)]
    start, end = geometry.unit_vectors(ends)
    inwards = np.cross(start, end)[None] / np.linalg.norm(np.cross(start, end))
    inwards *= -np.sign(inwards[:, 2:])  # to the south
    along = np.linspace(0.1, 0.9, 9)[:, None]
    edge, step = (1 - along) * start + along * end, 0.1 / 6_371_009  # 10 cm
    points = geometry.lonlat(np.concatenate([edge + step * inwards, edge, edge - step * inwards]))
    assert membership([wide], points).toarray()[0].tolist() == [1] * 18 + [0] * 9


@pytest.mark.parametrize("step", [1e-12, 1e-9, 1e-7, 1e-5])
def test_crowded_vertices_change_nothing(step: float) -> None:
    """Copies of the vertices a hair away, in directions that mean nothing."""
    random = np.random.default_rng(0)
    ring = np.repeat(SQUARE, 5, axis=0) + random.uniform(-step, step, (20, 2))
    ring = np.concatenate(
        [
            ring[5 * n : 5 * n + 5][np.argsort(ring[5 * n : 5 * n + 5] @ d)]
            for n, d in enumerate([(1, 0), (0, 1), (-1, 0), (0, -1)])
        ]
    )
    points = random.uniform((9, 39), (13, 43), (5000, 2))
    far = np.abs(np.abs(points - (11, 41)) - 1).min(axis=1) > 3e-2  # edges bend by 2 km
    found = membership([ring], points).toarray()[0]
    assert found[far].tolist() == membership([SQUARE], points).toarray()[0][far].tolist()
    assert found.sum() > 1000


def test_a_hole_is_outside_and_its_edge_inside() -> None:
    ring = shapely.Polygon([(0, 0), (10, 0), (10, 10), (0, 10)], [[(4, 4), (4, 6), (6, 6), (6, 4)]])
    points = np.array([(5, 5), (4, 5), (4, 4), (1, 1), (11, 5), (4 - 1e-7, 5), (4 + 1e-6, 5)])
    assert membership([ring], points).toarray().tolist() == [[0, 1, 1, 1, 0, 1, 0]]
    check(ring, np.random.default_rng(0).uniform(-1, 11, (500, 2)))


def test_parts_are_a_union_and_a_seam_counts_once() -> None:
    west, east = shapely.box(178, -1, 180, 1), shapely.box(-180, -1, -178, 1)
    cut, whole = shapely.MultiPolygon([west, east]), shapely.box(178, -1, 182, 1)
    overlapping = shapely.MultiPolygon([shapely.box(178, -1, 181, 1), shapely.box(179, -1, 182, 1)])
    points = np.array([(180, 0), (-180, 0.5), (180, 1), (179, 0), (-179, 0), (177, 0), (540, 0.3), (179.999999, 0)])
    found = membership([cut, whole, overlapping], points).toarray()
    assert found.tolist() == [[1, 1, 1, 1, 1, 0, 1, 1]] * 3
    assert sum_inside([cut, whole, overlapping], points, np.ones((8, 1), int)).tolist() == [[7]] * 3


def test_a_pole_drawn_along_the_edge_of_the_map() -> None:
    """Antarctica as maps have it: down the antimeridian to the pole and up again, which is a slit of no width."""
    lon = np.arange(-180, 181, 10.0)
    coast = np.column_stack([lon, -70 - 5 * np.cos(np.radians(3 * lon))])
    shape = shapely.Polygon([(-180, -90), *coast, (180, -90)])
    points = np.array([(0, -90), (180, -80), (-180, -85), (45, -89), (170, -77), (0, -60), (180, -60), (-175, -80)])
    assert membership([shape], points).toarray().tolist() == [[1, 1, 1, 1, 1, 0, 0, 1]]


def test_many_vertices_convex_or_not() -> None:
    points = np.random.default_rng(0).normal((20, 50), 2, (500, 2))
    circle = shapely.Point(20, 50).buffer(2, quad_segs=500)
    gear = shapely.Polygon(star(20, 50, 0.03 + 0.005 * np.cos(np.arange(3000) * 0.3)))
    for shape in (circle, gear):
        assert check(shape, points) > 100


@pytest.mark.parametrize("vertices", [5, 32, 33, 200])
@pytest.mark.parametrize("centre", [(179.9, 10), (30, -89.5), (-60, 45)])
def test_arrays_are_the_polygons_of_their_vertices(vertices: int, centre: tuple[float, float]) -> None:
    """However many there are, convex or not, and where shorter polygons repeat the last one."""
    radii = 0.02 * np.where(np.arange(vertices) % 2, 0.9, 1)
    rings = [star(*centre, np.full(vertices, 0.02)), star(*centre, radii), star(*centre, radii[:5])]
    outlines = np.stack([np.concatenate([ring, np.repeat(ring[-1:], vertices - len(ring), axis=0)]) for ring in rings])
    points = star(*centre, np.random.default_rng(vertices).uniform(0, 0.022, 300))
    found = membership(outlines, points).toarray() > 0
    for inside, ring in zip(found, rings, strict=True):
        expected, sure = turns(ring, points)
        np.testing.assert_array_equal(inside[sure], expected[sure])
        assert 0 < inside.sum() < len(points)


def test_rounding_that_crosses_by_less_than_a_metre_is_no_bow_tie() -> None:
    touching = shapely.Polygon([(0, 0), (2, 0), (2, 2), (1, 2e-6), (0, 2), (0, 1), (1, 1e-6), (0, 0.5)])
    assert membership([touching], [(1.9, 1), (0.01, 1.5), (0.5, 1.5)]).toarray().tolist() == [[1, 1, 0]]
    crossing = shapely.Polygon([(0, 0), (2, 0), (2, 2), (0.998, -1e-6), (1.002, -1e-6), (0, 2)])
    assert membership([crossing], [(1.9, 1), (0.1, 1), (1, 1)]).toarray().tolist() == [[1, 1, 0]]


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (None, "no geometry"),
        (shapely.Polygon(), "no geometry"),
        (shapely.MultiPolygon(), "no geometry"),
        (shapely.Point(1, 1), "a Point instead of a polygon"),
        (shapely.LineString([(0, 0), (1, 1)]), "a LineString instead of a polygon"),
        (shapely.GeometryCollection([shapely.box(0, 0, 1, 1)]), "a GeometryCollection instead of a polygon"),
        (shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)]), "it crosses itself"),
        (shapely.Polygon([(0, 0), (1, 0), (2, 0)]), "it encloses no ground"),
        (shapely.Polygon([(0, 0), (1, 0), (3, 0), (2, 0)]), "it encloses no ground"),
        (shapely.Polygon([(0, 0), (1, 1), (0, 0)]), "fewer than three distinct vertices"),
        (shapely.box(-180, -60, 180, 60), "fewer than three distinct vertices"),
        (
            shapely.Polygon([(-120, -9), (0, -9), (120, -9), (120, 9), (0, 9), (-120, 9)]),
            "it is as wide as a hemisphere",
        ),
        (NOT_FINITE, "a vertex is not on the Earth"),
        (shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(0, 89, 1, 91)]), "a vertex is not on the Earth"),
        (shapely.Polygon([(0, 0), (4, 0), (4, 4), (0, 4)], [[(6, 1), (7, 1), (7, 2)]]), "it crosses itself"),
    ],
)
def test_what_is_no_polygon(shape: shapely.Geometry | None, reason: str) -> None:
    with pytest.raises(DataError, match=f"row 1: {reason}"):
        membership([shapely.box(0, 0, 1, 1), shape], [(0.5, 0.5)])
    with pytest.warns(UserWarning, match=f"1 of 2 footprints .* row 1: {reason}"):
        found = membership([shapely.box(0, 0, 1, 1), shape], [(0.5, 0.5)], invalid="warn")
    assert found.toarray().tolist() == [[1], [0]]


def test_what_is_neither_an_array_nor_polygons() -> None:
    for bad in ("polygon", [[1, 2], [3]], [[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 0], [1, 1], [0, 1]]], {"a": 1}):
        with pytest.raises(DataError, match="footprints must be"):
            membership(bad, [(0, 0)])


def test_forms_of_footprints_and_points() -> None:
    """Arrays, lists, series and tables, in WGS 84 or another reference system, with heights."""
    shapes, points = [shapely.Polygon(SQUARE), shapely.box(0, 0, 1, 1)], np.array([(11, 41), (0.5, 0.5), (30, 30)])
    series, where = gpd.GeoSeries(shapes, crs=4326), gpd.GeoSeries(shapely.points(points), crs=4326)
    expected = [[1, 0, 0], [0, 1, 0]]
    footprints = [
        shapes,
        np.array(shapes),
        tuple(shapes),
        series,
        gpd.GeoDataFrame(geometry=series),
        series.to_crs(3857),
    ]
    footprints += [
        gpd.GeoSeries(shapes),
        [shapely.force_3d(shape) for shape in shapes],
        [SQUARE, shapely.get_coordinates(shapes[1])[:-1]],
    ]
    for form in footprints:
        for place in (where, where.to_crs(3857), gpd.GeoDataFrame(geometry=where), list(where), points):
            assert membership(form, place).toarray().tolist() == expected
    absent = gpd.GeoSeries([None, shapely.Point(), shapely.Point(11, 41)], crs=4326)
    assert membership(shapes, absent).toarray().tolist() == [[0, 0, 1], [0, 0, 0]]
    with pytest.raises(DataError, match="points must be"):
        membership(shapes, shapes)


def test_convex_and_concave_footprints_side_by_side() -> None:
    random = np.random.default_rng(1)
    shapes = [
        shapely.Polygon(star(*random.uniform(-3, 3, 2), random.uniform(0.01, 0.04, n % 9 + 3))) for n in range(300)
    ]
    points, weights = random.uniform(-5, 5, (3000, 2)), random.integers(-2, 3, (3000, 3))
    found = membership(shapes, points, np.arange(300) % 40)
    for row, shape in enumerate(shapes):
        expected, sure = oracle(shape, points)
        np.testing.assert_array_equal(found[[row]].toarray()[0][sure] > 0, expected[sure])
    assert all((np.diff(row) > 0).all() for row in np.split(found.indices, found.indptr[1:-1]))
    np.testing.assert_array_equal(sum_inside(shapes, points, weights, np.arange(300) % 40), found.astype(int) @ weights)


@pytest.mark.slow
def test_every_polygon_of_the_real_grid(data: Path) -> None:
    """USGS's 28,892 WRS-2 polygons, 353 of them in two parts, nearly all concave by a hair or by kilometres."""
    grid = gpd.read_file(data / "wrs2/WRS2_descending.zip", columns=["PATH", "ROW"])
    deposits = read_deposits(data)
    centres = geometry.SphericalPolygons.of(grid.geometry).centres
    random = np.random.default_rng(0)
    beside = geometry.lonlat(centres + 0.02 * random.normal(size=centres.shape))  # where deposits are none
    points = np.concatenate([deposits, beside])
    found = membership(grid, points)
    assert found.shape == (28_892, len(points))
    near = cKDTree(geometry.unit_vectors(points)).query_ball_point(centres, 0.04)
    checked = 0
    for row, shape in enumerate(grid.geometry):
        candidates = random.permutation(np.array(near[row], dtype=int))[:60]
        expected, sure = oracle(shape, points[candidates])
        members = found.indices[found.indptr[row] : found.indptr[row + 1]]
        np.testing.assert_array_equal(np.isin(candidates, members)[sure], expected[sure])
        assert np.isin(members, near[row]).all()
        checked += int(expected.sum())
    assert checked > 40_000
    np.testing.assert_array_equal(sum_inside(grid, points, np.ones((len(points), 1), int))[:, 0], np.diff(found.indptr))
