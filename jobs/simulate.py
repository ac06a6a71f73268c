"""Write the simulated planet's archive.

    mineral-pipeline simulate jobs/settings/demo.yaml

Writes at ``archive.url``, in the layout of the public bucket: band files and metadata of every scene, then
``deposits.csv`` (columns of MRDS), ``land.geojson``, ``truth.parquet`` (what a perfect geologist would know) and, last,
``index.csv.gz``. Scenes that are there already are skipped. A scene's pixels depend on nothing but the seed and the
scene, so that any number of workers gives the same archive; each makes the planet for itself, which takes a second.
"""

from __future__ import annotations

from typing import Any

import dask.bag as db
from distributed import Client

from jobs.running.plan import Plan
from jobs.running.progress import Progress
from jobs.running.tasks import collect
from mineral_pipeline import simulation
from mineral_pipeline.settings import Settings
from mineral_pipeline.simulation import ArchiveSpec
from mineral_pipeline.workspace.counts import Counts

SCENES_PER_TASK = 12


def plan(settings: Settings) -> Plan:
    """Say how many scenes would be written."""
    commission = ArchiveSpec.of(settings)
    scenes, grid = commission.scenes, commission.scenes[0].grid
    details = {
        "archive": commission.url,
        "rasters": f"{len(commission.bands)} of about {grid.lines:,} lines by {grid.samples:,} samples per scene",
        "memory": f"about {150 + 4 * grid.lines * grid.samples / 2**20:,.0f} MiB in a task",
    }
    return Plan(Counts("scenes", planned=len(scenes), skipped=simulation.count_written(commission)), details)


def main(settings: Settings, client: Client) -> Counts:
    """Write every scene that is not there yet, then the tables."""
    commission = ArchiveSpec.of(settings)
    simulation.begin(commission)
    sizes: dict[str, int] = {}
    with Progress("simulate", "scenes", planned=len(commission.scenes)) as progress:
        for written in collect(_write(client, commission)):
            sizes |= {scene.product_id: scene.bytes for scene in written}
            skipped = sum(scene.skipped for scene in written)
            progress.advance(done=len(written) - skipped, skipped=skipped)
    simulation.finish(commission, sizes)
    return Counts("scenes", planned=progress.planned, done=progress.done, skipped=progress.skipped)


def _write(client: Client, commission: ArchiveSpec) -> list[Any]:
    """Graph: numbers of scenes -> scenes in the archive, a dozen to a task."""
    numbers = db.from_sequence(range(len(commission.scenes)), partition_size=SCENES_PER_TASK)
    scenes = numbers.map_partitions(simulation.write_scenes, commission)
    return list(client.compute(scenes.to_delayed()))
