"""Acquisition: how it grows with the workers when the network is slow, what Dask costs, what memory a task takes.

    python -m benchmarks.acquire [--json FILE] [--check] [--small]

A web server keeps every request waiting, as a far-away store does, and sends every body at the same rate; it waits so
long that even two cores can serve 16 workers, for it is the waiting that is to be shared out. The rival is
the study's loop, one scene after the other, on the same server and with the same code for a scene. A worker is a
process with one thread that fetches one scene at a time, so that N workers should do N times as much; the last row
lets each of them fetch four, which is the default. Peak memory is that of tasks of full-size scenes, read from a
folder as fast as it goes, each in a process of its own.
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
from distributed import Client, LocalCluster, wait

from benchmarks.support.faults import Rule, serve
from benchmarks.support.harness import Claim, Report, Row, command_line, row
from jobs.shard import Scene, Shard, acquire_scene, acquire_shard
from mineral_pipeline import archive, simulation
from mineral_pipeline import settings as reader
from mineral_pipeline.sensors.landsat import product_folder
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, zarr_store

WORKERS = (1, 2, 4, 8, 16)
LATENCY = 2.5  # seconds; a scene takes two requests
RATE = 1e6  # bytes a second of one connection
SCENES_PER_TASK, TASKS_PER_WORKER = 4, 2
FULL_SIZE = 46.0  # times a small simulated scene
PACKAGES = ("dask", "distributed", "obstore", "rasterio", "zarr")


def measure(small: bool) -> Report:
    """Measure growth, overhead and memory."""
    workers, latency = ((1, 2), 0.1) if small else (WORKERS, LATENCY)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scenes = write_archive(folder / "archive", workers[-1] * TASKS_PER_WORKER * SCENES_PER_TASK)
        with serve(str(folder / "archive"), Rule("latency", amount=latency), Rule("slow", amount=RATE)) as server:
            rows, overhead = growth(folder, server.url, scenes, workers)
        counts = (1, 2) if small else (16, 48)
        large = write_archive(folder / "large", counts[-1], 1.0 if small else FULL_SIZE)
        peaks = [peak_memory(folder / "large", large[:count]) for count in counts]
    claims = [
        Claim("megabytes below 600 at the peak of a task of whole scenes", 600 - max(peaks), 0),
        Claim("its peak with a few scenes over that with many", peaks[0] / peaks[1], 0.9),
    ]
    if not small:
        least = min(float(found.facts["of N"]) for found in rows if "of N" in found.facts)
        claims += [
            Claim("least speed-up of N workers over the loop, in Ns", least, 0.9),
            Claim("share of a task's time that is not Dask's", 1 - overhead, 0.98),
        ]
    notes = (
        "peak memory of a task of "
        + ", ".join(f"{count} scenes: {peak:,.0f} MB" for count, peak in zip(counts, peaks, strict=True)),
        f"Dask takes {overhead:.2%} of a task of {SCENES_PER_TASK} such scenes",
    )
    return Report(f"seconds a scene, {latency:g} s of latency a request", rows, claims, notes)


def growth(folder: Path, url: str, scenes: Sequence[Scene], workers: Sequence[int]) -> tuple[list[Row], float]:
    """Rows of the loop and of every number of workers, most first; and Dask's share of a task's time."""
    scenes = [Scene(scene.chip, scene.product_id, f"{url}/{scene.base_url}") for scene in scenes]
    alone = one_at_a_time(folder, url, scenes[: 2 * SCENES_PER_TASK * TASKS_PER_WORKER])
    rows = [row("one at a time, the study's loop", [alone], speedup="1.0")]
    overhead = 0.0
    for n in workers:
        wanted = scenes[: n * SCENES_PER_TASK * TASKS_PER_WORKER]
        with (
            LocalCluster(
                n_workers=n, threads_per_worker=1, dashboard_address=None, silence_logs=logging.CRITICAL
            ) as cluster,
            Client(cluster) as client,
        ):
            each = on_workers(client, folder, url, wanted, threads=1)
            facts = {"speedup": f"{alone / each:.1f}", "of N": f"{alone / each / n:.2f}"}
            rows.insert(0, Row(f"mineral_pipeline, {n} workers", each, (each,), facts=facts))
            overhead = seconds_of_a_task(client, 50 * n) / (each * n * SCENES_PER_TASK)
            if n == workers[-1]:
                four = on_workers(client, folder, url, wanted, threads=4)
                rows.insert(1, row(f"mineral_pipeline, {n} workers, 4 threads", [four], speedup=f"{alone / four:.1f}"))
    return rows, overhead


def write_archive(folder: Path, count: int, scale: float = 1.0) -> list[Scene]:
    """One simulated scene under as many identifiers as are wanted; base URLs are relative to ``folder``."""
    planet = {"locations": 1, "dates": 1, "islands": 1, "scale": scale}
    content = {"workspace": "none", "archive": {"url": str(folder)}, "jobs": ["simulate"], "simulate": planet}
    (written,) = simulation.write_scenes([0], simulation.ArchiveSpec.of(reader.parse(content)))
    original = folder / product_folder(written.product_id)
    scenes = []
    for chip in range(count):
        parts = written.product_id.split("_")
        parts[3] = f"{1900 + chip // 336}{chip // 28 % 12 + 1:02}{chip % 28 + 1:02}"  # another day
        product_id = "_".join(parts)
        copy = folder / product_folder(product_id)
        copy.mkdir(parents=True)
        for file in original.iterdir():
            target = copy / file.name.replace(written.product_id, product_id)
            if file.suffix == ".TIF":
                target.hardlink_to(file)
            else:
                target.write_text(file.read_text().replace(written.product_id, product_id))
        scenes.append(Scene(chip, product_id, product_folder(product_id)))
    return scenes


def one_at_a_time(folder: Path, url: str, scenes: Sequence[Scene]) -> float:
    """Seconds a scene of a plain loop."""
    settings = settings_for(folder, url, threads=1)
    source, turn = archive.open_source(settings.archive), Lock()
    for number, scene in enumerate(scenes):
        if number == 1:  # the first compiles and connects
            start = time.perf_counter()
        budget = archive.ByteLimiter(settings.acquire.max_download_mb * 1e6)
        outcome, _ = acquire_scene(scene, source, settings.acquire, np.dtype("uint8"), budget, turn)
        if outcome.status != "ok":
            raise RuntimeError(f"{scene.product_id}: {outcome.reason}")
    return (time.perf_counter() - start) / (len(scenes) - 1)


def on_workers(client: Client, folder: Path, url: str, scenes: Sequence[Scene], threads: int) -> float:
    """Seconds a scene of the job's own graph, the first task of every worker (imports, compilation) left out."""
    settings = settings_for(folder, url, threads)
    workspace = create_store(settings, scenes)
    source = archive.open_source(settings.archive)
    task = partial(acquire_shard, workspace=workspace, source=source, how=settings.acquire)
    client.run(task, shards(scenes)[0])
    start = time.perf_counter()
    bag = db.from_sequence(shards(scenes), partition_size=1).map(task)
    states = [states for (states,) in client.gather(client.compute(bag.to_delayed()))]
    seconds = time.perf_counter() - start
    if {state for shard in states for state in shard} != {"ok"}:
        raise RuntimeError(f"not every scene is ok: {states}")
    return seconds / len(scenes)


