"""Write the simulated planet's archive.

    mineral-pipeline simulate demo

Writes at ``archive.url``, in the layout of the public bucket: band files and metadata of every scene, then
``deposits.csv`` (columns of MRDS), ``land.geojson``, ``truth.parquet`` (the simulated ground truth) and, last,
``index.csv.gz``. Scenes that are there already are skipped. A scene's pixels depend on nothing but the seed and the
scene, so that any number of workers gives the same archive; each worker makes the planet itself, which takes a second.
"""

from __future__ import annotations

import dask.bag as db
from distributed import Client

from jobs.running.plan import Plan
from jobs.running.progress import Progress
from jobs.running.tasks import Tasks, collect, compute
from mineral_pipeline import simulation
from mineral_pipeline.sensors import resolve_bands
from mineral_pipeline.settings import Settings
from mineral_pipeline.simulation import ArchiveSpec, SceneRecord
from mineral_pipeline.workspace import Counts

SENSOR_CODE = "LT04"
"""The sensor that is simulated."""

SCENES_PER_TASK = 12
"""Scenes that one task writes."""

BLOCK_BYTES = 16e6
"""Memory of the pixels that are rendered at once (measured: 14)."""


def archive_spec(settings: Settings) -> ArchiveSpec:
    """The archive that the settings describe, its bands by the names that files of Landsat 4 have.

    Raises:
        SettingsError: Landsat 4 has no such band, or the archive may not be written to.
    """
    bands = list(resolve_bands(settings.acquire.bands, SENSOR_CODE))
    acquire = settings.acquire.model_copy(update={"bands": bands})
    return ArchiveSpec.of(settings.model_copy(update={"acquire": acquire}))


def task_bytes(spec: ArchiveSpec) -> float:
    """Memory in bytes that a task takes beside the program's own: a block of pixels, a band twice, and all files."""
    grid = spec.scenes[0].grid
    return BLOCK_BYTES + float((2 + len(spec.bands)) * grid.lines * grid.samples)


def plan(settings: Settings) -> Plan:
    """Plan one item for every scene."""
    spec = archive_spec(settings)
    scenes, grid = spec.scenes, spec.scenes[0].grid
    details = {
        "archive": spec.url,
        "rasters": f"{len(spec.bands)} of about {grid.lines:,} lines by {grid.samples:,} samples per scene",
        "memory of a task": f"about {task_bytes(spec) / 1e6:,.0f} MB beside the program's own; simulate.scene_size and"
        " simulate.scale set it",
    }
    return Plan(Counts("scenes", planned=len(scenes), skipped=simulation.count_written(spec)), details)


def main(settings: Settings, client: Client) -> Counts:
    """Write every scene that is not there yet, then the tables."""
    spec = archive_spec(settings)
    simulation.begin(spec)
    sizes: dict[str, int] = {}
    with Progress("simulate", "scenes", planned=len(spec.scenes)) as progress:
        for result in collect(_write(client, spec)):
            records: list[SceneRecord] = result.value
            sizes |= {record.product_id: record.bytes for record in records}
            skipped = sum(record.skipped for record in records)
            progress.advance(done=len(records) - skipped, skipped=skipped)
    simulation.finish(spec, sizes)
    return Counts("scenes", planned=progress.planned, done=progress.done, skipped=progress.skipped)


def _write(client: Client, spec: ArchiveSpec) -> Tasks:
    """Graph: numbers of scenes -> scenes in the archive, a dozen to a task."""
    numbers = db.from_sequence(range(len(spec.scenes)), partition_size=SCENES_PER_TASK)
    scenes = numbers.map_partitions(simulation.write_scenes, spec).to_delayed()
    names = [f"scenes from {first:06d}" for first in range(0, len(spec.scenes), SCENES_PER_TASK)]
    return compute(client, "simulate", scenes, names)
