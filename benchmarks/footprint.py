"""The footprint of a scene: how far it is from the truth, ours and what others take for it.

    python -m benchmarks.footprint [--json FILE] [--check] [--small] [--picture FILE]

1,000 simulated scenes whose true polygon is known, 200 of each kind, and 100 of which a part cannot be known. The
error is the area that is in one polygon but not in both, as a share of the true one; the error of the area itself,
which is never larger, stands beside it. The truth has steps at two corners, which no convex polygon follows. Seconds
are medians per scene, from the mask in memory.
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
from benchmarks.support.harness import Claim, Report, Row, command_line, row
from benchmarks.support.known_scenes import KINDS, LOST, KnownScene, make_scene, on_map
from mineral_pipeline.geometry import Floats, half_spaces, lonlat, unit_vectors
from mineral_pipeline.imagery import UnusableRaster, find_footprint

OURS = "mineral_pipeline.imagery"
CORNERS = "metadata corners (the study)"
PACKAGES = ("numpy", "pyproj", "rasterio", "scipy", "shapely")
PIXEL_M = 300.0
"""Of the rasters, about 750 pixels across (real ones: 7,400). At 60 m errors differ by at most 0.03 % (measured)."""
LIMIT = 0.01
"""Error that no footprint reaches."""
QUANTILES = {"min": 0.0, "median": 0.5, "95 %": 0.95, "99 %": 0.99, "max": 1.0}


@dataclass(frozen=True)
class Found:
    """What one method found of one scene."""

    kind: str
    """Of the scene."""
    number: int
    """Of the scene among its kind."""
    seconds: float
    """That it took."""
    error: float
    """Area in one of the found and the true polygon but not in both, as a share of the true one."""
    area: float
    """Error of the area, as a share of the true one; negative when it is too small."""
    vertices: int
    """Of the polygon."""
    fitted: bool
    """To the image; else the corners in the metadata stand in."""
    convex: bool
    """On the sphere, and it does not cross itself."""


def ours(scene: KnownScene) -> Floats:
    """The outermost valid pixels, lon/lat."""
    return find_footprint(scene.valid, scene.transform, scene.crs)


def corners(scene: KnownScene) -> Floats:
    """Of the raster, lon/lat."""
    return scene.corners


def rectangle(scene: KnownScene) -> shapely.Polygon:
    """The smallest rotated rectangle around the centres of all valid pixels, on the map."""
    return shapely.minimum_rotated_rectangle(_centres(scene))


def hull(scene: KnownScene) -> shapely.Polygon:
    """The convex hull of the centres of all valid pixels, on the map."""
    return _centres(scene).convex_hull


def traced(scene: KnownScene, tolerance_m: float = 1000) -> shapely.Polygon:
    """The outlines of the valid parts, the hull around them, and less vertices of it, on the map."""
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
"""What finds a polygon, lon/lat or on the map, and of how many scenes it is given one."""


def known_scene(kind: str, number: int, pixel_m: float = PIXEL_M) -> KnownScene:
    """One of the scenes, always the same."""
    return make_scene(kind, np.random.default_rng([list(KINDS).index(kind), number]), pixel_m)


def judge(method: str, scene: KnownScene, number: int) -> Found:
    """Let a method find the polygon of a scene, and compare it with the truth."""
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
    return Found(
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
    """A polygon (v, 2) lon/lat, whose edges are great circles, on the scene's map."""
    start = unit_vectors(ring)
    way = np.linspace(0, 1, points, endpoint=False)[:, None]
    dense = lonlat(start[:, None] * (1 - way) + np.roll(start, -1, axis=0)[:, None] * way).reshape(-1, 2)
    to_map = Transformer.from_crs("EPSG:4326", scene.crs, always_xy=True)
    return shapely.Polygon(np.column_stack(to_map.transform(*dense.T)))


def measure(small: bool, picture: Path | None = None) -> Report:
    """Give the scenes to all methods, one scene after the other."""
    counts = dict.fromkeys(KINDS, 4 if small else 200) | {LOST: 2 if small else 100}
    pixel_m = 600 if small else PIXEL_M
    ours(known_scene(LOST, 0, pixel_m))  # the first takes longer
    results: dict[str, list[Found]] = {method: [] for method in METHODS}
    for kind, count in counts.items():
        for number in range(count):
            scene = known_scene(kind, number, pixel_m)
            for method, (_, every) in METHODS.items():
                if number % every == 0:
                    results[method].append(judge(method, scene, number))
    if picture:
        draw(picture, [*(_panel(found, pixel_m) for found in _chosen(results[OURS])), *real_panels()])
    known = {method: [found for found in all_found if found.kind != LOST] for method, all_found in results.items()}
    kinds = {f"  {kind}": [found for found in results[OURS] if found.kind == kind] for kind in KINDS}
    first, *rivals = [_row(method, found) for method, found in known.items()]
    rows = [first, *(_row(kind, found) for kind, found in kinds.items()), *rivals]
    return Report(f"{len(known[OURS]):,} simulated scenes; errors in %", rows, _claims(known[OURS]), _notes())


def _row(method: str, all_found: Sequence[Found]) -> Row:
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


def _claims(all_found: Sequence[Found]) -> list[Claim]:
    count = len(all_found)
    within, convex = sum(found.error < LIMIT for found in all_found), sum(found.convex for found in all_found)
    return [
        Claim(f"scenes with an error below {LIMIT:.0%}", within, count),
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


def _chosen(all_found: Sequence[Found]) -> Iterable[Found]:
    """The median and the worst footprint of every kind."""
    for kind in KINDS:
        ranked = sorted((found for found in all_found if found.kind == kind), key=lambda found: found.error)
        yield from (ranked[len(ranked) // 2], ranked[-1])


def _panel(found: Found, pixel_m: float) -> Panel:
    scene = known_scene(found.kind, found.number, pixel_m)
    title = f"{found.kind} {found.number}: error {found.error:.2%}"
    return Panel(title, scene.valid.astype(np.uint8), scene.transform, scene.crs, scene.truth)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--picture", type=Path)
    options, others = parser.parse_known_args(arguments)
    return command_line("footprint", partial(measure, picture=options.picture), PACKAGES, others)


if __name__ == "__main__":
    sys.exit(main())
