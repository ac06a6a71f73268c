"""Acquire the catalogue's scenes: fetch, check, downsample, find the footprint, write.

    mineral-pipeline acquire jobs/demo.yaml [--retry-failed]

Reads ``catalogue.parquet`` and the archive; writes ``chips.zarr`` and the ledger ``chips.parquet/part-NNNNN.parquet``.
A task owns one shard: it writes the shard's pixels in one piece, then its ledger part. A shard whose part exists is
done, so that a run that was interrupted anywhere goes on where it stopped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial

import dask.bag as db
import pandas as pd
from distributed import Client

from jobs.progress import CONSOLE, Progress, results
from jobs.provenance import read_settings, refuse_other_settings
from jobs.shard import Scene, Shard, acquire_shard
from jobs.stage import Plan
from mineral_pipeline import archive, ledger, store
from mineral_pipeline.errors import DataError, WorkspaceError
from mineral_pipeline.ledger import Counts
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import CATALOGUE, CHIPS, LEDGER, Workspace

LARGEST_SCENE = 8_700 * 8_900  # pixels, the largest of Landsat 4


def plan(settings: Settings) -> Plan:
    """Scenes to fetch, those of finished shards left out, and the memory that a task may take."""
    workspace = Workspace(settings.workspace)
    catalogue = workspace.read_table(CATALOGUE, ["product_id", "shard"])
    finished = sum(map(len, ledger.read_states(workspace, catalogue)[0].values()))
    how = settings.acquire
    decoded = len(how.bands) * LARGEST_SCENE * 2  # of one scene at a time, in 16 bits
    return Plan(
        Counts("scenes", planned=len(catalogue), skipped=finished),
        {
            "shards": f"{catalogue['shard'].nunique():,} of {how.chips_per_shard} chips",
            "memory of a task": f"about {how.in_flight_mb + decoded / 1e6:,.0f} MB for full-size scenes beside the"
            " program's own; acquire.in_flight_mb and acquire.bands set it",
        },
    )


def main(settings: Settings, client: Client, retry_failed: bool = False) -> Counts:
    """Acquire every shard that is not done; with ``retry_failed`` also those that hold a failure."""
    workspace = Workspace(settings.workspace)
    catalogue = workspace.read_table(CATALOGUE, ["product_id", "base_url", "shard"])
    _create_store(workspace, settings, catalogue)
    done = _finished(workspace, catalogue, retry_failed)
    shards = [shard for shard in _shards(catalogue) if shard.number not in done]
    before = [status for number in sorted(done) for status in done[number]]
    task = partial(
        acquire_shard,
        workspace=workspace,
        source=archive.open_source(settings.archive),
        how=settings.acquire,
    )
    statuses = Counter(before)
    with Progress("acquire", "scenes", len(catalogue), skipped=len(before), failed=_failed(before)) as progress:
        bag = db.from_sequence(shards, partition_size=1).map(task) if shards else None
        futures = client.compute(bag.to_delayed(), retries=2) if bag else []
        for (shard_statuses,) in results(futures, [f"shard {shard.number}" for shard in shards]):
            statuses.update(shard_statuses)
            progress.advance(done=len(shard_statuses), failed=_failed(shard_statuses))
    return ledger.count(statuses.elements(), len(catalogue), skipped=len(before))


def _failed(statuses: Iterable[str]) -> int:
    return sum(status in ledger.FAILED for status in statuses)


def _shards(catalogue: pd.DataFrame) -> list[Shard]:
    rows = zip(catalogue.index, catalogue["product_id"], catalogue["base_url"], catalogue["shard"], strict=True)
    shards: dict[int, list[Scene]] = {}
    for chip, product_id, base_url, number in rows:
        shards.setdefault(int(number), []).append(Scene(int(chip), product_id, base_url))
    return [Shard(number, tuple(scenes)) for number, scenes in shards.items()]


def _finished(workspace: Workspace, catalogue: pd.DataFrame, retry_failed: bool) -> Mapping[int, list[str]]:
    """States of the scenes of finished shards, by shard; without those to redo."""
    states, faults = ledger.read_states(workspace, catalogue)
    for shard, fault in faults.items():
        if shard not in catalogue["shard"].values:
            raise WorkspaceError(f"{fault}: remove it")
        CONSOLE.print(f"acquire: shard {shard} is done again: {fault}")
    redo = set(ledger.shards_to_redo(states)) if retry_failed else set()
    return {shard: statuses for shard, statuses in states.items() if shard not in redo}


def _create_store(workspace: Workspace, settings: Settings, catalogue: pd.DataFrame) -> None:
    """Create ``chips.zarr`` before any task, anew if its creation was interrupted; one of other settings is refused."""
    if catalogue.empty:
        raise DataError(f"{workspace.link(CATALOGUE)} holds no scene: widen the settings' catalogue section")
    made_with = read_settings(settings, "catalogue") | {"scenes": len(catalogue)}
    if store.is_complete(workspace):
        refuse_other_settings(workspace, "acquire", store.open_dataset(workspace).attrs["made_with"], made_with)
        return
    if ledger.finished_shards(workspace):
        raise WorkspaceError(
            f"{workspace.link(CHIPS)} is damaged or gone though {LEDGER} tells of finished shards: restore it, or"
            f" remove {LEDGER} to acquire all again"
        )
    sixteen_bits = catalogue["product_id"].str[2:4].isin(["08", "09"]).any()  # OLI; TM and ETM+ have 8
    how = settings.acquire
    store.create_chips(
        workspace,
        catalogue["product_id"].tolist(),
        how.bands,
        how.chip_size,
        how.chips_per_shard,
        "uint16" if sixteen_bits else "uint8",
        {"made_with": made_with},
    )
