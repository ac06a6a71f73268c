"""Curate training sets: drop the ocean, divide the places into sides, choose and balance, measure the leak, copy.

    mineral-pipeline curate jobs/settings/demo.yaml

Reads ``labels.parquet``, ``chips.parquet``, ``chips.zarr``, ``deposits.parquet`` and the land polygons of the settings;
writes ``samples/<task>/{train,validation,test}.zarr``, ``samples.parquet``, ``leak.parquet`` and, last,
``summary.json`` with the leak between the sides; with ``curate.folds`` the same in ``samples/<task>/fold-<i>/`` too. A
task of the graph owns one batch of one store.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import dask_geopandas
import geopandas as gpd
import numpy as np
import pandas as pd
from distributed import Client, Future

from jobs.running.plan import Plan
from jobs.running.progress import Progress
from jobs.running.tasks import collect
from mineral_pipeline import curation
from mineral_pipeline.errors import SettingsError
from mineral_pipeline.learning import Task
from mineral_pipeline.settings import Curate, Settings
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store
from mineral_pipeline.workspace.counts import Counts

PLACES_PER_PARTITION = 2000
"""Of the ocean mask: a partition takes well under a second."""


def plan(settings: Settings) -> Plan:
    """At most all labelled chips for every task; how many is known when the sides are balanced."""
    workspace, wanted = Workspace(settings.workspace), _wanted(settings)
    chips = len(workspace.read_table(artefacts.LABELS, ["chip"]))
    images = zarr_store.open_images(workspace)
    megabytes = wanted.batch_size * np.prod(images.shape[1:]) * images.dtype.itemsize / 2**20
    sets = len(settings.tasks) * (1 + (wanted.folds or 0))
    folds = f", and again for each of {wanted.folds} folds" if wanted.folds else ""
    return Plan(
        Counts("samples", planned=chips * sets),
        {
            "samples": f"at most the {chips:,} labelled chips for each of {', '.join(settings.tasks)}{folds}",
            "memory of a task": f"about {3 * megabytes:,.0f} MB; curate.batch_size sets it",
        },
    )


def main(settings: Settings, client: Client) -> Counts:
    """Curate every task of ``tasks``; nothing is written before all of them are known to be possible."""
    workspace, wanted, seed = Workspace(settings.workspace), _wanted(settings), settings.seed
    chips = curation.read_chips(workspace, drop_open_mines=wanted.drop_open_mines)
    chips = _without_ocean(chips, wanted, client)
    divisions = [curation.make_split(chips, wanted, seed), *curation.make_folds(chips, wanted, seed)]
    chosen = {
        (task, division.fold): curation.select(chips, division, task, wanted, seed)
        for division in divisions for task in settings.tasks
    }  # fmt: skip
    deposits = workspace.read_table(artefacts.DEPOSITS, ["lon", "lat"]).to_numpy(np.float64)
    planned = sum(int((samples["subset"] != curation.DROPPED).sum()) for samples in chosen.values())
    _remove_folds(workspace, settings.tasks)
    with Progress("curate", "samples", planned) as progress:
        for (task, fold), samples in chosen.items():
            name = curation.set_name(task, fold)
            curation.create_stores(workspace, name, samples, wanted.batch_size)
            for written in collect(_copy(client, workspace, name, samples, wanted.batch_size)):
                progress.advance(done=written)
            shared = curation.SplitLeakage(samples)
            workspace.write_table(artefacts.samples(name), samples)
            workspace.write_table(curation.leak_name(name), shared.places())
            leak = shared.leak(deposits, wanted.max_leakage)
            workspace.write_json(curation.summary_name(name), curation.summarise(samples, task, wanted, leak))
    dropped = pd.concat([samples["drop_reason"] for (_, fold), samples in chosen.items() if fold is None])
    reasons = {str(why): int(count) for why, count in dropped[dropped != ""].value_counts().items()}
    return Counts("samples", planned=planned, done=progress.done, reasons=reasons)


def _without_ocean(chips: gpd.GeoDataFrame, wanted: Curate, client: Client) -> gpd.GeoDataFrame:
    """Mark the chips of places at sea. The polygons go to every worker once and not into the graph."""
    polygons, places = curation.read_land(wanted.land, wanted.land_sha256), curation.find_locations(chips)
    least = None
    if wanted.land_rule == "fraction":
        polygons, places = curation.subdivide(polygons), curation.find_locations(chips, "outline")
        least = wanted.min_land_fraction
    land = client.scatter(polygons, broadcast=True)
    partitions = dask_geopandas.from_geopandas(places, npartitions=1 + len(places) // PLACES_PER_PARTITION)
    flags = partitions.map_partitions(curation.is_on_land, land, least, meta=("on_land", bool))
    on_land = client.compute(flags).result()
    return curation.drop_locations(chips, places["location_id"][~on_land], "over the ocean")


def _remove_folds(workspace: Workspace, tasks: Sequence[Task]) -> None:
    """Remove the folds of an earlier run: it may have made more of them."""
    for task in tasks:
        for name in workspace.list(f"samples/{task}"):
            if name.startswith("fold-"):
                workspace.remove(f"samples/{task}/{name}")


def _copy(client: Client, workspace: Workspace, task: str, samples: gpd.GeoDataFrame, batch_size: int) -> list[Future]:
    """One task per batch: read its chips in the order of the chip store, write one chunk."""
    run = secrets.token_hex(4)  # a scheduler that remembers the keys of an earlier run would not run them again
    return [
        client.submit(
            curation.write_samples, workspace, task, side, batch, chips,
            key=f"curate-{task}-{side}-{batch:05d}-{run}", pure=False, retries=2,
        )
        for side in curation.SUBSETS
        for batch, chips in enumerate(curation.batches(samples, side, batch_size))
    ]  # fmt: skip


def _wanted(settings: Settings) -> Curate:
    if settings.curate is None:
        raise SettingsError("curate: the settings file has no curate section: add one with the land polygons")
    return settings.curate
