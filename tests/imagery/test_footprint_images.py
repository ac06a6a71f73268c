"""Footprints of real and simulated images, and of broken, noisy, dark and tiny ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine
from outlines import PIXEL, UTM, assert_well_formed, draw, error, on_ground, scene
from rasterio.crs import CRS
from rasterio.features import sieve
from shapely import MultiPoint, Point, Polygon

from mineral_pipeline import simulation
from mineral_pipeline.geometry import half_spaces, unit_vectors
from mineral_pipeline.imagery import Raster, UnusableRaster, decode, find_footprint, make_chip
from mineral_pipeline.settings import Simulate
from mineral_pipeline.simulation.render import render

Mask = np.ndarray
REAL = [
    "rasters/L7_ETMs.tif",
    "rasters/LT05_L1GS_036029_20060523_test_MTSPCS.tif",
    "rasters/LT05_L1GS_036029_20060523_test_WGS84.tif",
    "rasters/LT52240631988227CUB02_B5.TIF",
    "rasters/LT52240631988227CUB02_B7.TIF",
    "rasters/RGB.byte.tif",
    "rasters/one-edge-LC08_L1TP_224078_20200518_B2.TIF",
    *(
        f"archive/{product[:4]}/01/{product[10:13]}/{product[13:16]}/{product}/{product}_{band}.TIF"
        for product, bands in {
            "LE07_L1TP_092084_19990925_20170217_01_T1": "B1 B2 B3 B4 B5 B7 BQA",
            "LE07_L1TP_092084_20110809_20161206_01_T1": "B1 B2 B3 B4 B5 B7 BQA",
            "LT05_L1GS_092091_19910506_20170126_01_T2": "B5 B7",
        }.items()
        for band in bands.split()
    ),
    *(
        f"rasters/more/{name}.TIF"
        for name in (
            "rio-tiler-pds/LC08_L1TP_016037_20170813_20170814_01_RT_B7",
            "rio-tiler-pds/LC08_L1TP_016037_20170813_20170814_01_RT_B8",
            "rio-tiler-pds/LC08_L2SP_001062_20201031_20201106_02_T2_SR_B7",
            "rio-toa/tiny_LC80460282016177LGN00_B2",
            "rio-toa/tiny_LC81390452014295LGN00_B5",
        )
    ),
]
TINY = ["LT05_L1GS_092091"]  # of 60 pixels: half a pixel on every side is 4 % of the area
STRIPED = ["20110809"]


ALL_FILL = "rasters/all-fill/LT50470282005313PAC01_sr_band7.tif"
NOT_CONVEX = {
    f"rasters/more/{name}.TIF"
    for name in (
        "rio-toa/tiny_LC80100202015018LGN00_B1",
        "stactools_L8_SR_B7/LC08_L2SP_005009_20150710_20200908_02_T2_SR_B7",
        "stactools_L8_SR_B7/LC08_L2SP_008059_20191201_20200825_02_T1_SR_B7",
        "stactools_L8_SR_B7/LC08_L2SP_017036_20130419_20200913_02_T2_SR_B7",
        "stactools_L8_SR_B7/LC08_L2SR_099120_20191129_20201016_02_T2_SR_B7",
    )
}
"""Landsat 8 images of which 0.4 to 3.4 % lie between image and hull: masked edges of Level 2, staggered ends."""


def test_every_real_raster_is_tested(data: Path) -> None:
    found = {path.relative_to(data).as_posix() for path in data.rglob("*") if path.suffix.lower() == ".tif"}
    assert found - set(REAL) == {ALL_FILL, *NOT_CONVEX}


@pytest.mark.parametrize("name", REAL, ids=lambda name: Path(name).stem)
def test_a_real_image_fills_its_footprint(data: Path, name: str) -> None:
    with rasterio.open(data / name) as file:  # not decode, which refuses files of several bands
        raster = Raster(np.where(file.read_masks(1) > 0, file.read(1), 0), file.transform, file.crs)
    footprint = find_footprint(raster.pixels > 0, raster.transform, raster.crs)
    assert_well_formed(footprint)
    valid = sieve((raster.pixels > 0).astype(np.uint8), 40, connectivity=8)  # GDAL's way to drop strays
    ends = [(x, y) for y, line in enumerate(valid) if line.any() for x in np.flatnonzero(line)[[0, -1]]]
    hull = MultiPoint(np.array(ends) + 0.5).convex_hull
    centre = footprint.mean(axis=0)
    truth = equal_area(to_ground(hull, raster.transform), raster.crs, centre)
    assert error(equal_area(Polygon(footprint), CRS.from_epsg(4326), centre), truth) < 0.01
    area = abs(pyproj.Geod(ellps="WGS84").polygon_area_perimeter(*footprint.T)[0])
    assert area == pytest.approx(truth.area, rel=0.01)
    if not any(part in name for part in STRIPED):
        frame = to_ground(shapely.box(0, 0, *raster.pixels.shape[::-1]), raster.transform)
        pixel = equal_area(frame, raster.crs, centre).area / raster.pixels.size
        assert area == pytest.approx(valid.sum() * pixel, rel=0.003)  # no hull, no vertices: a count


def to_ground(pixels: Polygon, transform: Affine) -> Polygon:
    a, b, c, d, e, f = transform[:6]
    return shapely.affinity.affine_transform(pixels, (a, b, d, e, c, f))


def equal_area(outline: Polygon, crs: CRS, centre: np.ndarray) -> Polygon:
    """Return an outline in m in Lambert's azimuthal equal-area projection around a centre."""
    onto = pyproj.Transformer.from_crs(crs, f"+proj=laea +lon_0={centre[0]} +lat_0={centre[1]}", always_xy=True)
    dense = outline.segmentize(outline.length / 400)
    return shapely.transform(dense, lambda xy: np.column_stack(onto.transform(*xy.T)))


