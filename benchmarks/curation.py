"""Growth of curation's tables: ocean mask, division, choice and leak gate for catalogues of 10^3 to 10^6 scenes.

    python -m benchmarks.curation [--json FILE] [--check] [--small]

Every size runs in a process of its own, so that its peak memory is its own; compiled loops are warmed up before.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from benchmarks.harness import Claim, Report, Row, command_line
from benchmarks.world import LAND, make_world
from mineral_pipeline import curation, sphere
from mineral_pipeline.settings import Curate
from mineral_pipeline.workspace import CRS

DEPOSITS = 350_000
PACKAGES = ("geopandas", "numba", "numpy", "pandas", "scipy", "shapely")
POSITIVE = 0.52
"""Share of the places with deposits, as on the real catalogue."""


def make_chips(scenes: int, deposits: int = DEPOSITS, seed: int = 0) -> tuple[gpd.GeoDataFrame, np.ndarray]:
    """Chips of a simulated catalogue as `curation.read_chips` gives them, and deposits (m, 2) lon/lat.

    Labels are drawn by place: the true ones are another benchmark's work.
    """
    world, random = make_world(scenes, deposits, seed), np.random.default_rng(seed)
    places = int(world.places.max()) + 1
    rich = np.where(random.random(places) < POSITIVE, random.integers(1, 2000, places), 0)
    centres, _ = sphere.enclosing_circles(world.footprints)
    lonlat, counts = sphere.lonlat(centres), rich[world.places]
    number = np.arange(scenes)
    table = {
        "chip": number, "product_id": np.char.mod("%09d", number), "bucket": np.char.mod("%06d", world.places),
        "lon": lonlat[:, 0], "lat": lonlat[:, 1], "n_deposits": counts, "has_deposit": counts > 0,
        "richness": np.log1p(counts) / np.log(2000), "brightness": random.uniform(20, 200, scenes), "why": "",
    }  # fmt: skip
    return gpd.GeoDataFrame(table, geometry=shapely.polygons(world.footprints), crs=CRS), world.deposits


def make_land() -> gpd.GeoDataFrame:
    """The simulated continents, as circles of longitude and latitude."""
    circles = shapely.buffer(shapely.points(LAND[:, :2]), LAND[:, 2], quad_segs=64)
    return gpd.GeoDataFrame(geometry=shapely.clip_by_rect(circles, -360, -90, 360, 90), crs=CRS)


def run(scenes: int, split: str = "blocks") -> dict[str, float]:
    """Seconds of every step for so many scenes, and the process's peak memory in MB."""
    seconds: dict[str, float] = {}

    def timed(name: str, step: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        found = step()
        seconds[name] = time.perf_counter() - start
        return found

    wanted = Curate.model_validate({"land": "-", "split": split, "block_km": 1000 if scenes > 5000 else 400})
    _warm_up(wanted)
    (chips, deposits), land = make_chips(scenes), make_land()
    places = timed("find_places", lambda: curation.find_places(chips))
    on_land = timed("over_land", lambda: curation.mark_land(places, land))
    chips = curation.drop_places(chips, places["bucket"][~on_land], "over the ocean")
    division = timed("divide", lambda: curation.divide(chips, wanted, 0))
    samples = timed("choose", lambda: curation.choose(chips, division, "richness", wanted, 0))
    timed("measure_leak", lambda: curation.measure_leak(samples, deposits, 0.0))
    unit = 1 if sys.platform == "darwin" else 1024
    return {**seconds, "places": len(places), "MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20}


def _warm_up(wanted: Curate) -> None:
    """Compile, or load what was compiled before."""
    buckets = wanted.model_copy(update={"split": "buckets"})
    chips, deposits = make_chips(500, 1000)
    samples = curation.choose(chips, curation.divide(chips, buckets, 0), "richness", buckets, 0)
    curation.measure_leak(samples, deposits, 0)


def measure(small: bool) -> Report:
    """Run every size and both splits."""
    sizes = (1000, 3000) if small else (1000, 10_000, 100_000, 1_000_000)
    rows, totals, peak = [], {}, 0.0
    for split in ("blocks", "buckets"):
        for scenes in sizes:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                found = pool.submit(run, scenes, split).result()
            steps = {name: value for name, value in found.items() if name not in ("places", "MB")}
            totals[split, scenes] = total = sum(steps.values())
            peak = max(peak, found["MB"])
            facts = {name: f"{value:,.2f}" for name, value in steps.items()}
            facts |= {"places": f"{found['places']:,.0f}", "peak MB": f"{found['MB']:,.0f}"}
            rows.append(Row(f"{split}, {scenes:,} scenes", total, (total,), facts=facts))
    last, before = sizes[-1], sizes[-2]
    claims = [
        Claim(
            f"{split}: time per scene at {before:,} over that at {last:,}",
            totals[split, before] / before / (totals[split, last] / last), 0.8,
        )
        for split in ("blocks", "buckets")
    ]  # fmt: skip
    claims.append(Claim("4 GB over the peak memory", 4096 / peak, 1.0))
    return Report(
        f"Curation's tables, richness, {DEPOSITS:,} deposits", rows, [] if small else claims,
        ("one run each; the WRS-2 grid has 28,426 places: beyond 200,000 scenes the visits grow, not the places",),
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(command_line("curation", measure, PACKAGES))
