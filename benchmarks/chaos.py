"""An acquisition through all kinds of faults, compared with an undisturbed one: nothing is lost or duplicated.

    python -m benchmarks.chaos [--json FILE] [--check] [--small]

A simulated archive is damaged (1 % of its bands cut off, 1 % replaced by HTML pages, 1 % removed) and served. Nothing
disturbs the first run. In the second, one request in ten fails (503, 429, reset, cut body, hang), workers are killed
with -9 at random, then the client, then the scheduler; each time the same command resumes the run. At the end both
workspaces must hold the same: every pixel, and the ledger except for attempts and seconds.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from benchmarks.support.faults import Rule, serve
from benchmarks.support.harness import command_line
from benchmarks.support.processes import PATIENCE_S, Processes
from benchmarks.support.results import BenchmarkResult, Claim, row
from mineral_pipeline import settings as reader
from mineral_pipeline import simulation
from mineral_pipeline.sensors.landsat import band_file, product_folder
from mineral_pipeline.workspace import Workspace, ledger, zarr_store

DAMAGED_FRACTION = 0.01
"""Fraction of the scenes that get each kind of damage."""
NETWORK = Rule("latency", amount=0.1)
FAULTS = (
    Rule("503", share=0.03, times=2),
    Rule("429", share=0.02, times=2),
    Rule("reset", share=0.02, times=2),
    Rule("truncate", match="TIF", share=0.04, times=2),
    Rule("hang", share=0.01, times=2, amount=10),
)
"""One request in ten fails, half of them being for bands; none fails more than twice in a row."""
MAX_KILLS = 3
"""Workers killed before each death of the client or the scheduler, and before the end."""
PAUSE_S = (1.0, 3.0)
"""Shortest and longest pause between two kills."""
SCENES_PER_SHARD = 5
PACKAGES = ("dask", "distributed", "obstore", "zarr")


def measure(small: bool) -> BenchmarkResult:
    """Run both acquisitions and compare them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scenes = write_archive(folder / "archive", locations=20 if small else 190)
        expected = damage(folder / "archive", scenes)
        with serve(str(folder / "archive"), NETWORK) as server, Processes(folder) as processes:
            settings = write_settings(folder, server.url)
            undisturbed = run_undisturbed(processes, settings, folder / "undisturbed")
            server.reset(NETWORK, *FAULTS)
            kills = 1 if small else MAX_KILLS
            disturbed, deaths = run_disturbed(processes, settings, folder / "disturbed", len(scenes), kills)
            faults = server.statistics.by_fault
            requests = faults.pop("latency")  # the rule of every request
        findings = compare(Workspace(str(folder / "undisturbed")), Workspace(str(folder / "disturbed")), expected)
    return BenchmarkResult(
        f"{len(scenes)} scenes, {faults.total() / requests:.1%} of {requests:,} requests failing",
        [row("through all faults", [disturbed]), row("undisturbed", [undisturbed])],
        [Claim(text, float(holds), 1) for text, holds in findings.items()],
        (
            "killed with -9: " + ", ".join(f"{number} {kind}" for kind, number in deaths.items()),
            "requests that failed: " + ", ".join(f"{number} {fault}" for fault, number in faults.items()),
            "states: " + ", ".join(f"{number} {state}" for state, number in Counter(expected.values()).items()),
        ),
    )


def write_archive(folder: Path, locations: int) -> list[str]:
    """Write a simulated archive, and return the identifiers of its scenes."""
    planet = {"locations": locations, "dates": 3, "islands": 8, "scene_size": 48}
    content = {"workspace": "none", "archive": {"url": str(folder)}, "jobs": ["simulate"], "simulate": planet}
    spec = simulation.ArchiveSpec.of(reader.parse(content))
    simulation.begin(spec)
    written = simulation.write_scenes(range(len(spec.scenes)), spec)
    simulation.finish(spec, {scene.product_id: scene.bytes for scene in written})
    return [scene.product_id for scene in written]


