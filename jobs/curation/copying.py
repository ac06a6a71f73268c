"""The tasks that copy chips into the stores of a sample set."""

from __future__ import annotations

import math
from collections.abc import Iterator

import geopandas as gpd
import numpy as np
from distributed import Client

from jobs.running.tasks import collect, submit
from mineral_pipeline import curation
from mineral_pipeline.learning import SUBSETS
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store

MAX_TASKS = 256
"""Most tasks that copy a sample set on a disk: each costs the client more than a small batch costs a worker."""


def copy_chips(
    client: Client, workspace: Workspace, sample_set: str, samples: gpd.GeoDataFrame, batch_size: int
) -> Iterator[int]:
    """Copy the chips of a sample set, and yield the number of samples that each task has written.

    On a disk a task makes one batch after another, and reads the chips of each in the order of the chip store. On an
    object store the chips are gathered first, see `curation.gather`.
    """
    batches = [
        curation.Batch(artefacts.samples_store(sample_set, subset), number, chips)
        for subset in SUBSETS
        for number, chips in enumerate(curation.chips_by_batch(samples, subset, batch_size))
    ]
    if not workspace.is_local:
        yield from _copy_gathered(client, workspace, sample_set, batches)
        return
    size = math.ceil(len(batches) / MAX_TASKS)
    calls = {
        f"copy-{sample_set} {number:05d}": (workspace, batches[start : start + size])
        for number, start in enumerate(range(0, len(batches), size or 1))
    }
    for result in collect(submit(client, "curate", curation.write_batches, calls)):
        yield result.value


def _copy_gathered(
    client: Client, workspace: Workspace, sample_set: str, batches: list[curation.Batch]
) -> Iterator[int]:
    """Two steps: shards -> chips in the order of the batches -> batches."""
    chips = zarr_store.open_array(workspace)
    image_bytes = chips.dtype.itemsize * int(np.prod(chips.shape[1:]))
    plan = curation.plan_copy(batches, image_bytes, int((chips.shards or chips.chunks)[0]))
    workspace.remove(artefacts.GATHERED)  # of a run that was killed
    gathered = {f"gather-{sample_set} {number:05d}": (workspace, number, wanted)
                for number, wanted in enumerate(plan.groups)}  # fmt: skip
    for _ in collect(submit(client, "curate", curation.gather, gathered)):
        pass
    calls = {f"copy-{sample_set} {number:05d}": (workspace, bundle) for number, bundle in enumerate(plan.bundles)}
    for result in collect(submit(client, "curate", curation.write_bundle, calls)):
        yield result.value
    workspace.remove(artefacts.GATHERED)
