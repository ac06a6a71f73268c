"""One acquisition through everything that can go wrong, beside an undisturbed one: nothing lost, nothing twice.

    python -m benchmarks.chaos [--json FILE] [--check] [--small]

A simulated archive is damaged (1 % of its bands cut off, 1 % HTML pages, 1 % gone) and served. The first run has the
server, the cluster and the client to itself. For the second, one request in ten fails (503, 429, reset, cut body,
hang), workers are killed with -9 at random, then the client, then the scheduler; and the same command goes on each
time. At the end both workspaces must hold the same: every pixel, and the ledger but for attempts and seconds.
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
from benchmarks.support.harness import Claim, Report, command_line, row
from benchmarks.support.processes import PATIENCE_S, Processes
from mineral_pipeline import settings as reader
from mineral_pipeline import simulation
from mineral_pipeline.sensors.landsat import band_file, product_folder
from mineral_pipeline.workspace import Workspace, ledger, zarr_store

DAMAGED = 0.01
"""Share of the scenes that each kind of damage strikes."""
NETWORK = Rule("latency", amount=0.1)
FAULTS = (
    Rule("503", share=0.03, times=2),
    Rule("429", share=0.02, times=2),
    Rule("reset", share=0.02, times=2),
    Rule("truncate", match="TIF", share=0.04, times=2),
    Rule("hang", share=0.01, times=2, amount=10),
)
"""One request in ten, counting that half of them are for bands; never the same one more than twice in a row."""
KILLS = 3
"""Of workers before each death of the client or the scheduler, and before the end."""
PAUSE_S = (1.0, 3.0)
"""Between two kills."""
PACKAGES = ("dask", "distributed", "obstore", "zarr")


def measure(small: bool) -> Report:
    """Run both and compare."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scenes = write_archive(folder / "archive", places=20 if small else 190)
        expected = damage(folder / "archive", scenes)
        with serve(str(folder / "archive"), NETWORK) as server, Processes(folder) as processes:
            settings = write_settings(folder, server.url)
            calm = undisturbed(processes, settings, folder / "calm")
            server.reset(NETWORK, *FAULTS)
            stormy, deaths = disturbed(processes, settings, folder / "stormy", len(scenes), 1 if small else KILLS)
            struck = server.statistics.by_fault
            requests = struck.pop("latency")  # each of them
        findings = compare(Workspace(str(folder / "calm")), Workspace(str(folder / "stormy")), expected)
    return Report(
        f"{len(scenes)} scenes, {struck.total() / requests:.1%} of {requests:,} requests failing",
        [row("through everything", [stormy]), row("undisturbed", [calm])],
        [Claim(text, float(holds), 1) for text, holds in findings.items()],
        (
            "killed with -9: " + ", ".join(f"{number} {what}" for what, number in deaths.items()),
            "requests that failed: " + ", ".join(f"{number} {fault}" for fault, number in struck.items()),
            "states: " + ", ".join(f"{number} {state}" for state, number in Counter(expected.values()).items()),
        ),
    )


def write_archive(folder: Path, places: int) -> list[str]:
    """A simulated archive; returns the identifiers of its scenes."""
    planet = {"locations": places, "dates": 3, "islands": 8, "scene_size": 48}
    content = {"workspace": "none", "archive": {"url": str(folder)}, "jobs": ["simulate"], "simulate": planet}
    commission = simulation.ArchiveSpec.of(reader.parse(content))
    simulation.begin(commission)
    written = simulation.write_scenes(range(len(commission.scenes)), commission)
    simulation.finish(commission, {scene.product_id: scene.bytes for scene in written})
    return [scene.product_id for scene in written]