def damage(folder: Path, scenes: list[str]) -> dict[str, str]:
    """Damage some of the bands, and return the state in which every scene must end."""
    each = max(round(DAMAGED_FRACTION * len(scenes)), 1)
    damaged = iter(random.Random(0).sample(scenes, 3 * each))
    expected = dict.fromkeys(scenes, "ok")
    for state, content in (("corrupt", None), ("corrupt", b"<!DOCTYPE html><p>Try again later</p>"), ("missing", b"")):
        for product_id in (next(damaged) for _ in range(each)):
            file = folder / product_folder(product_id) / band_file(product_id, "B7")
            expected[product_id] = state
            if state == "missing":
                file.unlink()
            else:
                file.write_bytes(content or file.read_bytes()[: file.stat().st_size // 2])
    return expected


def write_settings(folder: Path, url: str) -> Path:
    """Write the settings of both runs."""
    content = {
        "workspace": "given on the command line",
        "archive": {"url": url, "timeout_s": 2},
        "jobs": ["catalogue", "acquire"],
        "acquire": {"chip_size": 32, "chips_per_shard": SCENES_PER_SHARD},
        "max_failed_fraction": 0.1,
    }
    path = folder / "settings.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def run_undisturbed(processes: Processes, settings: Path, workspace: Path) -> float:
    """Return the seconds of a run that nothing disturbs."""
    started = time.monotonic()
    processes.start_cluster()
    processes.start_client(settings, workspace)
    processes.expect_end(status=0)
    return time.monotonic() - started


def run_disturbed(
    processes: Processes, settings: Path, workspace: Path, scenes: int, max_kills: int
) -> tuple[float, dict[str, int]]:
    """Return the seconds of a run whose processes are killed, and the number of kills by kind of process."""
    started, chance, deaths = time.monotonic(), random.Random(1), Counter[str]()
    target = Workspace(str(workspace))

    def kill_workers_until(fraction: float) -> None:
        """Kill workers at random until this fraction of the scenes is done."""
        kills = 0
        while len(ledger.finished_shards(target)) * SCENES_PER_SHARD < fraction * scenes and processes.client_runs:
            time.sleep(chance.uniform(*PAUSE_S))
            if kills < max_kills and ledger.finished_shards(target):
                kills += processes.kill_a_worker(chance)
            elif time.monotonic() - started > PATIENCE_S:
                raise RuntimeError(f"no end in {PATIENCE_S} s")
        deaths["workers"] += kills

    processes.start_client(settings, workspace)
    kill_workers_until(0.25)
    processes.kill_client()
    processes.start_client(settings, workspace)
    kill_workers_until(0.55)
    processes.kill_scheduler()
    processes.expect_end(status=2)  # it reports the loss, and does not hang
    processes.start_cluster()
    processes.start_client(settings, workspace)
    kill_workers_until(0.9)
    processes.expect_end(status=0)
    return time.monotonic() - started, dict(deaths) | {"client": 1, "scheduler": 1}


def compare(undisturbed: Workspace, disturbed: Workspace, expected: Mapping[str, str]) -> dict[str, bool]:
    """Return what must hold at the end, in words, and whether it does."""
    tables = [ledger.read(workspace) for workspace in (undisturbed, disturbed)]
    images = [np.asarray(zarr_store.open_array(workspace)[:]) for workspace in (undisturbed, disturbed)]
    reproducible = [
        pd.DataFrame(table.drop(columns=["attempts", "seconds", "host", "worker"])).to_csv() for table in tables
    ]
    states = dict(zip(tables[1]["scene_id"], tables[1]["status"], strict=True))
    has_pixels = images[1].any(axis=(1, 2, 3))
    return {
        "every pixel is that of the undisturbed run": bool(np.array_equal(images[0], images[1]) and has_pixels.any()),
        "the ledger is, except for attempts, seconds and where": reproducible[0] == reproducible[1],
        "every scene is in its right state": states == dict(expected),
        "every scene is counted once": tables[1]["chip_index"].tolist() == list(range(len(expected))),
        "good scenes have pixels, and no others": has_pixels.tolist() == (tables[1]["status"] == "ok").tolist(),
        "the first bytes of damaged objects are kept": bool(
            (tables[1]["first_bytes"].str.len() > 0).sum() == list(expected.values()).count("corrupt")
        ),
    }


if __name__ == "__main__":
    sys.exit(command_line("chaos", measure, PACKAGES))
