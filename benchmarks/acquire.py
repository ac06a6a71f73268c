"""Acquisition: speed-up with the number of workers on a slow network, overhead of Dask, peak memory of a task.

    python -m benchmarks.acquire [--json FILE] [--check] [--small]

A web server delays every request, as a remote store does, and sends every body at the same rate. The delay is so long
that even two cores can serve 16 workers, because what workers share is the waiting. The rival is the study's loop, one
scene after the other, on the same server and with the same code for a scene. A worker is a process with one thread
that fetches one scene at a time, so that N workers should be N times as fast; in the last row each fetches four, which
is the default. Peak memory is that of tasks of full-size scenes, each in its own process, read from a local folder.
"""

from __future__ import annotations

import logging
import math
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from threading import Lock

import dask
import dask.bag as db
import numpy as np
import pandas as pd
from distributed import Client, LocalCluster, wait

from benchmarks.support.faults import Rule, serve
from benchmarks.support.harness import command_line
from benchmarks.support.results import BenchmarkResult, Claim, Row, row
from jobs.acquisition.scene import Context, acquire_scene
from jobs.acquisition.shard import Shard, acquire_shard, make_shards
from mineral_pipeline import archive, simulation
from mineral_pipeline import settings as reader
from mineral_pipeline.sensors.landsat import product_folder
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, identities, zarr_store

WORKERS = (1, 2, 4, 8, 16)
LATENCY_S = 2.5
"""Delay of every request; a scene takes two."""
BYTES_PER_S = 1e6
"""Bandwidth of one connection."""
SCENES_PER_TASK, TASKS_PER_WORKER = 4, 2
FULL_SIZE = 46.0
"""Scale of a full-size scene over a small simulated one."""
PACKAGES = ("dask", "distributed", "obstore", "rasterio", "zarr")


def measure(small: bool) -> BenchmarkResult:
    """Measure speed-up, overhead and memory."""
    workers, latency = ((1, 2), 0.1) if small else (WORKERS, LATENCY_S)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        catalogue = write_archive(folder / "archive", workers[-1] * TASKS_PER_WORKER * SCENES_PER_TASK)
        with serve(
            str(folder / "archive"), Rule("latency", amount=latency), Rule("slow", amount=BYTES_PER_S)
        ) as server:
            rows, overhead = measure_speed_up(folder, server.url, catalogue, workers)
        counts = (1, 2) if small else (16, 48)
        large = write_archive(folder / "large", counts[-1], 1.0 if small else FULL_SIZE)
        peaks = [peak_memory(folder / "large", large.head(count)) for count in counts]
    claims = [
        Claim("megabytes below 600 at the peak of a task of whole scenes", 600 - max(peaks), 0),
        Claim("its peak with a few scenes over that with many", peaks[0] / peaks[1], 0.9),
    ]
    if not small:
        smallest = min(float(found.facts["of N"]) for found in rows if "of N" in found.facts)
        claims += [
            Claim("least speed-up of N workers over the loop, in Ns", smallest, 0.9),
            Claim("share of a task's time that is not Dask's", 1 - overhead, 0.98),
        ]
    notes = (
        "peak memory of a task of "
        + ", ".join(f"{count} scenes: {peak:,.0f} MB" for count, peak in zip(counts, peaks, strict=True)),
        f"Dask takes {overhead:.2%} of a task of {SCENES_PER_TASK} such scenes",
    )
    return BenchmarkResult(f"seconds a scene, {latency:g} s of latency a request", rows, claims, notes)


def measure_speed_up(
    folder: Path, url: str, catalogue: pd.DataFrame, workers: Sequence[int]
) -> tuple[list[Row], float]:
    """Rows of the loop and of each number of workers, the largest first; and Dask's fraction of a task's time."""
    alone = one_at_a_time(folder, url, catalogue.head(2 * SCENES_PER_TASK * TASKS_PER_WORKER))
    rows = [row("one at a time, the study's loop", [alone], speedup="1.0")]
    overhead = 0.0
    for n in workers:
        scenes = catalogue.head(n * SCENES_PER_TASK * TASKS_PER_WORKER)
        with (
            LocalCluster(
                n_workers=n, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL
            ) as cluster,
            Client(cluster) as client,
        ):
            each = on_workers(client, settings_for(folder, url, threads=1), scenes)
            facts = {"speedup": f"{alone / each:.1f}", "of N": f"{alone / each / n:.2f}"}
            rows.insert(0, Row(f"mineral_pipeline, {n} workers", each, (each,), facts=facts))
            overhead = seconds_of_a_task(client, 50 * n) / (each * n * SCENES_PER_TASK)
            if n == workers[-1]:
                four = on_workers(client, settings_for(folder, url, threads=4), scenes)
                rows.insert(1, row(f"mineral_pipeline, {n} workers, 4 threads", [four], speedup=f"{alone / four:.1f}"))
    return rows, overhead