def seconds_of_a_task(client: Client, tasks: int) -> float:
    """What Dask takes for one task that does nothing, of many that are there at once."""
    runs = []
    for turn in range(3):
        start = time.perf_counter()
        wait(client.map(_nothing, [(turn, number) for number in range(tasks)], pure=False))
        runs.append((time.perf_counter() - start) / tasks)
    return statistics.median(runs)


def _nothing(number: tuple[int, int]) -> None:
    """Do nothing."""


def peak_memory(folder: Path, scenes: Sequence[Scene]) -> float:
    """Megabytes of a fresh process, in the environment of a Dask worker, that does one task of these scenes."""
    os.environ |= {key: str(value) for key, value in dask.config.get("distributed.nanny.pre-spawn-environ").items()}
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_peak_memory, folder, list(scenes)).result()


def _peak_memory(folder: Path, scenes: list[Scene]) -> float:
    settings = settings_for(folder, str(folder), threads=4)
    workspace = create_store(settings, scenes, len(scenes))
    task = Shard(0, tuple(Scene(scene.chip, scene.product_id, str(folder / scene.base_url)) for scene in scenes))
    states = acquire_shard(task, workspace, archive.open_source(settings.archive), settings.acquire)
    if set(states) != {"ok"}:
        raise RuntimeError(f"not every scene is ok: {states}")
    # getrusage would tell the parent's peak when that is higher: it survives exec
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(peak[1]) * 1024 / 1e6 if peak else math.nan


def settings_for(folder: Path, url: str, threads: int) -> Settings:
    """Settings of an acquisition."""
    acquire = {"threads": threads}
    return reader.parse(
        {"workspace": str(folder / "workspace"), "archive": {"url": url}, "jobs": ["acquire"], "acquire": acquire}
    )


def create_store(settings: Settings, scenes: Sequence[Scene], per_shard: int = SCENES_PER_TASK) -> Workspace:
    """An empty chip store."""
    workspace = Workspace(settings.workspace)
    how = settings.acquire
    zarr_store.create_chips(workspace, [scene.product_id for scene in scenes], how.bands, how.chip_size, per_shard)
    return workspace


def shards(scenes: Sequence[Scene]) -> list[Shard]:
    """The scenes by task."""
    starts = range(0, len(scenes), SCENES_PER_TASK)
    return [Shard(number, tuple(scenes[start : start + SCENES_PER_TASK])) for number, start in enumerate(starts)]


if __name__ == "__main__":
    sys.exit(command_line("acquire", measure, PACKAGES))
