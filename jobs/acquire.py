"""Acquire the catalogue's scenes: fetch, validate, downsample, find the footprint, write.

    mineral-pipeline acquire demo [--retry-failed]

Reads ``catalogue.parquet`` and the archive; writes ``chips.zarr`` and the ledger ``chips.parquet/part-NNNNN.parquet``.
A task (`jobs.acquisition`) owns one shard: it writes the shard's pixels in one piece, then its ledger part. A shard
whose part exists is done, so that an interrupted run goes on where it stopped. `jobs.acquisition.supervision` watches
which workers fail.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial

import numpy as np
import pandas as pd
from distributed import Client

from jobs.acquisition.shard import acquire_shard, make_shards
from jobs.acquisition.store import create_store
from jobs.acquisition.supervision import Supervisor
from jobs.running.fitness import PROCESS_BYTES
from jobs.running.plan import Plan
from jobs.running.progress import CONSOLE, Progress
from jobs.running.request_rate import share_request_rate
from mineral_pipeline import archive, imagery, sensors
from mineral_pipeline.errors import DataError, SettingsError, WorkspaceError
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Counts, Workspace, artefacts, identities, ledger, zarr_store
from mineral_pipeline.workspace.workspace import REPAIR

MAX_SCENE_PIXELS = 8_700 * 8_900
"""Pixels of the largest scene of Landsat 4."""


def plan(settings: Settings) -> Plan:
    """Count the scenes to fetch, without those of finished shards, and estimate the memory of a task.

    Raises:
        SettingsError: a sensor lacks a band, or the pixels of the scenes are of different kinds.
    """
    workspace, config = Workspace(settings.workspace), settings.acquire
    catalogue = workspace.read_table(artefacts.CATALOGUE, ["scene_id", "sensor", "level", "shard"])
    _check_sensors(workspace, settings, catalogue)
    finished = sum(map(len, ledger.read_states(workspace, catalogue)[0].values()))
    return Plan(
        Counts("scenes", planned=len(catalogue), skipped=finished),
        {
            "shards": f"{catalogue['shard'].nunique():,} of {config.chips_per_shard} chips",
            "memory of a task": f"about {task_bytes(settings) / 1e6:,.0f} MB for scenes of full size beside the"
            f" program's own {PROCESS_BYTES / 1e6:,.0f} MB; acquire.max_download_mb and acquire.bands set it",
        },
    )


def task_bytes(settings: Settings) -> float:
    """Memory in bytes that a task takes beside the program's own, for full-size scenes unless they are simulated.

    It holds files of several scenes, of which each may be as large as its pixels, and the pixels of one.
    """
    config, pixels = settings.acquire, float(MAX_SCENE_PIXELS)
    if "simulate" in settings.jobs:
        pixels = min(pixels, (2 * settings.simulate.scene_size * settings.simulate.scale) ** 2)
    if sensors.any_panchromatic(config.bands):
        pixels *= 4
    band = pixels * _bytes_per_number(settings)
    read = len(config.bands) * band  # of one scene at a time
    decoded = len(config.bands) * pixels * 2 + band if config.radiometry == "reflectance" else read
    held = max(min(config.max_download_mb * 1e6, config.threads * read), read)  # a larger scene is held alone
    return held + decoded + imagery.GDAL_CACHE_BYTES


def _bytes_per_number(settings: Settings) -> int:
    """Bytes of a digital number of the sensors that the settings choose; of the largest where they choose none."""
    chosen = settings.catalogue.sensors
    known = [one for one in sensors.SENSORS.values() if not chosen or one.instrument in chosen]
    return max((np.dtype(one.dtype).itemsize for one in known), default=2)


def main(settings: Settings, client: Client, retry_failed: bool = False) -> Counts:
    """Acquire every shard that is not done; with ``retry_failed`` also those that hold a failed scene.

    Raises:
        DataError: the catalogue is empty.
        SettingsError: a sensor lacks a band, or the pixels of the scenes are of different kinds.
        WorkspaceError: the workspace holds chips of other settings, or is damaged.
        ArchiveError: more scenes than ``acquire.stop_after`` allows could not be reached.
        ClusterError: no worker sees the archive.
    """
    workspace = Workspace(settings.workspace)
    columns = ["scene_id", "location_id", "product_id", "sensor", "level", "base_url", "shard"]
    catalogue = workspace.read_table(artefacts.CATALOGUE, columns)
    if catalogue.empty:
        raise DataError(f"{workspace.uri(artefacts.CATALOGUE)} holds no scene: widen the settings' catalogue section")
    _check_sensors(workspace, settings, catalogue)
    chips = identities.plan_chips(catalogue)
    create_store(settings, catalogue)
    done = _finished(workspace, catalogue, retry_failed)
    shards = [shard for shard in make_shards(catalogue, chips, settings.acquire.bands) if shard.number not in done]
    before = [status for number in sorted(done) for status in done[number]]
    source = archive.survey_source(settings.archive) if shards else archive.open_source(settings.archive)
    if settings.archive.requests_per_s is not None:
        share_request_rate(client)
    task = partial(acquire_shard, workspace=workspace, source=source, config=settings.acquire)
    supervisor = Supervisor(client, workspace, source, task, settings.acquire.stop_after)
    with Progress("acquire", "scenes", len(catalogue), skipped=len(before), failed=_failed(before)) as progress:
        for result, sign in supervisor.acquire(shards):
            progress.advance(done=sign * len(result.states), failed=sign * result.failed)
    statuses = Counter(before)
    for result in supervisor.counted.values():
        statuses.update(result.states)
    return ledger.count(statuses.elements(), len(catalogue), skipped=len(before))


def _check_sensors(workspace: Workspace, settings: Settings, catalogue: pd.DataFrame) -> None:
    """Refuse a catalogue whose scenes cannot be chips of one store."""
    config, codes = settings.acquire, catalogue["sensor"]
    sensors.check_bands(config.bands, codes.unique(), config.radiometry)
    try:
        sensors.check_radiometry(codes, catalogue["level"], config.radiometry)
    except SettingsError as error:  # a catalogue of an earlier version, which the workspace keeps
        raise SettingsError(f"{workspace.uri(artefacts.CATALOGUE)}: {error}, and give another --workspace") from error


def _failed(statuses: Iterable[str]) -> int:
    return sum(status in ledger.FAILED_STATES for status in statuses)


def _finished(workspace: Workspace, catalogue: pd.DataFrame, retry_failed: bool) -> Mapping[int, list[str]]:
    """States of the scenes of finished shards, by shard, without the shards that are to be redone."""
    states, faults = ledger.read_states(workspace, catalogue)
    for shard, fault in faults.items():
        if shard not in catalogue["shard"].values:
            raise WorkspaceError(f"{fault}: {REPAIR}")
        CONSOLE.print(f"acquire: shard {shard} is done again: {fault}")
    redo = set(ledger.shards_to_redo(states)) if retry_failed else set()
    with_pixels = {shard for shard, statuses in states.items() if ledger.State.OK in statuses}
    for shard in sorted(with_pixels - zarr_store.written_shards(workspace)):
        CONSOLE.print(
            f"acquire: shard {shard} is done again: its pixels are gone from {workspace.uri(artefacts.CHIPS)}"
        )
        redo.add(shard)
    return {shard: statuses for shard, statuses in states.items() if shard not in redo}
