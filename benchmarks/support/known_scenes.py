"""Simulated masks of valid pixels whose true polygon is known: Landsat 4's swath on the grids of the archive.

The outline, stepped ends included, is that of `mineral_pipeline.simulation`, which has only scenes in UTM, and no
broken sensor or black sea; those are made here. Only the mask is made, since footprints do not depend on pixel values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from affine import Affine
from pyproj import Transformer
from rasterio.crs import CRS

from mineral_pipeline.geometry import Flags, Floats
from mineral_pipeline.simulation import texture
from mineral_pipeline.simulation.grid import MARGIN_KM, NODES_KM
from mineral_pipeline.simulation.orbit import PATHS
from mineral_pipeline.simulation.swath import CUT_KM, LENGTH_KM, STEP_KM, STEPS, WIDTH_KM, Swath, seen

SWEEP_KM = 0.96
"""Ground length of two sweeps of the mirror, 16 lines each: the period of stripes of a broken scan-line corrector."""

LOST = "black sea"
"""The kind of scene of which a part cannot be told from fill."""

ROWS = {"plain": (30, 90), "high latitude": (14, 29), "polar": (1, 12)}
"""WRS-2 rows; 60 is the equator, 14 lies at 65 N, 1 at 81 N. In the south 120 minus the row."""


@dataclass(frozen=True)
class KnownScene:
    """The mask of a scene, and its true footprint."""

    kind: str
    """One of `SCENE_KINDS`."""
    valid: Flags
    """(y, x), True where there is image."""
    transform: Affine
    """From (column, row) of pixel corners to coordinates of ``crs``."""
    crs: CRS
    """Coordinate reference system of the raster: UTM, or polar stereographic."""
    truth: shapely.Polygon
    """Outline of the image in coordinates of ``crs``, steps included, and so not convex."""
    corners: Floats
    """(4, 2) lon/lat of the centres of the raster's corner pixels, as metadata give them."""


def make_scene(kind: str, rng: np.random.Generator, pixel_m: float) -> KnownScene:
    """Make a random scene of one of the `SCENE_KINDS`."""
    swath = _random_swath(rng, *ROWS.get(kind, ROWS["plain"]))
    crs = _polar(rng, swath) if kind == "polar" else _utm(swath)
    to_crs = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    truth = shapely.Polygon(np.column_stack(to_crs.transform(*outline(swath).T)))
    transform, shape = _raster(truth, pixel_m)
    across, along = _oblique(swath, to_crs, transform, shape)
    valid = seen(across, along) & SCENE_KINDS[kind](rng, across, along)
    corner = np.array([[0.5, 0.5], [shape[1] - 0.5, 0.5], [shape[1] - 0.5, shape[0] - 0.5], [0.5, shape[0] - 0.5]])
    corners = to_lonlat(to_crs, on_map(transform, corner))
    return KnownScene(kind, valid, transform, crs, truth, corners)


def on_map(transform: Affine, pixels: Floats) -> Floats:
    """Convert positions (..., 2) from columns and rows to map coordinates; the inverse transform converts back."""
    a, b, c, d, e, f = transform[:6]
    return np.asarray(pixels @ np.array([[a, d], [b, e]]) + np.array([c, f]))


def to_lonlat(to_crs: Transformer, positions: Floats) -> Floats:
    """Convert positions (..., 2) from map coordinates to lon/lat."""
    x, y = np.moveaxis(positions, -1, 0)
    return np.stack(to_crs.transform(x, y, direction="INVERSE"), axis=-1)


def outline(swath: Swath, points: int = 12) -> Floats:
    """Return the outline (v, 2) lon/lat of the image of a swath, with ``points`` on each straight part."""
    east, north = WIDTH_KM / 2, -LENGTH_KM / 2  # along the track, southwards
    cuts, lines = CUT_KM * np.arange(STEPS, 0, -1), STEP_KM * np.arange(STEPS + 1)
    steps = np.column_stack([np.repeat(east - cuts, 2), north + np.repeat(lines, 2)[1:-1]])
    half = np.vstack([[-east, north], steps, [east, north + lines[-1]]])
    ring = np.vstack([half, -half])
    ahead = np.roll(ring, -1, axis=0)
    dense = ring[:, None] + np.linspace(0, 1, points, endpoint=False)[:, None] * (ahead - ring)[:, None]
    return swath.lonlat(dense.reshape(-1, 2))


def _random_swath(rng: np.random.Generator, first: int, last: int) -> Swath:
    """Return the swath of a random path and of a row between two, north or south of the equator."""
    row = int(rng.integers(first, last, endpoint=True))
    return Swath(int(rng.integers(1, PATHS, endpoint=True)), row if rng.random() < 0.5 else 120 - row)


