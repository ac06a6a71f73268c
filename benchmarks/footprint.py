"""The error of footprints of scenes: ours, and those of the rivals.

    python -m benchmarks.footprint [--json FILE] [--check] [--small] [--picture FILE]

The scenes are simulated, so that the true polygon is known: 1,000, 200 of each kind, and 100 of which a part cannot be
told from fill. The error is the area that is in one polygon but not in both, as a fraction of the true one; the error
of the area itself, which is never larger, stands beside it. The true polygon has steps at two corners, which no convex
polygon follows. Seconds are medians per scene, from the mask in memory.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj import Transformer
from rasterio.features import shapes

from benchmarks.support.footprint_picture import Panel, draw, real_panels
from benchmarks.support.harness import command_line
from benchmarks.support.known_scenes import LOST, SCENE_KINDS, KnownScene, make_scene, on_map
from benchmarks.support.results import BenchmarkResult, Claim, Row, row
from mineral_pipeline.geometry import Floats, half_spaces, lonlat, unit_vectors
from mineral_pipeline.imagery import UnusableRaster, find_footprint

OURS = "mineral_pipeline.imagery"
CORNERS = "metadata corners (the study)"
PACKAGES = ("numpy", "pyproj", "rasterio", "scipy", "shapely")
PIXEL_M = 300.0
"""Pixel size; rasters are about 750 pixels wide (real: 7,400). At 60 m errors differ by at most 0.03 % (measured)."""
MAX_ERROR = 0.01
"""All errors of our footprints are smaller."""
QUANTILES = {"min": 0.0, "median": 0.5, "95 %": 0.95, "99 %": 0.99, "max": 1.0}


@dataclass(frozen=True)
class MeasuredFootprint:
    """The footprint that one method found for one scene, compared with the true one."""

    kind: str
    """Kind of the scene."""
    number: int
    """Number of the scene among its kind."""
    seconds: float
    """Time that the method took."""
    error: float
    """Area in one of the two polygons but not in both, as a fraction of the true one."""
    area: float
    """Error of the area, as a fraction of the true one; negative when it is too small."""
    vertices: int
    """Number of vertices."""
    fitted: bool
    """True when it is fitted to the image, False when it is that of the corners in the metadata."""
    convex: bool
    """True when it is convex on the sphere and does not cross itself."""


def ours(scene: KnownScene) -> Floats:
    """Return our footprint, lon/lat."""
    return find_footprint(scene.valid, scene.transform, scene.crs)


def corners(scene: KnownScene) -> Floats:
    """Return the corners of the raster, lon/lat."""
    return scene.corners


def rectangle(scene: KnownScene) -> shapely.Polygon:
    """Return the smallest rotated rectangle around the centres of all valid pixels, on the map."""
    return shapely.minimum_rotated_rectangle(_centres(scene))


def hull(scene: KnownScene) -> shapely.Polygon:
    """Return the convex hull of the centres of all valid pixels, on the map."""
    return _centres(scene).convex_hull


def traced(scene: KnownScene, tolerance_m: float = 1000) -> shapely.Polygon:
    """Return the simplified convex hull of the outlines of the valid parts, on the map."""
    mask = scene.valid.astype(np.uint8)
    parts = [shapely.geometry.shape(part) for part, _ in shapes(mask, mask=scene.valid, transform=scene.transform)]
    return shapely.GeometryCollection(parts).convex_hull.simplify(tolerance_m)


def _centres(scene: KnownScene) -> shapely.MultiPoint:
    rows, columns = np.nonzero(scene.valid)
    return shapely.MultiPoint(on_map(scene.transform, np.column_stack([columns, rows]).astype(np.float64) + 0.5))


METHODS: dict[str, tuple[Callable[[KnownScene], Any], int]] = {
    OURS: (ours, 1),
    CORNERS: (corners, 1),
    "rasterio shapes, hull, simplify": (traced, 4),
    "shapely convex_hull of pixels": (hull, 40),
    "shapely rotated rectangle": (rectangle, 40),
}
"""By name, a function that returns a polygon, lon/lat or on the map; it runs on one of so many scenes."""


def known_scene(kind: str, number: int, pixel_m: float = PIXEL_M) -> KnownScene:
    """Return a scene of a kind, always the same for a number."""
    return make_scene(kind, np.random.default_rng([list(SCENE_KINDS).index(kind), number]), pixel_m)


def measure_scene(method: str, scene: KnownScene, number: int) -> MeasuredFootprint:
    """Find the footprint of a scene by a method, and compare it with the true one."""
    start = time.perf_counter()
    try:
        polygon, fitted = METHODS[method][0](scene), True
    except UnusableRaster:
        polygon, fitted = scene.corners, False
    seconds = time.perf_counter() - start
    if isinstance(polygon, np.ndarray):
        vertices, convex = len(polygon), bool(half_spaces(polygon[None]).valid[0])
        polygon = _as_drawn(polygon, scene)
    else:
        vertices, convex = len(polygon.exterior.coords) - 1, True
    return MeasuredFootprint(
        kind=scene.kind,
        number=number,
        seconds=seconds,
        error=float(polygon.symmetric_difference(scene.truth).area / scene.truth.area),
        area=float(polygon.area / scene.truth.area - 1),
        vertices=vertices,
        fitted=fitted,
        convex=convex and bool(shapely.is_valid(polygon)),
    )


def _as_drawn(ring: Floats, scene: KnownScene, points: int = 16) -> shapely.Polygon:
    """Draw a polygon (v, 2) lon/lat, whose edges are great circles, on the scene's map."""
    start = unit_vectors(ring)
    fraction = np.linspace(0, 1, points, endpoint=False)[:, None]
    dense = lonlat(start[:, None] * (1 - fraction) + np.roll(start, -1, axis=0)[:, None] * fraction).reshape(-1, 2)
    to_map = Transformer.from_crs("EPSG:4326", scene.crs, always_xy=True)
    return shapely.Polygon(np.column_stack(to_map.transform(*dense.T)))


