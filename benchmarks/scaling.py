"""Do catalogue, labelling and curation scale linearly with the scenes, from 10^3 to 10^6 of them, within 4 GB?

    python -m benchmarks.scaling [--json FILE] [--chart FILE] [--check] [--small]

The index has as many rows as there are scenes; there are 350,000 deposits for all sizes. Every stage and size runs in a
process of its own, whose peak memory is measured, after a run with 500 scenes that compiles the loops. Making the input
counts for the memory, not for the time. The shortest of several runs counts, because other work on the machine can only
lengthen them.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import pairwise
from multiprocessing import get_context

from benchmarks.support.harness import command_line
from benchmarks.support.pipeline_steps import Steps, run_catalogue, run_curation, run_labelling
from benchmarks.support.results import BenchmarkResult, Claim, Row

STAGES: dict[str, Callable[[int], Steps]] = {
    "catalogue": run_catalogue,
    "labelling": run_labelling,
    "curation, blocks": partial(run_curation, split="blocks"),
    "curation, buckets": partial(run_curation, split="buckets"),
}
SIZES = (10**3, 10**4, 10**5, 10**6)
RUNS = 3
WARM_UP_SCENES = 500
MAX_GROWTH = 1.2
"""Largest growth of the time per scene from one size to the next."""
MAX_MEMORY_MB = 4096
PACKAGES = ("geopandas", "numba", "numpy", "pandas", "pyarrow", "scipy", "shapely")


def measure(small: bool) -> list[BenchmarkResult]:
    """Measure every stage at every size."""
    sizes, runs = ((1000, 2000), 1) if small else (SIZES, RUNS)
    return [measure_stage(name, sizes, runs, small) for name in STAGES]


def measure_stage(name: str, sizes: tuple[int, ...], runs: int, small: bool) -> BenchmarkResult:
    """Measure one stage at every size, each in a process of its own."""
    rows, curve, peaks = [], [], []
    for scenes in sizes:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            found, peak = pool.submit(_run, name, scenes, runs).result()
        totals = tuple(sum(steps.values()) for steps in found)
        best = found[totals.index(min(totals))]
        facts = {step: f"{seconds:,.2f}" for step, seconds in best.items()} | {"peak MB": f"{peak:,.0f}"}
        rows.append(Row(f"{scenes:,} scenes", min(totals), totals, facts=facts))
        curve.append((float(scenes), min(totals)))
        peaks.append(peak)
    worst = max((b[1] / b[0]) / (a[1] / a[0]) for a, b in pairwise(curve))
    claims = [
        Claim(
            f"{name}: {MAX_GROWTH} over the largest growth of the time per scene, size by size", MAX_GROWTH / worst, 1
        ),
        Claim(f"{name}: {MAX_MEMORY_MB:,} MB over the peak", MAX_MEMORY_MB / max(peaks), 1),
    ]
    return BenchmarkResult(f"growth of {name}", rows, claims[1:] if small else claims, curves={name: curve})


def _run(name: str, scenes: int, runs: int) -> tuple[list[Steps], float]:
    """Return the steps of every run, and the peak memory of the process in MB."""
    stage = STAGES[name]
    stage(WARM_UP_SCENES)
    found = [stage(scenes) for _ in range(runs)]
    unit = 1 if sys.platform == "darwin" else 1024
    return found, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


if __name__ == "__main__":
    sys.exit(command_line("scaling", measure, PACKAGES))
