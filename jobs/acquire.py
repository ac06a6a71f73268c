"""Acquire the catalogue's scenes: fetch, validate, downsample, find the footprint, write.

    mineral-pipeline acquire jobs/settings/demo.yaml [--retry-failed]

Reads ``catalogue.parquet`` and the archive; writes ``chips.zarr`` and the ledger ``chips.parquet/part-NNNNN.parquet``.
A task (`jobs.acquisition`) owns one shard: it writes the shard's pixels in one piece, then its ledger part. A shard
whose part exists is done, so that an interrupted run goes on where it stopped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import dask.bag as db
import pandas as pd
from distributed import Client

from jobs.acquisition.shard import Shard, acquire_shard, make_shards
from jobs.running import tasks
from jobs.running.plan import Plan
from jobs.running.progress import CONSOLE, Progress
from jobs.running.provenance import read_settings, refuse_other_settings
from jobs.running.request_rate import share_request_rate
from mineral_pipeline import archive, sensors
from mineral_pipeline.errors import DataError, SettingsError, WorkspaceError
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Counts, Workspace, artefacts, identities, ledger, zarr_store

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
    decoded = len(config.bands) * MAX_SCENE_PIXELS * 2  # of one scene at a time, in 16 bits
    return Plan(
        Counts("scenes", planned=len(catalogue), skipped=finished),
        {
            "shards": f"{catalogue['shard'].nunique():,} of {config.chips_per_shard} chips",
            "memory of a task": f"about {config.max_download_mb + decoded / 1e6:,.0f} MB for full-size scenes beside"
            " the program's own; acquire.max_download_mb and acquire.bands set it",
        },
    )


def main(settings: Settings, client: Client, retry_failed: bool = False) -> Counts:
    """Acquire every shard that is not done; with ``retry_failed`` also those that hold a failed scene.

    Raises:
        DataError: the catalogue is empty.
        SettingsError: a sensor lacks a band, or the pixels of the scenes are of different kinds.
        WorkspaceError: the workspace holds chips of other settings, or is damaged.
    """
    workspace = Workspace(settings.workspace)
    columns = ["scene_id", "location_id", "product_id", "sensor", "level", "base_url", "shard"]
    catalogue = workspace.read_table(artefacts.CATALOGUE, columns)
    if catalogue.empty:
        raise DataError(f"{workspace.uri(artefacts.CATALOGUE)} holds no scene: widen the settings' catalogue section")
    _check_sensors(workspace, settings, catalogue)
    chips = identities.plan_chips(catalogue)
    _create_store(workspace, settings, catalogue, chips)
    done = _finished(workspace, catalogue, retry_failed)
    shards = [shard for shard in make_shards(catalogue, chips) if shard.number not in done]
    before = [status for number in sorted(done) for status in done[number]]
    source = archive.open_source(settings.archive)
    if settings.archive.requests_per_s is not None:
        share_request_rate(client)
    task = partial(acquire_shard, workspace=workspace, source=source, config=settings.acquire)
    statuses = Counter(before)
    with Progress("acquire", "scenes", len(catalogue), skipped=len(before), failed=_failed(before)) as progress:
        for result in tasks.collect(_submit(client, shards, task)):
            (shard_statuses,) = result.value
            statuses.update(shard_statuses)
            progress.advance(done=len(shard_statuses), failed=_failed(shard_statuses))
    return ledger.count(statuses.elements(), len(catalogue), skipped=len(before))


def _check_sensors(workspace: Workspace, settings: Settings, catalogue: pd.DataFrame) -> None:
    """Refuse a catalogue whose scenes cannot be chips of one store."""
    sensors.check_bands(settings.acquire.bands, catalogue["sensor"].unique())
    try:
        sensors.check_radiometry(catalogue["sensor"], catalogue["level"])
    except SettingsError as error:  # a catalogue of an earlier version, which the workspace keeps
        raise SettingsError(f"{workspace.uri(artefacts.CATALOGUE)}: {error}, and give another --workspace") from error


def _submit(client: Client, shards: Sequence[Shard], acquire: Callable[[Shard], list[str]]) -> tasks.Tasks:
    """Graph: shards -> states of their scenes, one shard to a task."""
    states = db.from_sequence(shards, partition_size=1).map(acquire).to_delayed() if shards else []
    return tasks.compute(client, "acquire", states, [f"shard {shard.number:05d}" for shard in shards])


def _failed(statuses: Iterable[str]) -> int:
    return sum(status in ledger.FAILED_STATES for status in statuses)


def _finished(workspace: Workspace, catalogue: pd.DataFrame, retry_failed: bool) -> Mapping[int, list[str]]:
    """States of the scenes of finished shards, by shard, without the shards that are to be redone."""
    states, faults = ledger.read_states(workspace, catalogue)
    for shard, fault in faults.items():
        if shard not in catalogue["shard"].values:
            raise WorkspaceError(f"{fault}: remove it")
        CONSOLE.print(f"acquire: shard {shard} is done again: {fault}")
    redo = set(ledger.shards_to_redo(states)) if retry_failed else set()
    return {shard: statuses for shard, statuses in states.items() if shard not in redo}


def _create_store(workspace: Workspace, settings: Settings, catalogue: pd.DataFrame, chips: pd.DataFrame) -> None:
    """Create ``chips.zarr`` before any task, unless it is complete; a store of other settings is refused."""
    made_with = read_settings(settings, "catalogue") | {"scenes": len(catalogue)}
    if zarr_store.is_complete(workspace):
        refuse_other_settings(workspace, "acquire", zarr_store.open_dataset(workspace).attrs["made_with"], made_with)
        return
    if ledger.finished_shards(workspace):
        raise WorkspaceError(
            f"{workspace.uri(artefacts.CHIPS)} is damaged or gone though {artefacts.LEDGER} tells of finished shards:"
            f" restore it, or remove {artefacts.LEDGER} to acquire all again"
        )
    config = settings.acquire
    chips_per_write = max(config.chips_per_shard, int(chips.groupby("shard").size().max()))
    dtype = sensors.SENSORS[catalogue["sensor"].iloc[0]].dtype  # all have the same
    layout = zarr_store.ImageLayout(tuple(config.bands), config.chip_size, chips_per_write, dtype)
    zarr_store.create_chips(workspace, chips, layout, {"made_with": made_with})
