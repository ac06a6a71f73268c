"""What does a job cost the client at 45,000 scenes, when does its first task start, and what is asked of a store?

    python -m benchmarks.fleet [--scenes N] [--json FILE] [--check] [--small]

An archive of small scenes, one scheduler and two workers, all of them processes of their own; the client is this one.
The first table has, for every job that reads the ledger, the client's processor seconds, that of finding out that it is
done included (`prospect` is measured up to what it reads, since it would train networks; `acquire` takes the most time
here, and little of it is the client's). The last row is a part of label's: reading 350,000 deposits, which the number
of scenes does not change. The second has the requests of each job to an object store, the emulator moto, where a
smaller fleet has its workspace. The third has what reading the ledger costs as it grows to a million scenes: that table
is synthetic, and its rival is reading the parts, as without their copy.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from distributed import Client

from benchmarks.support.fleet_archive import DEPOSITS, Fleet, write_fleet
from benchmarks.support.harness import alternate, command_line
from benchmarks.support.processes import PATIENCE_S, Processes
from benchmarks.support.results import BenchmarkResult, Claim, Row, row
from benchmarks.support.synthetic_ledger import write_ledger
from jobs.prospecting.ground import chips_on_land
from jobs.running import runner
from mineral_pipeline import settings as reader
from mineral_pipeline.labelling import read_deposits
from mineral_pipeline.learning import TASKS
from mineral_pipeline.settings import JobName, Settings
from mineral_pipeline.workspace import Workspace, artefacts, ledger, ledger_copy
from mineral_pipeline.workspace.digests import digest_artefacts

SCENES, STORE_SCENES = 45_000, 960
SIZES = (10**4, 10**5, 10**6)
JOBS: tuple[JobName, ...] = ("catalogue", "acquire", "label", "curate", "report")
MAX_CLIENT_S, MAX_WAIT_S = 10.0, 10.0
MAX_GROWTH = 1.2
"""Largest growth of the time per scene from one size to the next."""
CURATE_REQUESTS = 1.65
"""Requests a sample of curate before this was measured."""
PACKAGES = ("dask", "distributed", "moto", "pandas", "pyarrow", "s3fs", "zarr")


def measure(small: bool, scenes: int = SCENES) -> Iterator[BenchmarkResult]:
    """Measure the jobs, the requests and the growth."""
    scenes, store_scenes, sizes = (240, 240, (320, 640)) if small else (scenes, STORE_SCENES, SIZES)
    with tempfile.TemporaryDirectory() as name:
        yield measure_jobs(Path(name), scenes, small)
        yield measure_requests(Path(name), store_scenes)
        yield measure_growth(Path(name), sizes, small)


def measure_jobs(folder: Path, scenes: int, small: bool) -> BenchmarkResult:
    """Processor seconds of the client in every job, and when its first task starts."""
    start = time.perf_counter()
    fleet = write_fleet(folder / "archive", scenes, 2000 if small else DEPOSITS)
    made = time.perf_counter() - start
    settings, rows, waits = settings_for(fleet, str(folder / "workspace")), [], {}
    with Processes(folder) as processes:
        processes.start_cluster()
        with Client(processes.address, timeout=PATIENCE_S) as client:
            client.wait_for_workers(2)
            for job in JOBS:
                found, wait = _run(client, job, settings)
                waits[job] = wait
                again = _timed(partial(runner.execute, job, settings, client)) if job in DONE else None
                rows.append(
                    row(job, [found[0]], wall=f"{found[1]:,.1f}", first_task="" if wait is None else f"{wait:.2f}",
                        again="" if again is None else f"{again[0]:.2f}")
                )  # fmt: skip
            rows.append(row("prospect, its tables", [_timed(lambda: read_for_prospect(settings))[0]]))
            deposits = row("of label: its deposits", [_timed(lambda: read_deposits([str(fleet.deposits)]))[0]])
    worst = max(found.seconds for found in rows)
    slowest = max(wait for wait in waits.values() if wait is not None)
    claims = [
        Claim(f"{MAX_CLIENT_S:g} processor seconds over the client's in the dearest job", MAX_CLIENT_S / worst, 1),
        Claim(f"{MAX_WAIT_S:g} s over the longest time to the first task", MAX_WAIT_S / slowest, 1),
    ]
    notes = (
        f"{scenes:,} scenes were made in {made:,.0f} s, and {len(rows)} jobs run on 2 workers with one thread each",
    )
    return BenchmarkResult(f"processor seconds of the client, {scenes:,} scenes", [*rows, deposits], claims, notes)


DONE: tuple[JobName, ...] = ("label", "curate")
"""Jobs that are run a second time, to find that they are done."""


def _run(client: Client, job: JobName, settings: Settings) -> tuple[tuple[float, float], float | None]:
    """Processor and wall seconds of a job, and those to its first task; None where it has none."""
    client.get_task_stream(count=0)
    start = time.time()
    found = _timed(lambda: runner.execute(job, settings, client))
    begun = [
        span["start"]
        for task in client.get_task_stream(start=start)
        if str(task["key"]).startswith(job)
        for span in task["startstops"]
        if span["action"] == "compute"
    ]
    return found, min(begun) - start if begun else None


def _timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Processor and wall seconds of this process."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def read_for_prospect(settings: Settings) -> None:
    """Read what `prospect` reads of chips and labels, and the digests by which it is known to be done."""
    workspace = Workspace(settings.workspace)
    digest_artefacts(workspace, [artefacts.LEDGER, artefacts.LABELS, artefacts.DEPOSITS])
    chips_on_land(settings, workspace)


def measure_requests(folder: Path, scenes: int) -> BenchmarkResult:
    """Requests of every job to an object store."""
    from benchmarks.support.counted_store import counted_store

    fleet = write_fleet(folder / "small-archive", scenes, 2000)
    with counted_store() as store, Processes(folder) as processes:
        settings, rows, counts = settings_for(fleet, f"{store.url}/workspace"), [], {}
        reads, asked = {}, 0
        processes.start_cluster()
        with Client(processes.address, timeout=PATIENCE_S) as client:
            client.wait_for_workers(2)
            for job in JOBS:
                store.clear()
                seconds = _timed(partial(runner.execute, job, settings, client))[1]
                counts[job], asked = store.counts.copy(), asked + store.asked_before_read
                reads[job] = store.most_reads(f"{artefacts.CHIPS}/image/c/")
                facts = {kind: f"{store.counts[kind]:,}" for kind in store.KINDS}
                facts["a scene"] = f"{store.counts.total() / scenes:.2f}"
                rows.append(Row(job, seconds, (seconds,), facts=facts))
        samples = read_samples(Workspace(settings.workspace))
    claims = [
        Claim(
            f"{CURATE_REQUESTS} over the requests of curate a sample",
            CURATE_REQUESTS / (counts["curate"].total() / samples),
            1,
        ),
        Claim("jobs that ask for no object before they read it", float(asked == 0), 1),
    ]
    notes = (
        f"curate: {counts['curate'].total() / samples:.2f} requests a sample, of {samples:,} samples in two sets",
        f"curate reads a shard of chips at most {reads['curate']} times: once a sample set, the last twice more",
    )
    return BenchmarkResult(f"seconds and requests to an object store, {scenes:,} scenes", rows, claims, notes)


def read_samples(workspace: Workspace) -> int:
    """Number of samples of all sample sets."""
    return sum(sum(workspace.read_json(artefacts.samples_summary(task))["samples"].values()) for task in TASKS)


def measure_growth(folder: Path, sizes: Sequence[int], small: bool) -> BenchmarkResult:
    """Processor seconds of reading the ledger as it grows."""
    rows, curve = [], []
    for scenes in sizes:
        workspace = Workspace(str(folder / f"ledger-{scenes}"))
        write_ledger(workspace, scenes)
        parts = _timed(partial(read_all, workspace))[0]
        made = _timed(partial(ledger_copy.update, workspace))[0]
        runs = alternate({"": (partial(read_all, workspace), 3)}, time.process_time)[0][""]
        best = row(f"{scenes:,} scenes", runs, parts=f"{parts:,.2f}", making_the_copy=f"{made:,.2f}",
                   times=f"{parts / min(runs):,.1f}")  # fmt: skip
        rows.append(replace(best, seconds=min(runs)))
        curve.append((float(scenes), min(runs)))
    worst = max((b[1] / b[0]) / (a[1] / a[0]) for a, b in pairwise(curve))
    text = f"{MAX_GROWTH} over the largest growth of the time per scene, size by size"
    claims = [] if small else [Claim(text, MAX_GROWTH / worst, 1)]
    return BenchmarkResult("processor seconds of reading the ledger, whole", rows, claims, curves={"ledger": curve})


def read_all(workspace: Workspace) -> None:
    """Read what a job reads of the ledger: all columns, and the content of which digests are made."""
    ledger.read(workspace)
    ledger.read_content(workspace)


def settings_for(fleet: Fleet, workspace: str) -> Settings:
    """Settings of a run on a fleet."""
    return reader.parse(
        {
            "workspace": workspace,
            "jobs": list(JOBS),
            "archive": {"url": str(fleet.folder)},
            "acquire": {"chip_size": 64},
            "label": {"deposits": [{"path": str(fleet.deposits)}]},
            "curate": {"land": str(fleet.land), "min_locations": {"train": 1, "validation": 1, "test": 1}},
        }
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; ``--scenes`` beside the options of every benchmark."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--scenes", type=int, default=SCENES, help="scenes of the fleet")
    options, others = parser.parse_known_args(arguments)
    return command_line("fleet", partial(measure, scenes=options.scenes), PACKAGES, others)


if __name__ == "__main__":
    sys.exit(main())
