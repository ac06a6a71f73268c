"""The leakage check: shared ground and shared deposits, against areas that are known."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from convex_clipping import intersection_areas
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_pipeline import curation, geometry
from mineral_pipeline.curation import leakage, overlap
from mineral_pipeline.curation.coverage import Coverage
from mineral_pipeline.errors import LeakageError
from mineral_pipeline.geometry import polygon_area
from mineral_pipeline.workspace import Workspace, artefacts


def samples(**subsets: list[tuple[str, tuple[float, float, float, float]]]) -> gpd.GeoDataFrame:
    """Samples from boxes (west, south, east, north) of the locations of each subset."""
    rows = [
        {"subset": subset, "sample": number, "location_id": location_id, "geometry": shapely.box(*box)}
        for subset, boxes in subsets.items()
        for number, (location_id, box) in enumerate(boxes)
    ]
    return gpd.GeoDataFrame(rows, crs="EPSG:4326")


FAR = {"validation": [("050050", (60.0, 0.0, 61.0, 1.0))]}


def measure(deposits: Any = (), **subsets: Any) -> dict[str, Any]:
    return curation.measure_leakage(samples(**subsets), np.asarray(deposits, dtype=float).reshape(-1, 2), 0.0)


def test_a_quarter_is_shared() -> None:
    found = measure(train=[("001001", (0.5, 0.0, 1.5, 1.0))], test=[("002002", (0.0, -0.5, 1.0, 0.5))], **FAR)
    assert found["area"] == pytest.approx(0.25, abs=1e-3)
    assert found["worst"] == pytest.approx(found["area"])
    assert found["locations"] == 1.0
    assert found["validation"] == {"area": 0.0, "locations": 0.0, "worst": 0.0, "deposits": 0}
    assert found["max_leakage"] == 0.0


def test_ground_under_two_training_footprints_counts_once() -> None:
    train = [("001001", (0.5, 0.0, 1.5, 1.0)), ("001002", (0.5, 0.0, 1.5, 1.0)), ("001001", (0.4, 0.0, 1.4, 1.0))]
    found = measure(train=train, test=[("002002", (0.0, 0.0, 1.0, 1.0))], **FAR)
    assert found["area"] == pytest.approx(0.6, abs=1e-3)


def test_chips_of_a_test_location_count_once() -> None:
    test = [("002002", (0.0, 0.0, 1.0, 1.0)), ("002002", (-1.0, 0.0, 0.5, 1.0)), ("003003", (20.0, 0.0, 22.0, 1.0))]
    found = measure(train=[("001001", (0.0, 0.0, 0.5, 1.0))], test=test, **FAR)
    assert found["area"] == pytest.approx(0.5 / 4, abs=1e-3)
    assert found["worst"] == pytest.approx(0.25, abs=1e-3)
    assert found["locations"] == 0.5


def test_areas_are_those_of_the_sphere() -> None:
    """A location near the pole and across the antimeridian, against clipping and excesses without any plane."""
    own = np.array([[(170, 80), (200, 80), (200, 84), (170, 84)]], dtype=float)
    other = np.array([[(185, 78), (215, 79), (215, 83), (185, 83)]], dtype=float)
    coverage = Coverage.of(shapely.polygons(np.concatenate([own, other])), np.array([0, 1]))
    np.testing.assert_allclose(
        coverage.areas(), np.concatenate([geometry.areas(own), geometry.areas(other)]), rtol=1e-9
    )
    shared = intersection_areas(own, other)[0]
    np.testing.assert_allclose(coverage.shared_areas(np.array([[0, 1], [1, 0]])), [shared, shared], rtol=1e-9)


def test_a_hole_is_no_ground() -> None:
    ring = shapely.Polygon(shapely.box(-0.02, -0.02, 0.02, 0.02).exterior, [shapely.box(0, 0, 0.01, 0.01).exterior])
    whole, hole = shapely.box(-0.02, -0.02, 0.02, 0.02), shapely.box(0, 0, 0.01, 0.01)
    found = polygon_area.gnomonic_areas(np.array([ring, whole, hole, shapely.Point(0, 0)], dtype=object))
    assert found[0] == pytest.approx(found[1] - found[2], rel=1e-12)
    assert found[1] == pytest.approx((0.04 * geometry.EARTH_RADIUS_KM) ** 2, rel=1e-3)
    assert found[3] == 0


def test_a_location_in_both_subsets_is_found() -> None:
    box = (0.0, 0.0, 1.0, 1.0)
    assert measure(train=[("001001", box)], test=[("001001", box)], **FAR)["area"] == pytest.approx(1)


def test_the_map_names_the_locations_that_meet() -> None:
    train = [("001001", (0.5, 0.0, 1.5, 1.0)), ("001009", (30.0, 0.0, 31.0, 1.0))]
    test = [("002002", (0.0, 0.0, 1.0, 1.0)), ("003003", (179.5, 0.0, 180.5, 1.0))]
    locations = curation.SplitLeakage(samples(train=train, test=test, **FAR)).locations().set_index("location_id")
    assert locations["subset"].to_dict() == {
        "001001": "train", "001009": "train", "002002": "test", "003003": "test", "050050": "validation",
    }  # fmt: skip
    assert locations["shared"]["002002"] == pytest.approx(0.5, abs=1e-3)
    assert (locations["shared"][["003003", "050050"]] == 0).all()
    assert locations["shared"][["001001", "001009"]].isna().all()
    assert locations["meets_test"].to_dict() == {
        "001001": True, "001009": False, "002002": False, "003003": False, "050050": False,
    }  # fmt: skip
    west, _, east, _ = locations.geometry["003003"].bounds
    assert east - west == pytest.approx(1)


def test_deposits_in_footprints_of_both_subsets() -> None:
    deposits = [(0.7, 0.2), (0.2, 0.2), (1.2, 0.2), (0.6, 0.4), (9, 9), (180, 0)]
    found = measure(deposits, train=[("001001", (0.5, 0, 1.5, 1))], test=[("002002", (0, 0, 1, 0.5))], **FAR)
    assert found["deposits"] == 2


def on_equal_areas(shape: shapely.Geometry, centre: tuple[float, float]) -> shapely.Geometry:
    """A polygon of great circles on Lambert's equal-area plane, in km: edges are drawn with points along the sphere."""
    sphere = pyproj.Geod(a=6371.0088, f=0)
    plane = pyproj.Proj(proj="laea", lon_0=centre[0], lat_0=centre[1], R=6371.0088)
    drawn = []
    for part in shapely.get_parts(shape):
        corners = shapely.get_coordinates(part)
        pieces = [[a, *sphere.npts(*a, *b, 40)] for a, b in itertools.pairwise(corners) if not (a == b).all()]
        drawn.append(shapely.Polygon(np.column_stack(plane(*np.concatenate(pieces).T))).buffer(0))
    return shapely.union_all(drawn)