def test_one_image_on_two_grids_has_one_footprint(data: Path) -> None:
    paths = [data / f"rasters/LT05_L1GS_036029_20060523_test_{grid}.tif" for grid in ("MTSPCS", "WGS84")]
    rasters = [decode(path.read_bytes()) for path in paths]
    montana, world = (find_footprint(raster.pixels > 0, raster.transform, raster.crs) for raster in rasters)
    assert error(Polygon(world), Polygon(montana)) < 0.015


def test_real_rasters_without_a_footprint_say_why(data: Path) -> None:
    fill = decode((data / "rasters/all-fill/LT50470282005313PAC01_sr_band7.tif").read_bytes())
    with pytest.raises(UnusableRaster, match="span no area"):
        find_footprint(fill.pixels > 0, fill.transform, fill.crs)
    lost = replace(decode((data / REAL[1]).read_bytes(), "MTSPCS.tif"), crs=None)
    with pytest.raises(UnusableRaster, match=r"MTSPCS\.tif: no georeference"):
        make_chip([lost], 64, "rescale")


@pytest.mark.parametrize("size", [96, 740])
def test_simulated_scenes(size: int) -> None:
    """Against the swath, point by point: the fraction of its ground on which the two disagree."""
    planet = simulation.create(Simulate(locations=6, islands=2, dates=1, scene_size=size), 1)
    points = np.random.default_rng(0).uniform(-110, 110, (200_000, 2))  # km across and along
    for seen in simulation.scenes(planet)[: 2 if size > 96 else 6]:
        footprint = find_footprint(render(planet, seen) > 0, seen.grid.transform, CRS.from_epsg(seen.grid.epsg))
        assert_well_formed(footprint)
        lonlat = seen.location.swath.lonlat(points)
        inside = (unit_vectors(lonlat) @ half_spaces(footprint[None]).normals[0].T >= 0).all(axis=1)
        truth = seen.location.swath.contains(lonlat)
        assert (inside != truth).sum() < 0.01 * truth.sum()
        assert inside.sum() == pytest.approx(truth.sum(), rel=0.005 if size > 96 else 0.01)


def stripes(mask: Mask, lost: float) -> Mask:
    """A broken scan-line corrector: wedges from the middle to the edges that take ``lost`` of all."""
    lines, samples = np.indices(mask.shape)
    away = np.abs(samples - mask.shape[1] / 2) / (mask.shape[1] / 2)
    period = 960 / PIXEL
    return ((lines + samples / 4) / period + 0.5 * (samples > mask.shape[1] / 2)) % 1 >= 2 * lost * away


def noise(mask: Mask) -> Mask:
    """Single pixels all over the fill, and a block of them far from the image."""
    singles = np.random.default_rng(3).random(mask.shape) < 5e-5
    singles[:9, -9:] = True
    return singles


