"""Footprints against polygons that are known, in every projection that Landsat has, and against real images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyproj
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.features import rasterize
from shapely import Polygon

from mineral_pipeline.errors import RasterError
from mineral_pipeline.imagery import Raster, UnusableRaster, decode, find_footprint
from mineral_pipeline.imagery.footprint import convex_ring
from mineral_pipeline.imagery.polygon import NEGLIGIBLE, VERTICES, convex_hull, polygon_area, simplify
from mineral_pipeline.sphere import areas, half_spaces

PIXEL = 120.0  # metres: a quarter of the real resolution
UTM = CRS.from_epsg(32655)
FOLDER = "archive/LE07/01/092/084"
PRODUCTS = ["LE07_L1TP_092084_19990925_20170217_01_T1", "LE07_L1TP_092084_20110809_20161206_01_T1"]


def scene(angle: float, centre: tuple[float, float] = (500_000, 6_000_000), step: float = 4000) -> Polygon:
    """The outline of a TM image: a sheared 185 x 170 km block with stepped ends, ``angle`` degrees off the north."""
    x, y = 92_500.0, 85_000.0
    block = [
        (-x, -y),
        (-step, -y),
        (step, -y - step),
        (x, -y - step),
        (x, y),
        (step, y),
        (-step, y + step),
        (-x, y + step),
    ]
    outline = shapely.convex_hull(shapely.affinity.skew(Polygon(block), xs=4, origin=(0, 0)))
    return shapely.affinity.translate(shapely.affinity.rotate(outline, angle, origin=(0, 0)), *centre)


def grid(outline: Polygon, pixel: float = PIXEL) -> tuple[tuple[int, int], Affine]:
    """Shape and transform of the smallest raster around an outline, with a margin."""
    west, south, east, north = outline.buffer(10 * pixel).bounds
    return (int((north - south) / pixel), int((east - west) / pixel)), Affine(pixel, 0, west, 0, -pixel, north)


def draw(outline: Polygon) -> tuple[np.ndarray, Affine]:
    """A mask of the pixels whose centre is inside."""
    shape, transform = grid(outline)
    return rasterize([outline], shape, transform=transform).astype(bool), transform


def on_ground(footprint: np.ndarray, crs: CRS) -> Polygon:
    """A footprint in the coordinates of ``crs``."""
    to_ground = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    return Polygon(np.column_stack(to_ground.transform(*footprint.T)))


def error(found: Polygon, truth: Polygon) -> float:
    """Area in one but not in both, as a share of the truth."""
    return found.symmetric_difference(truth).area / truth.area


def assert_well_formed(footprint: np.ndarray) -> None:
    assert 3 <= len(footprint) <= VERTICES
    assert shapely.is_ccw(shapely.linearrings(footprint))
    assert -180 <= footprint[:, 0].min() < 180
    assert np.ptp(footprint[:, 0]) < 90
    assert half_spaces(footprint[None]).valid.all()  # convex on the sphere


@given(angle=st.floats(-45, 45), step=st.floats(0, 6000))
@settings(deadline=None, max_examples=15)
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
    ],
)
def test_every_projection_of_the_archive(epsg: int, centre: tuple[float, float]) -> None:
    truth, crs = scene(13, centre), CRS.from_epsg(epsg)
    footprint = find_footprint(*draw(truth), crs)
    assert_well_formed(footprint)
    assert error(on_ground(footprint, crs), truth) < 0.005
    # scale of the projections is within 0.96..1.01 at these places (UTM 0.9996, polar more)
    assert areas(footprint[None])[0] == pytest.approx(truth.area / 1e6, rel=0.08)


def test_stripes_of_fill_and_stray_pixels_change_little() -> None:
    truth = scene(13)
    mask, transform = draw(truth)
    lines, samples = np.indices(mask.shape)
    # a broken scan-line corrector leaves wedges: none in the middle of the swath, nearly half of it at its edges
    from_middle = np.abs(samples - mask.shape[1] / 2) / (mask.shape[1] / 2)
    mask &= (lines + samples // 4) % 9 >= 4.5 * from_middle
    rng = np.random.default_rng(3)
    mask[rng.integers(0, 40, 30), rng.integers(0, 40, 30)] = True  # single ones
    mask[:24, -24:] = True  # and a block, far from the image
    assert mask.mean() < 0.6
    assert error(on_ground(find_footprint(mask, transform, UTM), UTM), truth) < 0.01


def test_both_halves_of_a_broken_image_count() -> None:
    truth = scene(13)
    mask, transform = draw(truth)
    mask[700:800] = False
    assert error(on_ground(find_footprint(mask, transform, UTM), UTM), truth) < 0.01


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_real_image_fills_its_footprint(data: Path, product: str) -> None:
    raster = decode((data / FOLDER / product / f"{product}_B7.TIF").read_bytes())
    footprint = find_footprint(raster.pixels > 0, raster.transform, raster.crs)
    assert_well_formed(footprint)
    assert error(on_ground(footprint, raster.crs), hull_on_ground(raster)) < 0.001
    assert areas(footprint[None])[0] == pytest.approx(185 * 185, rel=0.1)  # km


def hull_on_ground(raster: Raster) -> Polygon:
    """Convex hull of the centres of all valid pixels, by shapely."""
    lines = [(row, np.flatnonzero(line)) for row, line in enumerate(raster.pixels)]
    ends = [(columns[end] + 0.5, row + 0.5) for row, columns in lines if len(columns) for end in (0, -1)]
    a, b, c, d, e, f = raster.transform[:6]
    return shapely.affinity.affine_transform(shapely.MultiPoint(ends).convex_hull, (a, b, d, e, c, f))


def test_one_image_on_two_grids_has_one_footprint(data: Path) -> None:
    paths = [data / f"rasters/LT05_L1GS_036029_20060523_test_{grid}.tif" for grid in ("MTSPCS", "WGS84")]
    rasters = [decode(path.read_bytes()) for path in paths]
    montana, world = (find_footprint(raster.pixels > 0, raster.transform, raster.crs) for raster in rasters)
    assert error(Polygon(world), Polygon(montana)) < 0.015


def test_the_true_edge_of_a_real_image(data: Path) -> None:
    raster = decode((data / "rasters/one-edge-LC08_L1TP_224078_20200518_B2.TIF").read_bytes())
    footprint = find_footprint(raster.pixels > 0, raster.transform, raster.crs)
    assert len(footprint) == 4
    assert error(on_ground(footprint, raster.crs), hull_on_ground(raster)) < 0.005


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


angles = st.lists(st.floats(0, 2 * np.pi), min_size=3, max_size=60)


@given(angles=angles, stretch=st.floats(0.2, 1))
@settings(deadline=None)
def test_a_simpler_polygon_is_convex_and_of_about_the_same_area(angles: list[float], stretch: float) -> None:
    points = np.column_stack([np.cos(angles), stretch * np.sin(angles)])
    try:
        ring = points[convex_hull(points)]
    except UnusableRaster:
        return
    simple = simplify(ring)
    assert 3 <= len(simple) <= VERTICES
    assert polygon_area(simple) == pytest.approx(Polygon(ring).area, rel=0.1)
    assert Polygon(simple).convex_hull.area == pytest.approx(polygon_area(simple), rel=1e-9)
    if len(ring) <= VERTICES:
        assert error(Polygon(simple), Polygon(ring)) <= VERTICES * NEGLIGIBLE


def test_the_corners_of_metadata_are_put_in_order() -> None:
    corners = np.array([[179.2, 10.1], [-178.9, 10.2], [-178.8, 8.4], [179.3, 8.3]])  # UL, UR, LR, LL
    ring = convex_ring(corners)
    assert_well_formed(ring)
    expected = np.array([[179.2, 10.1], [179.3, 8.3], [181.1, 10.2], [181.2, 8.4]])
    np.testing.assert_allclose(ring[np.argsort(ring[:, 0])], expected)
