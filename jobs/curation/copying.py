"""The graph that copies chips into the stores of a sample set."""

from __future__ import annotations

from collections.abc import Iterator

import geopandas as gpd
import numpy as np
from distributed import Client

from jobs.running.tasks import collect, submit
from mineral_pipeline import curation
from mineral_pipeline.learning import SUBSETS
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store


def copy_chips(
    client: Client, workspace: Workspace, sample_set: str, samples: gpd.GeoDataFrame, batch_size: int
) -> Iterator[int]:
    """Copy the chips of a sample set, and yield the number of samples that each task has written.

    On a disk a task makes one batch, and reads its chips in the order of the chip store. On an object store the chips
    are gathered first, see `curation.gather`.
    """
    batches = {
        f"{sample_set}/{subset} {number:05d}": curation.Batch(
            artefacts.samples_store(sample_set, subset), number, chips
        )
        for subset in SUBSETS
        for number, chips in enumerate(curation.chips_by_batch(samples, subset, batch_size))
    }
    if not workspace.is_local:
        yield from _copy_gathered(client, workspace, sample_set, list(batches.values()))
        return
    calls = {f"copy-{name}": (workspace, one.store, one.number, one.chips) for name, one in batches.items()}
    for result in collect(submit(client, "curate", curation.write_samples, calls)):
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
