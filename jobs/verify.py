"""Audit the chip store against the ledger.

    mineral-pipeline verify WORKSPACE

Reads every finished shard: each scene of the catalogue has its chips, a chip of status ``ok`` has pixels and every
other is all fill. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import zarr

from jobs.running.progress import CONSOLE
from jobs.running.status import open_existing
from mineral_pipeline.workspace import Workspace, artefacts, identities, ledger, zarr_store
from mineral_pipeline.workspace.ledger import State


def main(url: str) -> int:
    """Show every fault of the workspace at ``url``; returns 1 when there is one."""
    workspace = open_existing(url)
    found = list(find_faults(workspace))
    for fault in found:
        CONSOLE.print(f"verify: {fault}")
    CONSOLE.print(f"verify: {len(ledger.finished_shards(workspace)):,} finished shards, {len(found):,} faults")
    return 1 if found else 0


def find_faults(workspace: Workspace) -> Iterator[str]:
    """Yield every way in which the finished shards differ from what the ledger and the catalogue say."""
    catalogue = workspace.read_table(artefacts.CATALOGUE, ["scene_id", "location_id", "product_id", "shard"])
    chips, images = identities.plan_chips(catalogue), zarr_store.open_array(workspace)
    if len(chips) != images.shape[0]:
        yield (
            f"{artefacts.CHIPS} holds {images.shape[0]} chips, {artefacts.CATALOGUE} {len(catalogue)} scenes: remove"
            " both and start again"
        )
    states, damaged = ledger.read_states(workspace, catalogue)
    yield from (f"{fault}: run acquire again" for fault in damaged.values())
    planned = dict(zip(chips["chip_id"], chips["chip_index"], strict=True))
    for shard in states:
        name = artefacts.ledger_part(shard)
        part = workspace.read_table(name, ["chip_id", "chip_index", "status"])
        if part["chip_id"].map(planned).equals(part["chip_index"]):
            yield from _pixel_faults(images, part, name)
        else:
            yield f"{name}: its chips are not those of its scenes: remove the part and run acquire again"


def _pixel_faults(images: zarr.Array[Any], chips: pd.DataFrame, name: str) -> Iterator[str]:
    """Yield the chips of a ledger part whose pixels contradict their status."""
    pixels = np.asarray(images.oindex[chips["chip_index"].to_numpy()])
    has_pixels = [bool(image.any()) for image in pixels]
    for chip_id, status, has_some in zip(chips["chip_id"], chips["status"], has_pixels, strict=True):
        if has_some != (status == State.OK):
            found = "has pixels" if has_some else "has no pixels"
            yield f"{name}: chip {chip_id} is {status} but {found}: remove the part and run acquire again"