def write_archive(folder: Path, count: int, scale: float = 1.0) -> pd.DataFrame:
    """Write one simulated scene under ``count`` identifiers.

    Returns:
        A catalogue of them in shards of `SCENES_PER_TASK`; ``base_url`` is relative to ``folder``.
    """
    planet = {"locations": 1, "dates": 1, "islands": 1, "scale": scale}
    content = {"workspace": "none", "archive": {"url": str(folder)}, "jobs": ["simulate"], "simulate": planet}
    (written,) = simulation.write_scenes([0], simulation.ArchiveSpec.of(reader.parse(content)))
    original = folder / product_folder(written.product_id)
    product_ids = []
    for number in range(count):
        parts = written.product_id.split("_")
        parts[3] = f"{1900 + number // 336}{number // 28 % 12 + 1:02}{number % 28 + 1:02}"  # another day
        product_id = "_".join(parts)
        copy = folder / product_folder(product_id)
        copy.mkdir(parents=True)
        for file in original.iterdir():
            target = copy / file.name.replace(written.product_id, product_id)
            if file.suffix == ".TIF":
                target.hardlink_to(file)
            else:
                target.write_text(file.read_text().replace(written.product_id, product_id))
        product_ids.append(product_id)
    return pd.DataFrame(
        {
            "scene_id": product_ids,
            "location_id": "one",
            "product_id": product_ids,
            "base_url": [product_folder(product_id) for product_id in product_ids],
            "sensor": "LT04",
            "shard": np.arange(count) // SCENES_PER_TASK,
        }
    )


def plan_shards(catalogue: pd.DataFrame, url: str) -> list[Shard]:
    """The tasks for the scenes of a catalogue in the archive at ``url``."""
    scenes = catalogue.assign(base_url=f"{url}/" + catalogue["base_url"])
    return make_shards(scenes, identities.plan_chips(scenes), reader.Acquire().bands)


def one_at_a_time(folder: Path, url: str, catalogue: pd.DataFrame) -> float:
    """Seconds a scene of a plain loop."""
    settings = settings_for(folder, url, threads=1)
    scenes = [scene for shard in plan_shards(catalogue, url) for scene in shard.scenes]
    limiter = archive.ByteLimiter(settings.acquire.max_download_mb * 1e6)
    context = Context(archive.open_source(settings.archive), settings.acquire, limiter, Lock())
    for number, scene in enumerate(scenes):
        if number == 1:  # the first compiles and connects
            start = time.perf_counter()
        for outcome, _ in acquire_scene(scene, context):
            if outcome.status != "ok":
                raise RuntimeError(f"{outcome.chip_id}: {outcome.reason}")
    return (time.perf_counter() - start) / (len(scenes) - 1)


def on_workers(client: Client, settings: Settings, catalogue: pd.DataFrame) -> float:
    """Seconds a scene of the job's own graph, without the first task of every worker (imports, compilation)."""
    workspace, shards = create_store(settings, catalogue), plan_shards(catalogue, settings.archive.url)
    source = archive.open_source(settings.archive)
    task = partial(acquire_shard, workspace=workspace, source=source, config=settings.acquire)
    client.run(task, shards[0])
    start = time.perf_counter()
    bag = db.from_sequence(shards, partition_size=1).map(task)
    states = [result.states for (result,) in client.gather(client.compute(bag.to_delayed()))]
    seconds = time.perf_counter() - start
    if {state for shard in states for state in shard} != {"ok"}:
        raise RuntimeError(f"not every scene is ok: {states}")
    return seconds / len(catalogue)


def seconds_of_a_task(client: Client, tasks: int) -> float:
    """Seconds that Dask takes for one empty task of many that are submitted together."""
    runs = []
    for turn in range(3):
        start = time.perf_counter()
        wait(client.map(_nothing, [(turn, number) for number in range(tasks)], pure=False))
        runs.append((time.perf_counter() - start) / tasks)
    return statistics.median(runs)


def _nothing(number: tuple[int, int]) -> None:
    """Do nothing."""


def peak_memory(folder: Path, catalogue: pd.DataFrame) -> float:
    """Megabytes of a new process, in the environment of a Dask worker, that acquires all scenes in one task."""
    os.environ |= {key: str(value) for key, value in dask.config.get("distributed.nanny.pre-spawn-environ").items()}
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_peak_memory, folder, catalogue.assign(shard=0)).result()


def _peak_memory(folder: Path, catalogue: pd.DataFrame) -> float:
    settings = settings_for(folder, str(folder), threads=4)
    workspace = create_store(settings, catalogue)
    (shard,) = plan_shards(catalogue, str(folder))
    states = acquire_shard(shard, workspace, archive.open_source(settings.archive), settings.acquire).states
    if set(states) != {"ok"}:
        raise RuntimeError(f"not every scene is ok: {states}")
    # getrusage gives the parent's peak when that is higher: it survives exec
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(peak[1]) * 1024 / 1e6 if peak else math.nan


def settings_for(folder: Path, url: str, threads: int) -> Settings:
    """Settings of an acquisition from the archive at ``url`` into a workspace in ``folder``."""
    acquire = {"threads": threads}
    return reader.parse(
        {"workspace": str(folder / "workspace"), "archive": {"url": url}, "jobs": ["acquire"], "acquire": acquire}
    )


def create_store(settings: Settings, catalogue: pd.DataFrame) -> Workspace:
    """Create an empty chip store for the scenes of a catalogue."""
    workspace, config = Workspace(settings.workspace), settings.acquire
    chips = identities.plan_chips(catalogue)
    chips_per_write = int(chips.groupby("shard").size().max())
    layout = zarr_store.ImageLayout(tuple(config.bands), config.chip_size, chips_per_write)
    zarr_store.create_chips(workspace, chips, layout)
    return workspace


if __name__ == "__main__":
    sys.exit(command_line("acquire", measure, PACKAGES))
