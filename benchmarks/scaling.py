"""Do catalogue, labelling and curation grow no faster than the scenes, from 10^3 to 10^6 of them, within 4 GB?

    python -m benchmarks.scaling [--json FILE] [--chart FILE] [--check] [--small]

The index holds as many rows as there are scenes; deposits are 350,000 for all sizes. Every stage and size runs in a
process of its own, so that its peak memory is its own, after one of 500 scenes that compiles; making the input counts
for the memory, not for the time. Of several runs the shortest counts: other work on the machine only adds.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import pairwise
from multiprocessing import get_context

from benchmarks.support.harness import Claim, Report, Row, command_line
from benchmarks.support.pipeline_steps import Steps, run_catalogue, run_curation, run_labelling

STAGES: dict[str, Callable[[int], Steps]] = {
    "catalogue": run_catalogue,
    "labelling": run_labelling,
    "curation, blocks": partial(run_curation, split="blocks"),
    "curation, buckets": partial(run_curation, split="buckets"),
}
SIZES = (10**3, 10**4, 10**5, 10**6)
RUNS = 3
WARM = 500
GROWTH = 1.2
"""Largest growth of the time per scene from one size to the next."""
MEMORY_MB = 4096
PACKAGES = ("geopandas", "numba", "numpy", "pandas", "pyarrow", "scipy", "shapely")


def measure(small: bool) -> list[Report]:
    """Every stage at every size."""
    sizes, runs = ((1000, 2000), 1) if small else (SIZES, RUNS)
    return [measure_stage(name, sizes, runs, small) for name in STAGES]


def measure_stage(name: str, sizes: tuple[int, ...], runs: int, small: bool) -> Report:
    """One stage at every size, each in a process of its own."""
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
        Claim(f"{name}: {GROWTH} over the largest growth of the time per scene, size by size", GROWTH / worst, 1),
        Claim(f"{name}: {MEMORY_MB:,} MB over the peak", MEMORY_MB / max(peaks), 1),
    ]
    return Report(f"growth of {name}", rows, claims[1:] if small else claims, curves={name: curve})


def _run(name: str, scenes: int, runs: int) -> tuple[list[Steps], float]:
    """Steps of some runs, and the process's peak memory in MB."""
    stage = STAGES[name]
    stage(WARM)
    found = [stage(scenes) for _ in range(runs)]
    unit = 1 if sys.platform == "darwin" else 1024
    return found, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


if __name__ == "__main__":
    sys.exit(command_line("scaling", measure, PACKAGES))
