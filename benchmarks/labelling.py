"""Which deposits lie in which footprint: ours against the ways others would do it, on one core.

    python -m benchmarks.labelling [--json FILE] [--chart FILE] [--check] [--small]

Two worlds: a simulated catalogue at the mission's scale, and the real one, the study's product identifiers on their
WRS-2 polygons with the real deposits of all sources, in the folder that MINERAL_PIPELINE_DATA names. All ways start
from the same longitudes and latitudes: building an index, unit vectors and edges are part of the time. Compilation is
not: a small run comes first. Seconds are those of the processor, with all libraries held to one thread, so that the
work of others on the machine counts for nobody. The last table is how ours grows.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from benchmarks.rivals import spatial_joins
from benchmarks.support.harness import Claim, Report, Row, alternate, command_line, row, times_faster
from benchmarks.support.real_catalogue import DATA, data_folder, read_world
from benchmarks.support.synthetic_catalogue import World, make_world
from mineral_pipeline.labelling import membership, sum_inside

OURS = "mineral_pipeline.labelling.membership"
COMMODITIES, SUMS, PRODUCT = 30, "mineral_pipeline.labelling.sum_inside", "membership, times a sparse product"
PACKAGES = ("duckdb", "geopandas", "numba", "numpy", "pykdtree", "scikit-learn", "scipy", "shapely")


@dataclass(frozen=True)
class Way:
    """A rival."""

    name: str
    """With the library in it."""
    count: Callable[[World], np.ndarray]
    """Deposits (n,) in every scene."""
    scenes: int | None = None
    """Random scenes that it is run on; None: all."""
    deposits: int | None = None
    """Random deposits that it is run on; None: all."""
    runs: int = 5
    """How often."""
    reach: float = 0.0
    """How many times faster ours must be; 0: no claim."""
    is_planar: bool = False
    """It cannot be right everywhere."""


NAIVE = "naive NumPy, every deposit against every scene"
WAYS = (
    Way("naive Python, every deposit against every scene", spatial_joins.naive_python, 20, 10_000, 3),
    Way(NAIVE, spatial_joins.naive_numpy, 300, runs=3, reach=1500),
    Way(
        "the study's: scipy cKDTree of deposits, circle and polygon scene by scene",
        spatial_joins.study,
        runs=3,
        reach=25,
    ),
    Way("the same, circles and edges computed for all scenes at once", spatial_joins.study_vectorised, reach=8),
    Way("the same by pykdtree, k neighbours of every scene", spatial_joins.study_pykdtree, 3000, runs=3),
    Way("scikit-learn BallTree of deposits, then the polygon", spatial_joins.ball_tree),
    Way("shapely STRtree of the polygons, asked by points", spatial_joins.strtree, is_planar=True),
    Way("geopandas.sjoin", spatial_joins.sjoin, reach=20, is_planar=True),
    Way("DuckDB, a join by cells of one degree", spatial_joins.duck_db),
)


def measure(small: bool) -> list[Report]:
    """Both worlds, the counts of commodities, and the growth."""
    with threadpool_limits(1):
        scenes, deposits = (600, 5_000) if small else (45_000, 350_000)
        tiny = make_world(100, 1000)
        for place in (tiny.places, None):  # compiles
            membership(tiny.footprints, tiny.deposits, place)
            sum_inside(tiny.footprints, tiny.deposits, np.ones((1000, 1), np.int32), place)
        simulated = make_world(scenes, deposits)
        reports = [compare("simulated", simulated, small)]
        if DATA in os.environ and not small:
            reports.append(compare("real", read_world(data_folder()), small))
        return [*reports, commodities(simulated, small), growth(small)]


def compare(kind: str, world: World, small: bool) -> Report:
    """Run all rivals by turns on one world, and count where they agree."""
    random = np.random.default_rng(1)
    rivals = {way.name: (way, part(world, way, random)) for way in WAYS}
    ours = {OURS: (lambda: membership(world.footprints, world.deposits, world.places), 1 if small else 5)}
    theirs = {
        name: (lambda way=way, piece=piece: way.count(piece[0]), 1 if small else way.runs)
        for name, (way, piece) in rivals.items()
    }
    seconds, found = alternate({**ours, **theirs}, clock=time.process_time)
    rows = [row(OURS, seconds[OURS], scenes=f"{len(world.footprints):,}", deposits=f"{len(world.deposits):,}")]
    wrong = 0
    for name, (way, (_, scenes, deposits)) in rivals.items():
        truth = np.diff(found[OURS][scenes][:, deposits].indptr)
        differing = int((found[name] != truth).sum())
        wrong += int(differing > 0 and not way.is_planar)
        share = len(scenes) * len(deposits) / (len(world.footprints) * len(world.deposits))
        facts = {"scenes": f"{len(scenes):,}", "deposits": f"{len(deposits):,}", "differ": f"{differing:,}"}
        rows.append(row(name, seconds[name], share, **facts))
    pairs = f"{len(world.footprints):,} scenes x {len(world.deposits):,} deposits, {found[OURS].nnz:,} pairs"
    count = sum(not way.is_planar for way in WAYS)
    exact = Claim(f"{kind}: exact ways that agree with ours in every scene", count - wrong, count)
    speed = [
        Claim(f"{kind}: times faster than {way.name}", times_faster(rows, way.name), way.reach)
        for way in WAYS
        if way.reach
    ]
    return Report(
        f"labelling, {kind}: {pairs}", rows, [exact] if small or kind != "simulated" else [exact, *speed], NOTES
    )


NOTES = (
    "seconds are medians; claims compare the shortest runs, since other work on the machine only adds",
    "ways that ran on random scenes or deposits only are extrapolated",
    "differ: scenes whose count is not ours; shapely and geopandas take the edges as straight in longitude and"
    " latitude and do not know the antimeridian, so that they cannot be right everywhere",
)


def part(world: World, way: Way, random: np.random.Generator) -> tuple[World, np.ndarray, np.ndarray]:
    """What a way is run on, and which scenes and deposits of the world these are."""
    scenes, deposits = (
        np.arange(size) if wanted is None or wanted >= size else np.sort(random.choice(size, wanted, replace=False))
        for size, wanted in ((len(world.footprints), way.scenes), (len(world.deposits), way.deposits))
    )
    return World(world.footprints[scenes], world.places[scenes], world.deposits[deposits]), scenes, deposits


def commodities(world: World, small: bool) -> Report:
    """Counts per commodity, without and with the list of all pairs."""
    random, deposits = np.random.default_rng(2), len(world.deposits)
    held = random.zipf(1.5, 3 * deposits // 2) % COMMODITIES
    weights = csr_array(
        (np.ones(len(held), np.int32), (random.integers(0, deposits, len(held)), held)), shape=(deposits, COMMODITIES)
    )

    def product() -> Any:
        return membership(world.footprints, world.deposits, world.places).astype(np.int32) @ weights

    seconds, found = alternate(
        {
            SUMS: (lambda: sum_inside(world.footprints, world.deposits, weights, world.places), 1 if small else 7),
            PRODUCT: (product, 1 if small else 7),
        },
        clock=time.process_time,
    )
    rows = [row(name, runs) for name, runs in seconds.items()]
    equal = float(np.array_equal(found[SUMS], found[PRODUCT].toarray()))
    return Report(
        f"counts of {COMMODITIES} commodities in {len(world.footprints):,} scenes", rows,
        [Claim("sums that equal the product", equal, 1)],
    )  # fmt: skip


def growth(small: bool) -> Report:
    """Counts for catalogues and deposits of many sizes."""
    sizes = ((600, 2000), (2000, 10_000)) if small else ((10**3, 10**4, 10**5, 10**6), (10**4, 10**5, 10**6, 10**7))
    rows: list[Row] = []
    curves: dict[str, list[tuple[float, float]]] = {}
    for deposits in sizes[1]:
        name, facts = f"{deposits:,} deposits", {}
        for scenes in sizes[0]:
            runs, pairs = _time_counts(scenes, deposits)
            facts[f"{scenes:,} scenes"] = f"{np.median(runs):.3f}"
            curves.setdefault(name, []).append((scenes, float(np.median(runs))))
        rows.append(Row(name, curves[name][-1][1], tuple(runs), facts={**facts, "pairs": f"{pairs:,}"}))
    title = "growth: seconds to count the deposits of every scene, and the pairs of the largest catalogue"
    return Report(title, rows, [], curves=curves)


def _time_counts(scenes: int, deposits: int) -> tuple[list[float], int]:
    """Seconds of some runs, and how many pairs there are."""
    world, ones, runs = make_world(scenes, deposits), csr_array(np.ones((deposits, 1), np.int32)), []
    for _ in range(1 if deposits * scenes > 10**11 else 3):
        start = time.process_time()
        counts = sum_inside(world.footprints, world.deposits, ones, world.places)
        runs.append(time.process_time() - start)
    return runs, int(counts.sum())


if __name__ == "__main__":
    sys.exit(command_line("labelling", measure, PACKAGES))
