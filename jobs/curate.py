"""Curate training sets: drop excluded ground, split the locations, balance chips, measure leakage, copy pixels.

    mineral-pipeline curate demo

Reads ``labels.parquet``, ``chips.parquet``, ``chips.zarr``, ``deposits.parquet`` and the polygons of the settings;
writes ``samples/<task>/{train,validation,test}.zarr``, ``samples.parquet``, ``leakage.parquet`` and, last,
``summary.json`` with the leakage between the subsets and the digest of the set; with ``curate.folds`` the same in
``samples/<task>/fold-<i>/`` too, and ``samples/folds.parquet``. Tasks about a commodity (``presence:gold``, in
``samples/presence-gold/``) have the split, folds and balance of its own deposits. A task of the graph owns
whole batches of the stores.
"""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
from distributed import Client

from jobs.curation.copying import copy_chips
from jobs.curation.exclusion import check_exclusions, drop_excluded, drop_ocean
from jobs.running.plan import Plan, for_each_set
from jobs.running.progress import CONSOLE, Progress
from mineral_pipeline import curation, labelling
from mineral_pipeline.errors import SettingsError
from mineral_pipeline.learning import DROPPED, Task, subject_of
from mineral_pipeline.settings import Curate, Settings
from mineral_pipeline.workspace import Counts, Workspace, artefacts, zarr_store

COPIES = 8
"""Copies of a batch that a task holds at its peak: read, decoded, in its order, encoded, with buffers (measured: 7)."""


def plan(settings: Settings) -> Plan:
    """At most all labelled chips for every task; how many is known when the subsets are balanced."""
    workspace, config = Workspace(settings.workspace), _config(settings)
    chips = len(workspace.read_table(artefacts.LABELS, ["chip_id"]))
    return Plan(
        Counts("samples", planned=chips * len(settings.sample_sets)),
        {
            "samples": f"at most the {chips:,} labelled chips {for_each_set(settings)}",
            "memory of a task": f"about {task_bytes(workspace, config) / 1e6:,.0f} MB beside the program's own;"
            " curate.batch_size sets it",
        },
    )


def task_bytes(workspace: Workspace, config: Curate) -> float:
    """Memory in bytes that a task takes beside the program's own: `COPIES` of a batch.

    On an object store it also holds chips that are gathered, twice while they are sent or come.
    """
    images = zarr_store.open_array(workspace)
    batch = config.batch_size * float(np.prod(images.shape[1:])) * images.dtype.itemsize
    return COPIES * batch + (0 if workspace.is_local else 2 * curation.MAX_BYTES)


def main(settings: Settings, client: Client) -> Counts:
    """Curate every task of ``tasks``; nothing is written before all of them are known to be possible."""
    workspace, config, seed = Workspace(settings.workspace), _config(settings), settings.seed
    chips = curation.read_chips(workspace, subjects=settings.subjects, drop_open_mines=config.drop_open_mines)
    chips = curation.assign_regions(chips, curation.read_regions(config))
    chips = drop_excluded(drop_ocean(chips, config, client), settings, client)
    nowhere = chips["location_id"][(chips["drop_reason"] == "") & (chips["region"] == curation.NOWHERE)].nunique()
    if nowhere:
        CONSOLE.print(f"curate     {nowhere:,} locations lie in none of the regions: they are one of their own")
    chips_of = {subject: curation.about(chips, subject) for subject in map(subject_of, settings.tasks)}
    assignments = {subject: make_assignments(about, config, seed) for subject, about in chips_of.items()}
    selected = {
        (task, fold): curation.select(
            chips_of[subject_of(task)], assignments[subject_of(task)][fold], task, config, seed
        )
        for task, fold in settings.sample_sets
    }
    planned = sum(int((samples["subset"] != DROPPED).sum()) for samples in selected.values())
    _remove_folds(workspace, settings.tasks)
    for subject, made in assignments.items():
        if settings.folds:
            table = curation.fold_table([made[fold] for fold in settings.folds])
            workspace.write_table(artefacts.folds(subject), table)
    with Progress("curate", "samples", planned) as progress:
        for (task, fold), samples in selected.items():
            sample_set, subject = artefacts.sample_set(task, fold), subject_of(task)
            assignment = assignments[subject][fold]
            curation.create_stores(workspace, sample_set, samples, config.batch_size)
            for copied in copy_chips(client, workspace, sample_set, samples, config.batch_size):
                progress.advance(done=copied)
            split_leakage = curation.SplitLeakage(samples)
            workspace.write_table(artefacts.samples_table(sample_set), samples)
            workspace.write_table(artefacts.samples_leakage(sample_set), split_leakage.locations())
            leakage = split_leakage.measure(labelling.known_positions(workspace, subject), config.max_leakage)
            summary = curation.summarise(samples, task, config, leakage)
            summary["digest"] = curation.digest_samples(samples, config.batch_size)
            summary["candidates"] = curation.count_candidates(samples, assignment)
            if fold is not None:
                summary["held_out"] = curation.count_held_out(samples, assignment)
            workspace.write_json(artefacts.samples_summary(sample_set), summary)
    dropped = pd.concat([samples["drop_reason"] for (_, fold), samples in selected.items() if fold is None])
    reasons = {str(reason): int(number) for reason, number in dropped[dropped != ""].value_counts().items()}
    return Counts("samples", planned=planned, done=progress.done, reasons=reasons)


def make_assignments(chips: gpd.GeoDataFrame, config: Curate, seed: int) -> dict[int | None, curation.SplitAssignment]:
    """The split of some chips, under None, and their folds."""
    made = (curation.make_split(chips, config, seed), *curation.make_folds(chips, config, seed))
    return {one.fold: one for one in made}


def _remove_folds(workspace: Workspace, tasks: Sequence[Task]) -> None:
    """Remove the folds of an earlier run: it may have made more of them."""
    for task in tasks:
        workspace.remove(artefacts.folds(subject_of(task)))
        folder = artefacts.samples_folder(task)
        for name in workspace.list(folder):
            if name.startswith(artefacts.FOLD):
                workspace.remove(f"{folder}/{name}")


def _config(settings: Settings) -> Curate:
    """The section curate, whose names are known and whose bands are there.

    Raises:
        SettingsError: they are not, or there is no such section.
    """
    if settings.curate is None:
        raise SettingsError("curate: the settings file has no curate section: add one with the land polygons")
    curation.find_split(settings.curate.split)
    curation.check_test_regions(settings.curate)
    check_exclusions(settings)
    return settings.curate
