"""Membership of deposits in footprints: ours against other methods, on one core.

    python -m benchmarks.labelling [--json FILE] [--chart FILE] [--check] [--small]

There are two catalogues: a simulated one at the mission's scale, and the real one, which is the study's product
identifiers on their WRS-2 polygons with the real deposits of all sources, in the folder that MINERAL_PIPELINE_DATA
names. All methods start from longitudes and latitudes, so that making an index, unit vectors and edges is part of the
time. Compilation is not, because a small run comes first. Seconds are those of the processor, with all libraries
limited to one thread, so that other work on the machine does not count. Further tables compare ours with its bare
arithmetic, and show how it scales with scenes, deposits and the vertices of footprints.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from benchmarks.rivals import spatial_joins
from benchmarks.support.harness import alternate, command_line
from benchmarks.support.real_catalogue import DATA, data_folder, read_catalogue
from benchmarks.support.results import BenchmarkResult, Claim, Row, row, times_faster
from benchmarks.support.synthetic_catalogue import BenchmarkCatalogue, make_catalogue, make_outlines
from mineral_pipeline import geometry
from mineral_pipeline.labelling import _numba, membership, sum_inside
from mineral_pipeline.labelling.spatial_index import CandidateIndex

OURS = "mineral_pipeline.labelling.membership"
SUMS, PRODUCT = "mineral_pipeline.labelling.sum_inside", "membership, times a sparse product"
BLAS = "its multiply-adds alone, by BLAS (NumPy matmul)"
N_COMMODITIES = 30
MAX_VERTEX_GROWTH = 1.5
"""Largest growth of the time per vertex from one number of vertices to the next: rings are sorted to find crossings."""
PACKAGES = ("duckdb", "geopandas", "numba", "numpy", "pykdtree", "scikit-learn", "scipy", "shapely")


@dataclass(frozen=True)
class Method:
    """Another method than ours."""

    name: str
    """Name, with the library in it."""
    count: Callable[[BenchmarkCatalogue], np.ndarray]
    """Function that returns the number (n,) of deposits in every scene."""
    scenes: int | None = None
    """Number of random scenes that it runs on; None for all."""
    deposits: int | None = None
    """Number of random deposits that it runs on; None for all."""
    runs: int = 5
    """Number of runs."""
    min_speedup: float = 0.0
    """How many times faster ours must be; 0 for no claim."""
    is_planar: bool = False
    """Whether edges are straight in longitude and latitude, so that it cannot be right everywhere."""


METHODS = (
    Method("naive Python, every deposit against every scene", spatial_joins.naive_python, 20, 10_000, 3),
    Method("naive NumPy, every deposit against every scene", spatial_joins.naive_numpy, 300, runs=3, min_speedup=1500),
    Method(
        "the study's: scipy cKDTree of deposits, circle and polygon scene by scene",
        spatial_joins.study,
        runs=3,
        min_speedup=25,
    ),
    Method(
        "the same, circles and edges computed for all scenes at once", spatial_joins.study_vectorised, min_speedup=8
    ),
    Method("the same by pykdtree, k neighbours of every scene", spatial_joins.study_pykdtree, 3000, runs=3),
    Method("scikit-learn BallTree of deposits, then the polygon", spatial_joins.ball_tree),
    Method("shapely STRtree of the polygons, queried by points", spatial_joins.strtree, is_planar=True),
    Method("geopandas.sjoin", spatial_joins.sjoin, min_speedup=20, is_planar=True),
    Method("DuckDB, a join by cells of one degree", spatial_joins.duck_db),
)

NOTES = (
    "seconds are medians; claims compare the shortest runs, because other work on the machine can only lengthen them",
    "times of methods that ran on random scenes or deposits only are extrapolated",
    "differ: scenes whose count is not ours; the edges of shapely and geopandas are straight in longitude and latitude"
    " and end at the antimeridian, so that they cannot be right everywhere",
)


def measure(small: bool) -> list[BenchmarkResult]:
    """Measure both catalogues, the counts of commodities, and the growth."""
    with threadpool_limits(1):
        scenes, deposits = (600, 5_000) if small else (45_000, 350_000)
        tiny = make_catalogue(100, 1000)
        for locations in (tiny.locations, None):  # compiles
            membership(tiny.footprints, tiny.deposits, locations)
            sum_inside(tiny.footprints, tiny.deposits, np.ones((1000, 1), np.int32), locations)
        simulated = make_catalogue(scenes, deposits)
        results = [compare("simulated", simulated, small)]
        if DATA in os.environ and not small:
            results.append(compare("real", read_catalogue(data_folder()), small))
        return [*results, arithmetic(simulated, small), commodities(simulated, small), growth(small), vertices(small)]


def compare(kind: str, catalogue: BenchmarkCatalogue, small: bool) -> BenchmarkResult:
    """Run all methods by turns on one catalogue, and count where they agree."""
    random = np.random.default_rng(1)
    inputs = {method.name: (method, sample(catalogue, method, random)) for method in METHODS}
    ours = (
        lambda: membership(catalogue.footprints, catalogue.deposits, catalogue.locations),
        1 if small else 5,
    )
    theirs = {
        name: (lambda method=method, part=part: method.count(part[0]), 1 if small else method.runs)
        for name, (method, part) in inputs.items()
    }
    seconds, found = alternate({OURS: ours, **theirs}, clock=time.process_time)
    n_scenes, n_deposits = len(catalogue.footprints), len(catalogue.deposits)
    rows = [row(OURS, seconds[OURS], scenes=f"{n_scenes:,}", deposits=f"{n_deposits:,}")]
    n_wrong = 0
    for name, (method, (_, scenes, deposits)) in inputs.items():
        expected = np.diff(found[OURS][scenes][:, deposits].indptr)
        n_different = int((found[name] != expected).sum())
        n_wrong += int(n_different > 0 and not method.is_planar)
        share = len(scenes) * len(deposits) / (n_scenes * n_deposits)
        facts = {"scenes": f"{len(scenes):,}", "deposits": f"{len(deposits):,}", "differ": f"{n_different:,}"}
        rows.append(row(name, seconds[name], share, **facts))
    n_exact = sum(not method.is_planar for method in METHODS)
    claims = [Claim(f"{kind}: exact methods that agree with ours in every scene", n_exact - n_wrong, n_exact)]
    if kind == "simulated" and not small:
        claims += speed_claims(kind, rows)
    pairs = f"{n_scenes:,} scenes x {n_deposits:,} deposits, {found[OURS].nnz:,} pairs"
    return BenchmarkResult(f"labelling, {kind}: {pairs}", rows, claims, NOTES)


def speed_claims(kind: str, rows: list[Row]) -> list[Claim]:
    """Return the claims that ours is faster."""
    return [
        Claim(f"{kind}: times faster than {method.name}", times_faster(rows, method.name), method.min_speedup)
        for method in METHODS
        if method.min_speedup
    ]


def sample(
    catalogue: BenchmarkCatalogue, method: Method, random: np.random.Generator
) -> tuple[BenchmarkCatalogue, np.ndarray, np.ndarray]:
    """Draw the part of the catalogue that a method runs on.

    Returns:
        The part, and which scenes and deposits of the catalogue are in it.
    """
    scenes, deposits = (
        np.arange(size) if count is None or count >= size else np.sort(random.choice(size, count, replace=False))
        for size, count in ((len(catalogue.footprints), method.scenes), (len(catalogue.deposits), method.deposits))
    )
    part = BenchmarkCatalogue(catalogue.footprints[scenes], catalogue.locations[scenes], catalogue.deposits[deposits])
    return part, scenes, deposits


def arithmetic(catalogue: BenchmarkCatalogue, small: bool) -> BenchmarkResult:
    """Compare with the multiply-adds of the tests alone: three for each edge by which a deposit near it is tested."""
    halves = geometry.half_spaces(catalogue.footprints)
    index = CandidateIndex.build(halves, catalogue.deposits, catalogue.locations)
    lists = _numba.IndexLists(index.candidates.indptr, index.candidates.indices)
    near = _numba.list_candidates(index.cells, lists, index.candidates.shape[1])
    tests = int(np.diff(near.offsets) @ np.diff(index.scenes.offsets))
    multiply_adds, size = 3 * catalogue.footprints.shape[1] * tests, 300 if small else 1500
    square = np.random.default_rng(0).random((size, size))
    methods = {
        OURS: (lambda: membership(catalogue.footprints, catalogue.deposits, catalogue.locations), 1 if small else 9),
        BLAS: (lambda: square @ square, 1 if small else 9),
    }
    seconds, _ = alternate(methods, clock=time.process_time)
    rows = [row(OURS, seconds[OURS]), row(BLAS, seconds[BLAS], size**3 / multiply_adds)]
    times = 1 / times_faster(rows, BLAS)
    title = f"labelling and its arithmetic: {tests:,} tests of a deposit, ours takes {times:.1f} times as long"
    return BenchmarkResult(title, rows, [], ("unit vectors, normals, the index and the result are not in the latter",))


def vertices(small: bool) -> BenchmarkResult:
    """Measure footprints of more and more vertices: convex ones, and stars."""
    many = (64, 128) if small else (64, 256, 1024)
    catalogue = make_catalogue(300, 3000) if small else make_catalogue(4500, 35_000)
    rows: list[Row] = []
    claims: list[Claim] = []
    for kind, depth, few in (("convex", 1.0, (4, 16)), ("concave", 0.8, (16,))):
        outlines = {count: make_outlines(catalogue, count, depth) for count in (*few, *many)}
        methods = {
            f"{kind}, {count:,} vertices": (
                lambda made=made: membership(made, catalogue.deposits, catalogue.locations),
                1 if small else 3,
            )
            for count, made in outlines.items()
        }
        seconds, found = alternate(methods, clock=time.process_time)
        rows += [row(name, runs, pairs=f"{found[name].nnz:,}") for name, runs in seconds.items()]
        per_vertex = {count: min(runs) / count for count, runs in zip(outlines, seconds.values(), strict=True)}
        growth = max(per_vertex[b] / per_vertex[a] for a, b in pairwise(many))
        text = f"{kind}: {MAX_VERTEX_GROWTH} over the largest growth of the time per vertex from {many[0]} vertices on"
        claims += [] if small else [Claim(text, MAX_VERTEX_GROWTH / growth, 1)]
    title = f"vertices of {len(catalogue.footprints):,} footprints, {len(catalogue.deposits):,} deposits"
    return BenchmarkResult(title, rows, claims)


def commodities(catalogue: BenchmarkCatalogue, small: bool) -> BenchmarkResult:
    """Measure counts per commodity, without and with the list of all pairs."""
    random, n_deposits = np.random.default_rng(2), len(catalogue.deposits)
    held = random.zipf(1.5, 3 * n_deposits // 2) % N_COMMODITIES
    holders = random.integers(0, n_deposits, len(held))
    weights = csr_array((np.ones(len(held), np.int32), (holders, held)), shape=(n_deposits, N_COMMODITIES))
    arguments = catalogue.footprints, catalogue.deposits

    def sums() -> Any:
        return sum_inside(*arguments, weights, catalogue.locations)

    def product() -> Any:
        return membership(*arguments, catalogue.locations).astype(np.int32) @ weights

    runs = 1 if small else 7
    seconds, found = alternate({SUMS: (sums, runs), PRODUCT: (product, runs)}, clock=time.process_time)
    equal = float(np.array_equal(found[SUMS], found[PRODUCT].toarray()))
    return BenchmarkResult(
        f"counts of {N_COMMODITIES} commodities in {len(catalogue.footprints):,} scenes",
        [row(name, times) for name, times in seconds.items()],
        [Claim("sums that equal the product", equal, 1)],
    )


def growth(small: bool) -> BenchmarkResult:
    """Measure counts for many sizes of the catalogue and of the deposits."""
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
    return BenchmarkResult(title, rows, [], curves=curves)


def _time_counts(scenes: int, deposits: int) -> tuple[list[float], int]:
    """Return the seconds of every run, and the number of pairs."""
    catalogue, runs = make_catalogue(scenes, deposits), []
    ones = csr_array(np.ones((deposits, 1), np.int32))
    for _ in range(1 if deposits * scenes > 10**11 else 3):
        start = time.process_time()
        counts = sum_inside(catalogue.footprints, catalogue.deposits, ones, catalogue.locations)
        runs.append(time.process_time() - start)
    return runs, int(counts.sum())


if __name__ == "__main__":
    sys.exit(command_line("labelling", measure, PACKAGES))