@pytest.mark.parametrize(
    ("paths", "rows", "centre"),
    [
        (range(30, 34), range(33, 40), (-105, 36)),  # United States
        (range(70, 77), range(8, 12), (180, 70)),  # across the antimeridian
        (range(218, 222), range(112, 119), (0, -80)),  # Antarctica, where the polygons are most concave
    ],
)
def test_leakage_between_real_polygons(data: Path, paths: range, rows: range, centre: tuple[float, float]) -> None:
    """28 overlapping neighbours of USGS's own polygons, at random in training and test, against an equal-area plane."""
    grid = gpd.read_file(data / "wrs2/WRS2_descending.zip", columns=["PATH", "ROW"])
    grid = grid[grid["PATH"].isin(paths) & grid["ROW"].isin(rows)].reset_index(drop=True)
    assert len(grid) == 28
    is_test = np.random.default_rng(3).permutation(28) < 9
    chips = grid.assign(
        location_id=[f"{path:03d}{row:03d}" for path, row in zip(grid["PATH"], grid["ROW"], strict=True)],
        subset=np.where(is_test, "test", "train"), sample=1,
    )  # fmt: skip
    drawn = np.array([on_equal_areas(shape, centre) for shape in grid.geometry], dtype=object)
    shared = shapely.area(shapely.intersection(drawn[is_test], shapely.union_all(drawn[~is_test])))
    ground = shapely.area(drawn[is_test])
    found = curation.measure_leakage(chips, np.empty((0, 2)), 0.0)
    assert found["area"] == pytest.approx(shared.sum() / ground.sum(), abs=1e-4)
    assert found["area"] > 0.1
    assert found["worst"] == pytest.approx((shared / ground).max(), abs=1e-4)
    assert found["locations"] == np.mean(shared > 0)
    overlapping = shapely.intersects(drawn[:, None], drawn) & ~np.eye(28, dtype=bool)
    pairs = overlap.overlapping_pairs(grid.geometry, np.arange(28))
    assert pairs.tolist() == np.argwhere(np.triu(overlapping)).tolist()


