"""Curate training sets: drop the ocean, split the locations, select and balance chips, measure leakage, copy pixels.

    mineral-pipeline curate jobs/settings/demo.yaml

Reads ``labels.parquet``, ``chips.parquet``, ``chips.zarr``, ``deposits.parquet`` and the land polygons of the settings;
writes ``samples/<task>/{train,validation,test}.zarr``, ``samples.parquet``, ``leakage.parquet`` and, last,
``summary.json`` with the leakage between the subsets and the digest of the set; with ``curate.folds`` the same in
``samples/<task>/fold-<i>/`` too, and ``samples/folds.parquet``. A task of the graph owns one batch of one store.
"""

from __future__ import annotations

from collections.abc import Sequence

import dask_geopandas
import geopandas as gpd
import numpy as np
import pandas as pd
from distributed import Client

from jobs.running.plan import Plan, for_each_set
from jobs.running.progress import Progress
from jobs.running.tasks import Tasks, collect, compute, submit
from mineral_pipeline import curation
from mineral_pipeline.errors import SettingsError
from mineral_pipeline.learning import DROPPED, SUBSETS, Task
from mineral_pipeline.settings import Curate, Settings
from mineral_pipeline.workspace import Counts, Workspace, artefacts, zarr_store

LOCATIONS_PER_PARTITION = 2000
"""Locations in one partition of the ocean mask, which takes well under a second."""


def plan(settings: Settings) -> Plan:
    """At most all labelled chips for every task; how many is known when the subsets are balanced."""
    workspace, config = Workspace(settings.workspace), _config(settings)
    chips = len(workspace.read_table(artefacts.LABELS, ["chip_id"]))
    images = zarr_store.open_array(workspace)
    megabytes = config.batch_size * np.prod(images.shape[1:]) * images.dtype.itemsize / 2**20
    return Plan(
        Counts("samples", planned=chips * len(settings.sample_sets)),
        {
            "samples": f"at most the {chips:,} labelled chips {for_each_set(settings)}",
            "memory of a task": f"about {3 * megabytes:,.0f} MB; curate.batch_size sets it",
        },
    )


def main(settings: Settings, client: Client) -> Counts:
    """Curate every task of ``tasks``; nothing is written before all of them are known to be possible."""
    workspace, config, seed = Workspace(settings.workspace), _config(settings), settings.seed
    chips = curation.read_chips(workspace, drop_open_mines=config.drop_open_mines)
    chips = _drop_ocean(chips, config, client)
    folds = curation.make_folds(chips, config, seed)
    assignments = [curation.make_split(chips, config, seed), *folds]
    selected = {
        (task, assignment.fold): curation.select(chips, assignment, task, config, seed)
        for assignment in assignments for task in settings.tasks
    }  # fmt: skip
    deposits = workspace.read_table(artefacts.DEPOSITS, ["lon", "lat"]).to_numpy(np.float64)
    planned = sum(int((samples["subset"] != DROPPED).sum()) for samples in selected.values())
    _remove_folds(workspace, settings.tasks)
    if folds:
        workspace.write_table(artefacts.FOLDS, curation.fold_table(folds))
    with Progress("curate", "samples", planned) as progress:
        for (task, fold), samples in selected.items():
            sample_set = artefacts.sample_set(task, fold)
            curation.create_stores(workspace, sample_set, samples, config.batch_size)
            for result in collect(_copy(client, workspace, sample_set, samples, config.batch_size)):
                progress.advance(done=result.value)
            split_leakage = curation.SplitLeakage(samples)
            workspace.write_table(artefacts.samples_table(sample_set), samples)
            workspace.write_table(artefacts.samples_leakage(sample_set), split_leakage.locations())
            leakage = split_leakage.measure(deposits, config.max_leakage)
            summary = curation.summarise(samples, task, config, leakage)
            summary["digest"] = curation.digest_samples(samples, config.batch_size)
            if fold is not None:
                summary["held_out"] = curation.count_held_out(samples, folds[fold])
            workspace.write_json(artefacts.samples_summary(sample_set), summary)
    dropped = pd.concat([samples["drop_reason"] for (_, fold), samples in selected.items() if fold is None])
    reasons = {str(reason): int(number) for reason, number in dropped[dropped != ""].value_counts().items()}
    return Counts("samples", planned=planned, done=progress.done, reasons=reasons)


def _drop_ocean(chips: gpd.GeoDataFrame, config: Curate, client: Client) -> gpd.GeoDataFrame:
    """Mark the chips of locations at sea. The polygons go to every worker once and not into the graph."""
    polygons, locations = curation.read_land(config.land, config.land_sha256), curation.find_locations(chips)
    min_fraction = None
    if config.land_rule == "fraction":
        polygons, locations = curation.subdivide(polygons), curation.find_locations(chips, "outline")
        min_fraction = config.min_land_fraction
    land = client.scatter(polygons, broadcast=True)
    partitions = dask_geopandas.from_geopandas(locations, npartitions=1 + len(locations) // LOCATIONS_PER_PARTITION)
    flags = partitions.map_partitions(curation.is_on_land, land, min_fraction, meta=("on_land", bool)).to_delayed()
    tasks = compute(client, "curate", flags, [f"ocean-{number:03d}" for number in range(len(flags))])
    on_land = pd.concat([result.value for result in collect(tasks)]).reindex(locations.index)
    return curation.drop_locations(chips, locations["location_id"][~on_land], "over the ocean")


def _remove_folds(workspace: Workspace, tasks: Sequence[Task]) -> None:
    """Remove the folds of an earlier run: it may have made more of them."""
    workspace.remove(artefacts.FOLDS)
    for task in tasks:
        folder = artefacts.samples_folder(task)
        for name in workspace.list(folder):
            if name.startswith(artefacts.FOLD):
                workspace.remove(f"{folder}/{name}")


def _copy(client: Client, workspace: Workspace, sample_set: str, samples: gpd.GeoDataFrame, batch_size: int) -> Tasks:
    """One task per batch: read its chips in the order of the chip store, write one chunk."""
    calls = {
        f"copy-{sample_set}/{subset} {batch:05d}": (
            workspace,
            artefacts.samples_store(sample_set, subset),
            batch,
            chips,
        )
        for subset in SUBSETS
        for batch, chips in enumerate(curation.chips_by_batch(samples, subset, batch_size))
    }
    return submit(client, "curate", curation.write_samples, calls)


def _config(settings: Settings) -> Curate:
    if settings.curate is None:
        raise SettingsError("curate: the settings file has no curate section: add one with the land polygons")
    curation.find_split(settings.curate.split)
    return settings.curate