def _utm(swath: Swath) -> CRS:
    """Return the UTM zone of a swath: northern zones in the south too, as in the archive."""
    return CRS.from_epsg(32600 + int((swath.projection.longitude + 180) // 6) % 60 + 1)


def _polar(rng: np.random.Generator, swath: Swath) -> CRS:
    """Return Landsat's polar stereographic projection: true to scale at 71 degrees, with a random orientation."""
    pole = np.sign(swath.projection.latitude)
    up = rng.uniform(-180, 180)
    return CRS.from_proj4(f"+proj=stere +lat_0={90 * pole} +lat_ts={71 * pole} +lon_0={up:.2f} +datum=WGS84 +units=m")


def _raster(truth: shapely.Polygon, pixel_m: float) -> tuple[Affine, tuple[int, int]]:
    """Return transform and shape of the smallest raster around an outline with the simulation's margin."""
    west, south, east, north = truth.bounds
    left, top = west - 1000 * MARGIN_KM[0], north + 1000 * MARGIN_KM[1]
    samples, lines = (east - west) / pixel_m, (north - south) / pixel_m
    margins = 2000 * np.array(MARGIN_KM) / pixel_m
    return Affine(pixel_m, 0, left, 0, -pixel_m, top), (int(lines + margins[1]) + 1, int(samples + margins[0]) + 1)


def _oblique(swath: Swath, to_crs: Transformer, transform: Affine, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return km along the scan line and along the track for every pixel: exact at nodes, linear between them."""
    step = NODES_KM * 1000 / transform.a
    rows, columns = (np.arange(0, edge + step, step) for edge in shape)
    nodes = on_map(transform, np.stack(np.meshgrid(columns, rows), axis=-1))
    lonlat = to_lonlat(to_crs, nodes)
    down, over = (
        (1 - np.abs((np.arange(edge) + 0.5)[:, None] / step - np.arange(len(starts)))).clip(min=0)
        for edge, starts in zip(shape, (rows, columns), strict=True)
    )
    across, along = (down @ axis @ over.T for axis in np.moveaxis(swath.oblique(lonlat), -1, 0))
    return across, along


def _all(rng: np.random.Generator, across: Floats, along: Floats) -> Flags:
    """Return a mask of all pixels."""
    return np.ones(across.shape, bool)


def _stripes(rng: np.random.Generator, across: Floats, along: Floats) -> Flags:
    """Return the mask of a broken scan-line corrector: wedges from the centre line to the edges, 14 to 22 % in all."""
    widest = 2 * rng.uniform(0.14, 0.22)
    wedge = widest * np.abs(across) / (WIDTH_KM / 2)
    return np.asarray((along / SWEEP_KM + 0.5 * (across > 0)) % 1 >= wedge)


def _sea(rng: np.random.Generator, across: Floats, along: Floats) -> Flags:
    """Return the mask of a dark sea at an edge, of which up to 40 % of the pixels are 0, and in bays all."""
    wet = _coast(rng, across, along)
    black = rng.random(across.shape) < rng.uniform(0, 0.4)
    bays = (np.abs(along) < 0.3 * LENGTH_KM) & (np.abs(across) > 0.35 * WIDTH_KM)  # that touch the edge, not a corner
    return np.asarray(~(wet & (black | bays)))


def _black_sea(rng: np.random.Generator, across: Floats, along: Floats) -> Flags:
    """Return the mask of a sea that is all 0, up to the edge of the image."""
    return ~_coast(rng, across, along)


def _coast(rng: np.random.Generator, across: Floats, along: Floats) -> Flags:
    """Return the mask of the sea: one side of a rough line through the scene."""
    angle, middle = rng.uniform(0, 2 * np.pi), rng.uniform(-0.1, 0.4) * WIDTH_KM
    rough = texture.draw(rng, longest_km=80, octaves=4)
    relief = rough(across.ravel().astype(np.float32), along.ravel().astype(np.float32)).reshape(across.shape)
    return np.asarray(across * np.cos(angle) + along * np.sin(angle) + 6 * relief > middle)


SCENE_KINDS: dict[str, Callable[[np.random.Generator, Floats, Floats], Flags]] = {
    "plain": _all,
    "SLC-off": _stripes,
    "high latitude": _all,
    "polar": _all,
    "sea": _sea,
    LOST: _black_sea,
}
"""By kind of scene, the function that returns which pixels within the outline are valid."""