def test_a_subset_without_locations_shares_nothing() -> None:
    found = measure([(0.5, 0.5)], train=[("001001", (0.0, 0.0, 1.0, 1.0))], test=[("002002", (0.2, 0.0, 1.2, 1.0))])
    assert found["area"] == pytest.approx(0.8, abs=1e-3)
    assert found["validation"] == {"area": 0.0, "locations": 0.0, "worst": 0.0, "deposits": 0}


def test_a_deposit_on_the_edge_of_a_footprint_is_inside() -> None:
    squares = np.array([[(0, 0), (2, 0), (2, 2), (0, 2)], [(10, 0), (12, 0), (12, 2), (10, 2)]], dtype=float)
    points = np.array([(0, 0), (1, 0), (2, 0), (0, 1), (10, 1), (11, -1e-6)])  # edges at 0 are straight
    contained = leakage.contained_by_subset(squares, np.array([0, 1]), np.array([0, 1]), points)
    assert contained[:2].tolist() == [[True] * 4 + [False] * 2, [False] * 4 + [True, False]]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_contained_deposits_against_the_lonlat_plane(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform((-3, -3), (3, 3), (500, 2))
    rings = np.array([(-1, -1), (1, -1.2), (1, 1), (-1, 1.2)]) + rng.uniform(-2, 2, (8, 1, 2))
    location, subset = np.array([0, 1, 2, 3, 0, 1, 2, 0]), np.array([0, 2, 1, 2])
    contained = leakage.contained_by_subset(rings, location, subset, points)
    for number in range(3):
        polygons = shapely.union_all(shapely.polygons(rings[subset[location] == number]))
        sure = shapely.distance(shapely.boundary(polygons), shapely.points(points)) > 1e-3  # edges bend by metres
        np.testing.assert_array_equal(contained[number][sure], shapely.contains_xy(polygons, points)[sure])


def test_the_check(workspace: Workspace) -> None:
    found = measure([(0.7, 0.2)], train=[("001001", (0.5, 0, 1.5, 1))], test=[("002002", (0, 0, 1, 1))], **FAR)
    workspace.write_json(artefacts.samples_summary("presence"), {"leakage": found})
    with pytest.raises(
        LeakageError, match=r"presence: 50\.\d % .* 1 deposits, more than curate\.max_leakage 0 allows"
    ) as caught:
        curation.check_leakage(workspace, "presence", 0.0)
    assert "\n" not in str(caught.value)
    assert "curate.max_leakage: 0.51" in str(caught.value) or "curate.max_leakage: 0.5 " in str(caught.value)
    curation.check_leakage(workspace, "presence", 0.51)


@pytest.mark.parametrize(
    ("area", "enough"), [(0.5, "0.5"), (0.254, "0.26"), (0.0004, "0.01"), (0.99, "0.99"), (0.995, "1")]
)
def test_the_check_proposes_the_next_hundredth_that_allows_what_there_is(
    workspace: Workspace, area: float, enough: str
) -> None:
    workspace.write_json(artefacts.samples_summary("presence"), {"leakage": {"area": area, "deposits": 0}})
    with pytest.raises(LeakageError, match=rf"curate\.max_leakage: {enough} to train all the same"):
        curation.check_leakage(workspace, "presence", 0.0)
    curation.check_leakage(workspace, "presence", float(enough))


def test_a_deposit_in_both_is_leakage_where_none_is_allowed(workspace: Workspace) -> None:
    workspace.write_json(artefacts.samples_summary("presence"), {"leakage": {"area": 0.0, "deposits": 2}})
    with pytest.raises(LeakageError, match=r"with 2 deposits, more than curate\.max_leakage 0 allows"):
        curation.check_leakage(workspace, "presence", 0.0)
    for allowed in (0.01, 1.0):
        curation.check_leakage(workspace, "presence", allowed)


def test_the_check_lets_separate_subsets_pass(workspace: Workspace) -> None:
    found = measure([(0.7, 0.2)], train=[("001001", (2, 0, 3, 1))], test=[("002002", (0, 0, 1, 1))], **FAR)
    assert found["area"] == 0
    workspace.write_json(artefacts.samples_summary("presence"), {"leakage": found})
    curation.check_leakage(workspace, "presence", 0.0)