def line(mask: Mask, thickness: int) -> Mask:
    """A line of noise right through the raster."""
    through = np.zeros(mask.shape, bool)
    through[mask.shape[0] // 7 :][:thickness] = True
    return through


def hole(mask: Mask) -> Mask:
    y, x = np.indices(mask.shape) / np.reshape(mask.shape, (2, 1, 1)) - 0.5
    return np.hypot(x - 0.05, y + 0.1) > 0.2


def gap(mask: Mask) -> Mask:
    y, x = np.indices(mask.shape) / np.reshape(mask.shape, (2, 1, 1)) - 0.5
    return np.abs(y + 0.3 * x) > 0.08


def sea(mask: Mask, black: float) -> Mask:
    """A sea at two edges, ``black`` of whose pixels are 0, scattered."""
    y, x = np.indices(mask.shape) / np.reshape(mask.shape, (2, 1, 1)) - 0.5
    wet = x + 0.4 * y + 0.03 * np.sin(30 * y) > 0.1
    return ~wet | (np.random.default_rng(5).random(mask.shape) >= black)


HARM: dict[str, Callable[[Mask], Mask]] = {
    "stripes of 14 %": lambda mask: mask & stripes(mask, 0.14),
    "stripes of 22 %": lambda mask: mask & stripes(mask, 0.22),
    "stray pixels": lambda mask: mask | noise(mask),
    "stripes and stray pixels": lambda mask: mask & stripes(mask, 0.22) | noise(mask),
    "a line of noise": lambda mask: mask | line(mask, 1),
    "a column of noise": lambda mask: mask | line(mask.T, 1).T,
    "three lines of noise": lambda mask: mask | line(mask, 3),
    "a hole": lambda mask: mask & hole(mask),
    "two parts": lambda mask: mask & gap(mask),
    "a sea of which 10 % is 0": lambda mask: mask & sea(mask, 0.1),
    "a sea of which 50 % is 0": lambda mask: mask & sea(mask, 0.5),
    "a sea of which 75 % is 0": lambda mask: mask & sea(mask, 0.75),
}


@pytest.mark.parametrize("angle", [0, 13, -38])
@pytest.mark.parametrize("harm", HARM)
def test_harm_to_the_image_changes_little(harm: str, angle: float) -> None:
    truth = scene(angle)
    mask, transform = draw(truth)
    harmed = HARM[harm](mask)
    assert (harmed != mask).sum() > 20
    footprint = find_footprint(harmed, transform, UTM)
    assert_well_formed(footprint)
    assert error(on_ground(footprint, UTM), truth) < 0.01


@pytest.mark.parametrize("harm", ["stripes of 22 %", "stray pixels", "a line of noise", "a sea of which 75 % is 0"])
def test_harm_to_a_reduced_image(harm: str) -> None:
    truth = scene(13)
    mask, transform = draw(truth, 600)
    footprint = find_footprint(HARM[harm](mask), transform, UTM)
    assert_well_formed(footprint)
    assert error(on_ground(footprint, UTM), truth) < 0.01


@pytest.mark.parametrize("angle", [0, 13, -38])
def test_black_bays_between_the_corners_are_closed(angle: float) -> None:
    truth = scene(angle)
    middles = [(597_000, 6_000_000), (480_000, 6_090_000)]
    bays = [shapely.affinity.rotate(Point(at).buffer(30_000), angle, origin=(5e5, 6e6)) for at in middles]
    land = truth.difference(shapely.union_all(bays))
    assert land.area < 0.93 * truth.area
    footprint = find_footprint(*draw(land), UTM)
    assert_well_formed(footprint)
    assert error(on_ground(footprint, UTM), truth) < 0.01


@pytest.mark.parametrize("keep", ["a corner", "a side", "a strip"])
def test_what_is_all_fill_is_not_of_the_footprint(keep: str) -> None:
    """A black sea over a corner of the image cannot be told from fill: the footprint of the rest is found."""
    truth = scene(13)
    west, south, east, north = truth.bounds
    rest = {
        "a corner": shapely.box(west, north - 60_000, west + 90_000, north),
        "a side": shapely.box(west, south, west + 120_000, north),
        "a strip": shapely.box(west, south + 90_000, east, south + 94_000),
    }[keep]
    left = truth.intersection(rest)
    footprint = find_footprint(*draw(left), UTM)
    assert_well_formed(footprint)
    assert error(on_ground(footprint, UTM), left) < (0.02 if keep == "a strip" else 0.01)  # of 33 pixels
    assert on_ground(footprint, UTM).area < 0.8 * truth.area


def test_a_sliver_thinner_than_noise_is_an_image_when_there_is_no_other() -> None:
    mask = np.zeros((400, 400), bool)
    mask[100:300, 57:59] = True
    transform = Affine(30, 0, 5e5, 0, -30, 6e6)
    sliver = shapely.box(5e5 + 57 * 30, 6e6 - 300 * 30, 5e5 + 59 * 30, 6e6 - 100 * 30)
    assert error(on_ground(find_footprint(mask, transform, UTM), UTM), sliver) < 1e-6


def test_the_chip_has_the_footprint_of_its_scene() -> None:
    truth = scene(13)
    mask, transform = draw(truth)
    pixels = np.where(HARM["a sea of which 10 % is 0"](mask), 2, 0).astype(np.uint8)  # dark, as water in band 7
    chip = make_chip([Raster(pixels, transform, UTM)], 512, "resize")
    assert chip.footprint_source == "image"
    assert error(on_ground(chip.footprint, UTM), truth) < 0.01
