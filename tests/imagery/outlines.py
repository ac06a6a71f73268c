"""Known outlines of images, and masks of them, for the tests of footprints."""

from __future__ import annotations

import numpy as np
import pyproj
import shapely
from affine import Affine
from rasterio.crs import CRS
from rasterio.features import rasterize
from shapely import Polygon

from mineral_pipeline.geometry import half_spaces
from mineral_pipeline.imagery.plane_polygons import MAX_VERTICES

PIXEL = 120.0  # metres: a quarter of the real resolution
UTM = CRS.from_epsg(32655)


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


def draw(outline: Polygon, pixel: float = PIXEL) -> tuple[np.ndarray, Affine]:
    """A mask of the pixels whose centre is inside."""
    shape, transform = grid(outline, pixel)
    return rasterize([outline], shape, transform=transform).astype(bool), transform


def on_ground(footprint: np.ndarray, crs: CRS) -> Polygon:
    """Return a footprint in the coordinates of ``crs``."""
    to_ground = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    return Polygon(np.column_stack(to_ground.transform(*footprint.T)))


def error(found: Polygon, truth: Polygon) -> float:
    """Return the area in one polygon but not in both, as a fraction of the truth."""
    return found.symmetric_difference(truth).area / truth.area


def assert_well_formed(footprint: np.ndarray) -> None:
    assert 3 <= len(footprint) <= MAX_VERTICES
    assert shapely.is_valid(Polygon(footprint))  # never crosses itself
    assert shapely.is_ccw(shapely.linearrings(footprint))
    assert -180 <= footprint[:, 0].min() < 180
    assert np.ptp(footprint[:, 0]) < 90
    assert half_spaces(footprint[None]).valid.all()
    assert_convex_on_the_sphere(footprint)


def assert_convex_on_the_sphere(footprint: np.ndarray) -> None:
    """No vertex lies outside the great circle of any edge, by more than rounding (half_spaces allows a little)."""
    lon, lat = np.radians(footprint.T)
    vectors = np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    heights = np.cross(vectors, np.roll(vectors, -1, axis=0)) @ vectors.T
    assert heights.min() > -1e-12