def measure(small: bool, picture: Path | None = None) -> BenchmarkResult:
    """Measure all methods on the scenes, one scene after the other."""
    counts = dict.fromkeys(SCENE_KINDS, 4 if small else 200) | {LOST: 2 if small else 100}
    pixel_m = 600 if small else PIXEL_M
    ours(known_scene(LOST, 0, pixel_m))  # the first call takes longer
    results: dict[str, list[MeasuredFootprint]] = {method: [] for method in METHODS}
    for kind, count in counts.items():
        for number in range(count):
            scene = known_scene(kind, number, pixel_m)
            for method, (_, every) in METHODS.items():
                if number % every == 0:
                    results[method].append(measure_scene(method, scene, number))
    if picture:
        draw(picture, [*(_panel(found, pixel_m) for found in _chosen(results[OURS])), *real_panels()])
    known = {method: [found for found in all_found if found.kind != LOST] for method, all_found in results.items()}
    kinds = {f"  {kind}": [found for found in results[OURS] if found.kind == kind] for kind in SCENE_KINDS}
    first, *rivals = [_row(method, found) for method, found in known.items()]
    rows = [first, *(_row(kind, found) for kind, found in kinds.items()), *rivals]
    return BenchmarkResult(f"{len(known[OURS]):,} simulated scenes; errors in %", rows, _claims(known[OURS]), _notes())


def _row(method: str, all_found: Sequence[MeasuredFootprint]) -> Row:
    """Return the row of a method in the table."""
    errors = 100 * np.array([found.error for found in all_found])
    areas = 100 * np.array([found.area for found in all_found])
    vertices = np.array([found.vertices for found in all_found])
    facts = {name: f"{np.quantile(errors, share):.2f}" for name, share in QUANTILES.items()}
    facts |= {
        "mean": f"{errors.mean():.2f}",
        "area": f"{np.median(areas):+.2f} {areas[np.abs(areas).argmax()]:+.2f}",
        "vertices": f"{vertices.min()}-{vertices.max()}",
        "fitted": f"{np.mean([found.fitted for found in all_found]):.0%}",
    }
    seconds = [found.seconds for found in all_found]
    return replace(row(method, seconds), facts=facts)


def _claims(all_found: Sequence[MeasuredFootprint]) -> list[Claim]:
    count = len(all_found)
    within, convex = sum(found.error < MAX_ERROR for found in all_found), sum(found.convex for found in all_found)
    return [
        Claim(f"scenes with an error below {MAX_ERROR:.0%}", within, count),
        Claim("footprints that are convex and do not cross themselves", convex, count),
    ]


def _notes() -> tuple[str, ...]:
    return (
        f"{LOST!r} is not among the first row's scenes: where a sea is all 0 up to a corner or along a side, nothing"
        " tells it from the fill around the image, and the footprint is that of the rest",
        "area: error of the area, the median and the worst",
        "fitted: share of footprints that are from the image and not from the metadata",
        "rasterio is given every fourth scene and shapely, which takes long, every fortieth (runs)",
    )


def _chosen(all_found: Sequence[MeasuredFootprint]) -> Iterable[MeasuredFootprint]:
    """Yield the median and the worst footprint of every kind of scene."""
    for kind in SCENE_KINDS:
        ranked = sorted((found for found in all_found if found.kind == kind), key=lambda found: found.error)
        yield from (ranked[len(ranked) // 2], ranked[-1])


def _panel(found: MeasuredFootprint, pixel_m: float) -> Panel:
    """Return the picture's panel of a scene."""
    scene = known_scene(found.kind, found.number, pixel_m)
    title = f"{found.kind} {found.number}: error {found.error:.2%}"
    return Panel(title, scene.valid.astype(np.uint8), scene.transform, scene.crs, scene.truth)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--picture", type=Path)
    options, others = parser.parse_known_args(arguments)
    return command_line("footprint", partial(measure, picture=options.picture), PACKAGES, others)


if __name__ == "__main__":
    sys.exit(main())
