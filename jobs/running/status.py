"""Look at a workspace: what is done (``status``), and whether the chip store is what the ledger says (``verify``).

    mineral-pipeline status WORKSPACE [--json]
    mineral-pipeline verify WORKSPACE

``verify`` reads every finished shard: each scene of the catalogue has one row, a chip of status ``ok`` has pixels
and every other is all fill. It changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import zarr
from rich.table import Table

from jobs.running.progress import CONSOLE
from jobs.running.provenance import JOBS
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.workspace import Workspace, artefacts, ledger, lock, zarr_store
from mineral_pipeline.workspace.counts import Counts


def status(url: str, as_json: bool) -> int:
    """Show counts per job; the acquisition's come from the ledger itself, so that they are true while it runs."""
    workspace = _existing(url)
    catalogue = workspace.read_table(artefacts.CATALOGUE, ["product_id", "shard"])
    states, damaged = ledger.read_states(workspace, catalogue)
    counts, holder = job_counts(workspace, states, len(catalogue)), lock.owner(workspace)
    if as_json:
        jobs = {job: asdict(count) for job, count in counts.items()}
        found = {"workspace": url, "jobs": jobs, "damaged": list(damaged.values()), "in_use_by": holder and str(holder)}
        CONSOLE.print_json(json.dumps(found))
        return 0
    table = Table("job", "unit", "planned", "done", "skipped", "failed", "reasons", title=url)
    for job, count in counts.items():
        reasons = ", ".join(f"{number:,} {reason}" for reason, number in count.reasons.items())
        table.add_row(
            job,
            count.unit,
            *(f"{n:,}" for n in (count.planned, count.done, count.skipped, count.failed)),
            reasons,
        )
    CONSOLE.print(table)
    for fault in damaged.values():
        CONSOLE.print(f"{fault}: run acquire again")
    if holder:
        CONSOLE.print(f"in use by {holder}")
    return 0


def job_counts(workspace: Workspace, states: Mapping[int, Sequence[str]], scenes: int) -> dict[str, Counts]:
    """Counts of every job that has left something, in the order of the jobs.

    Args:
        workspace: which.
        states: of the scenes, by finished shard.
        scenes: in the catalogue.
    """
    newest = {record["job"]: Counts(**record["counts"]) for record in workspace.runs()}
    if states:
        skipped = newest["acquire"].skipped if "acquire" in newest else 0
        newest["acquire"] = ledger.count(chain.from_iterable(states.values()), scenes, skipped)
    return {job: newest[job] for job in JOBS if job in newest}


def verify(url: str) -> int:
    """Audit the chip store; 1 when a fault was found."""
    workspace = _existing(url)
    found = list(faults(workspace))
    for fault in found:
        CONSOLE.print(f"verify: {fault}")
    CONSOLE.print(f"verify: {len(ledger.finished_shards(workspace)):,} finished shards, {len(found):,} faults")
    return 1 if found else 0


def faults(workspace: Workspace) -> Iterator[str]:
    """Every way in which the finished shards are not what the ledger and the catalogue say."""
    catalogue = workspace.read_table(artefacts.CATALOGUE, ["product_id", "shard"])
    images = zarr_store.open_images(workspace)
    if len(catalogue) != images.shape[0]:
        yield f"{artefacts.CHIPS} holds {images.shape[0]} chips, {artefacts.CATALOGUE} {len(catalogue)} scenes: remove both and start again"
    states, damaged = ledger.read_states(workspace, catalogue)
    yield from (f"{fault}: run acquire again" for fault in damaged.values())
    scenes = catalogue.groupby("shard")["product_id"]
    for shard, statuses in states.items():
        yield from _pixel_faults(images, scenes.get_group(shard), statuses, ledger.part_name(shard))


def _pixel_faults(images: zarr.Array[Any], scenes: pd.Series[str], statuses: Sequence[str], name: str) -> Iterator[str]:
    pixels = np.asarray(images[scenes.index[0] : scenes.index[-1] + 1])
    for chip, product_id, state, image in zip(scenes.index, scenes, statuses, pixels, strict=True):
        if image.any() != (state == ledger.State.OK):
            found = "has pixels" if image.any() else "has no pixels"
            yield f"{name}: chip {chip} ({product_id}) is {state} but {found}: remove the part and run acquire again"


def _existing(url: str) -> Workspace:
    workspace = Workspace(url)
    if not workspace.exists(artefacts.CATALOGUE):
        raise WorkspaceError(f"{url}: no catalogue there: is it a workspace? `mineral-pipeline run` makes one")
    return workspace