def damage(folder: Path, scenes: list[str]) -> dict[str, str]:
    """Damage some of the bands; returns the state in which every scene must end."""
    each = max(round(DAMAGED * len(scenes)), 1)
    struck = iter(random.Random(0).sample(scenes, 3 * each))
    expected = dict.fromkeys(scenes, "ok")
    for state, content in (("corrupt", None), ("corrupt", b"<!DOCTYPE html><p>Try again later</p>"), ("missing", b"")):
        for product_id in (next(struck) for _ in range(each)):
            file = folder / product_folder(product_id) / band_file(product_id, "B7")
            expected[product_id] = state
            if state == "missing":
                file.unlink()
            else:
                file.write_bytes(content or file.read_bytes()[: file.stat().st_size // 2])
    return expected


def write_settings(folder: Path, url: str) -> Path:
    """The settings of both runs."""
    content = {
        "workspace": "given on the command line",
        "archive": {"url": url, "timeout_s": 2},
        "jobs": ["catalogue", "acquire"],
        "acquire": {"chip_size": 32, "chips_per_shard": 5},
        "max_failed_fraction": 0.1,
    }
    path = folder / "settings.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def undisturbed(processes: Processes, settings: Path, workspace: Path) -> float:
    """Seconds of a run that nothing disturbs."""
    started = time.monotonic()
    processes.start_cluster()
    processes.start_client(settings, workspace)
    processes.expect_end(status=0)
    return time.monotonic() - started


def disturbed(
    processes: Processes, settings: Path, workspace: Path, scenes: int, most_kills: int
) -> tuple[float, dict[str, int]]:
    """Seconds of a run through all deaths, and how many there were."""
    started, chance, deaths = time.monotonic(), random.Random(1), Counter[str]()
    target = Workspace(str(workspace))

    def until(share: float) -> None:
        """Kill workers until so much is done."""
        kills = 0
        while len(ledger.finished_shards(target)) * 5 < share * scenes and processes.client_runs:
            time.sleep(chance.uniform(*PAUSE_S))
            if kills < most_kills and ledger.finished_shards(target):
                kills += processes.kill_a_worker(chance)
            elif time.monotonic() - started > PATIENCE_S:
                raise RuntimeError(f"no end in {PATIENCE_S} s")
        deaths["workers"] += kills

    processes.start_client(settings, workspace)
    until(0.25)
    processes.kill_client()
    processes.start_client(settings, workspace)
    until(0.55)
    processes.kill_scheduler()
    processes.expect_end(status=2)  # it says so, and does not hang
    processes.start_cluster()
    processes.start_client(settings, workspace)
    until(0.9)
    processes.expect_end(status=0)
    return time.monotonic() - started, dict(deaths) | {"client": 1, "scheduler": 1}


def compare(calm: Workspace, stormy: Workspace, expected: Mapping[str, str]) -> dict[str, bool]:
    """What must be true at the end, in words, and whether it is."""
    tables = [ledger.read(workspace) for workspace in (calm, stormy)]
    images = [np.asarray(zarr_store.open_images(workspace)[:]) for workspace in (calm, stormy)]
    but_for_luck = [pd.DataFrame(table.drop(columns=["attempts", "seconds"])).to_csv() for table in tables]
    states = dict(zip(tables[1]["product_id"], tables[1]["status"], strict=True))
    lit = images[1].any(axis=(1, 2, 3))
    return {
        "every pixel is that of the undisturbed run": bool(np.array_equal(images[0], images[1]) and lit.any()),
        "the ledger is, but for attempts and seconds": but_for_luck[0] == but_for_luck[1],
        "every scene is in its right state": states == dict(expected),
        "every scene is counted once": tables[1]["chip"].tolist() == list(range(len(expected))),
        "good scenes have pixels, and no others": lit.tolist() == (tables[1]["status"] == "ok").tolist(),
        "damaged objects left their evidence": bool(
            (tables[1]["first_bytes"].str.len() > 0).sum() == list(expected.values()).count("corrupt")
        ),
    }


if __name__ == "__main__":
    sys.exit(command_line("chaos", measure, PACKAGES))
