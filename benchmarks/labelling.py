"""Which deposits lie in which footprint: ours against the ways others would do it, on one core.

    python -m benchmarks.labelling [--json FILE] [--check] [--small]

All start from the same longitudes and latitudes and end with the members of every scene: index building, unit
vectors and edges are part of the time. Compilation is not: a small run comes first.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from scipy.spatial import cKDTree

from benchmarks.harness import Claim, Report, Row, alternate, command_line, ratio, row
from benchmarks.world import World, make_world
from mineral_pipeline import sphere
from mineral_pipeline.labelling import membership
from mineral_pipeline.sphere import TOLERANCE, Floats

OURS = "mineral_pipeline.labelling.membership"
NAIVE = "naive NumPy, every deposit against every scene"
STUDY = "the study's: scipy cKDTree of deposits, circle and polygon scene by scene"
STUDY_VECTORISED = "the same, circles and edges computed for all scenes at once"
STRTREE = "shapely STRtree of the polygons, asked by points"
SJOIN = "geopandas.sjoin"
PLANAR = frozenset({STRTREE, SJOIN})
PACKAGES = ("geopandas", "numba", "numpy", "pykdtree", "scipy", "shapely")

Members = list[np.ndarray]


def naive(world: World, vectors: Floats, scenes: np.ndarray) -> Members:
    """Edges as half-spaces, one matrix product per scene."""
    return [_inside(vectors, *_outline(world.footprints[scene])) for scene in scenes]


def study(world: World) -> Members:
    """The published algorithm: a k-d tree of deposits, asked for each scene's enclosing circle."""
    vectors = sphere.unit_vectors(world.deposits)
    tree, members = cKDTree(vectors), []
    for footprint in world.footprints:
        corners, centre = _outline(footprint)
        radius = np.linalg.norm(corners - centre, axis=1).max()
        near = np.asarray(tree.query_ball_point(centre, radius + TOLERANCE), dtype=np.int64)
        members.append(near[_inside(vectors[near], corners, centre)])
    return members


def study_vectorised(world: World) -> Members:
    """The published algorithm with its set-up in one go."""
    vectors = sphere.unit_vectors(world.deposits)
    halves = sphere.half_spaces(world.footprints)
    tree, members = cKDTree(vectors), []
    chords = 2 * np.sin(halves.radii / 2) + TOLERANCE
    for centre, chord, normals in zip(halves.centres, chords, halves.normals, strict=True):
        near = np.asarray(tree.query_ball_point(centre, chord), dtype=np.int64)
        members.append(near[(vectors[near] @ normals.T >= -TOLERANCE).all(axis=1)])
    return members


def strtree(world: World) -> np.ndarray:
    """Planar, with an index of the polygons."""
    index = shapely.STRtree(shapely.polygons(world.footprints))
    _, scenes = index.query(shapely.points(world.deposits), predicate="intersects")
    return np.bincount(scenes, minlength=len(world.footprints))


def sjoin(world: World) -> np.ndarray:
    """Planar, as most would write it first."""
    scenes = gpd.GeoDataFrame(geometry=shapely.polygons(world.footprints), crs="EPSG:4326")
    deposits = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*world.deposits.T), crs="EPSG:4326")
    joined = gpd.sjoin(deposits, scenes, predicate="intersects")
    return np.bincount(joined["index_right"], minlength=len(world.footprints))


def _outline(footprint: Floats) -> tuple[Floats, Floats]:
    """Corners and centre as unit vectors."""
    corners = sphere.unit_vectors(footprint)
    centre = corners.sum(axis=0)
    return corners, centre / np.linalg.norm(centre)


def _inside(vectors: Floats, corners: Floats, centre: Floats) -> np.ndarray:
    normals = np.cross(corners, np.roll(corners, -1, axis=0))
    normals *= np.sign(normals @ centre)[:, None] / np.linalg.norm(normals, axis=1, keepdims=True)
    return np.flatnonzero((vectors @ normals.T >= -TOLERANCE).all(axis=1))


def measure(small: bool) -> Report:
    """Run all rivals by turns on one simulated world, and count where they agree."""
    scenes, deposits, sample, repeats = (600, 5_000, 20, 1) if small else (45_000, 350_000, 60, 3)
    world = make_world(scenes, deposits)
    vectors = sphere.unit_vectors(world.deposits)
    chosen = np.random.default_rng(1).choice(scenes, sample, replace=False)
    membership(world.footprints[:10], world.deposits[:10])  # compiles
    seconds, found = alternate(
        {
            OURS: (lambda: membership(world.footprints, world.deposits, world.places), 2 * repeats + 1),
            NAIVE: (lambda: naive(world, vectors, chosen), repeats),
            STUDY: (lambda: study(world), repeats),
            STUDY_VECTORISED: (lambda: study_vectorised(world), repeats),
            STRTREE: (lambda: strtree(world), repeats),
            SJOIN: (lambda: sjoin(world), repeats),
        }
    )
    truth = np.diff(found[OURS].indptr)
    rows, wrong = [], 0
    for method, runs in seconds.items():
        share = sample / scenes if method == NAIVE else 1.0
        differing = _differences(found[method], truth[chosen] if method == NAIVE else truth)
        wrong += int(differing > 0 and method not in PLANAR)
        rows.append(
            row(method, runs, share, scenes=f"{sample if method == NAIVE else scenes:,}", differ=f"{differing:,}")
        )
    title = f"{scenes:,} scenes x {deposits:,} deposits (simulated), {truth.sum():,} pairs"
    return Report(title, rows, _claims(rows, wrong, small), _notes(sample))


def _differences(found: Any, truth: np.ndarray) -> int:
    """Scenes whose number of deposits differs from ours."""
    counts = [len(members) for members in found] if isinstance(found, list) else found
    counts = np.diff(found.indptr) if hasattr(found, "indptr") else np.asarray(counts)
    return int((counts != truth).sum())


def _claims(rows: Sequence[Row], wrong: int, small: bool) -> list[Claim]:
    exact = Claim("exact methods that agree with ours in every scene", 3 - wrong, 3)
    if small:
        return [exact]
    return [
        exact,
        Claim("times faster than naive NumPy", ratio(rows, NAIVE), 300),
        Claim("times faster than geopandas.sjoin", ratio(rows, SJOIN), 5),
        Claim("times faster than the study's algorithm, vectorised", ratio(rows, STUDY_VECTORISED), 1.5),
    ]


def _notes(sample: int) -> tuple[str, ...]:
    return (
        f"naive NumPy ran on {sample} random scenes; its seconds are extrapolated, without the deposits' unit vectors",
        "differ: scenes whose count is not ours; shapely and geopandas take the edges as straight in longitude and"
        " latitude and do not know the antimeridian, so that they cannot be right everywhere",
    )


if __name__ == "__main__":
    sys.exit(command_line("labelling", measure, PACKAGES))
