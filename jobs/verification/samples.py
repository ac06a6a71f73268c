"""The sample sets: their stores against their table."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd

from jobs.verification.check import Check, Fault
from mineral_pipeline.curation.dataset import COORDINATES
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.learning import SUBSETS
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store
from mineral_pipeline.workspace.learnt import find_tasks


def plan_checks(workspace: Workspace) -> Iterator[Check]:
    """Look at the metadata, the coordinates and every batch of each store of the sets that are complete."""
    for sample_set in sample_sets(workspace):
        if not workspace.exists(artefacts.samples_summary(sample_set)):  # in the making, or interrupted
            continue
        try:
            table = workspace.read_table(artefacts.samples_table(sample_set))
        except WorkspaceError:  # the check of the table tells
            continue
        for subset in SUBSETS:
            rows = table[table["subset"] == subset].sort_values("sample", ignore_index=True)
            store = artefacts.samples_store(sample_set, subset)
            yield Check(store, "stores", partial(_check_store, workspace, store, rows))
            yield from _plan_batches(workspace, store, rows)


def sample_sets(workspace: Workspace) -> list[str]:
    """Names of all sample sets that have been begun, those of folds included."""
    tasks = find_tasks(workspace, artefacts.SAMPLES)
    folds = [f"{task}/{name}" for task in tasks for name in workspace.list(artefacts.samples_folder(task))]
    return [*tasks, *(name for name in folds if name.rpartition("/")[2].startswith(artefacts.FOLD))]


def _check_store(workspace: Workspace, store: str, rows: pd.DataFrame) -> Iterator[Fault]:
    faults = [Fault(name, reason) for name, reason in zarr_store.find_metadata_faults(workspace, store)]
    yield from faults
    if faults:
        return
    dataset = zarr_store.open_dataset(workspace, store)
    for column in COORDINATES:
        found = dataset[column].to_numpy()
        if not np.array_equal(found, rows[column].to_numpy().astype(found.dtype)):
            yield Fault(f"{store}/{column}", "does not tell the samples of the set's table")


def _plan_batches(workspace: Workspace, store: str, rows: pd.DataFrame) -> Iterator[Check]:
    try:
        images = zarr_store.open_images(workspace, store, dict(enumerate(rows["image_sha256"])))
    except WorkspaceError:  # the check of the store tells
        return
    if images.shape[0] != len(rows):
        return

    def check(batch: int) -> Iterator[Fault]:
        if reason := images.find_fault(batch):
            yield Fault(images.file(batch), reason)

    for batch in range(-(-len(rows) // images.images_per_file)):
        yield Check(images.file(batch), "batches", partial(check, batch))
