"""The catalogue, the chip store and the ledger, each by itself and against the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import zarr

from jobs.verification.check import Check, Fault, reason
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.workspace import RunState, Workspace, artefacts, identities, ledger, newest_run, zarr_store
from mineral_pipeline.workspace.images import Images
from mineral_pipeline.workspace.places import NAMES, has_places, place_file, read_places

COLUMNS = ["scene_id", "location_id", "product_id", "shard"]
"""Columns of the catalogue of which the chips are planned."""

KEYS = ["chip_id", "scene_id", "chip_index"]
"""Columns of a ledger part that tell its chips, as the catalogue does."""

PART_COLUMNS = [*KEYS, "status", "image_sha256"]
"""Columns of a ledger part that tell its chips and their pixels."""


def plan_checks(workspace: Workspace) -> Iterator[Check]:
    """Look at the catalogue, at the metadata of the chips, at every ledger part, and at every finished shard."""
    finished = ledger.finished_shards(workspace)
    if finished or workspace.exists(artefacts.CATALOGUE):
        yield Check(artefacts.CATALOGUE, "tables", partial(_check_catalogue, workspace))
    chips, array = _plan_chips(workspace), _open_array(workspace)
    if finished or workspace.exists(f"{artefacts.CHIPS}/{zarr_store.GROUP_METADATA}"):
        yield Check(artefacts.CHIPS, "stores", partial(_check_store, workspace, chips, array))
    per_shard = Counter[int]() if chips is None or array is None else Counter(chips["shard"].tolist())
    for shard in finished:
        check = partial(_check_shard, workspace, shard, chips, array)
        yield Check(artefacts.ledger_part(shard), "chips", check, per_shard[shard])
    newest = newest_run(workspace, "acquire")
    if chips is not None and newest is not None and newest["state"] == RunState.DONE:
        absent = sorted({*chips["shard"].tolist()} - {*finished})
        yield Check(artefacts.LEDGER, "chips", lambda: [_fault(shard, "is absent") for shard in absent], number=0)


def _plan_chips(workspace: Workspace) -> pd.DataFrame | None:
    """The chips of the catalogue; None where it cannot be read, which its check tells."""
    try:
        is_file = workspace.is_file(artefacts.CATALOGUE)
        return identities.plan_chips(workspace.read_table(artefacts.CATALOGUE, COLUMNS)) if is_file else None
    except WorkspaceError:
        return None


def _open_array(workspace: Workspace) -> zarr.Array[Any] | None:
    """The images on disk; None where their metadata are damaged, which the check of the store tells."""
    try:
        return zarr_store.open_array(workspace)
    except Exception:  # metadata of the array itself, of which Zarr may say anything
        return None


def _check_catalogue(workspace: Workspace) -> list[Fault]:
    if not workspace.is_file(artefacts.CATALOGUE):
        return [Fault(artefacts.CATALOGUE, "is absent")]
    workspace.read_table(artefacts.CATALOGUE)
    return []


def _check_store(workspace: Workspace, chips: pd.DataFrame | None, array: zarr.Array[Any] | None) -> Iterator[Fault]:
    hidden = " (no chip can be looked at)" if array is None else ""
    faults = [Fault(name, f"{why}{hidden}") for name, why in zarr_store.find_metadata_faults(workspace)]
    yield from faults
    if faults or chips is None:
        return
    store = zarr_store.open_dataset(workspace)
    for column in identities.CHIP_COLUMNS:
        if store[column].to_numpy().tolist() != chips[column].tolist():
            yield Fault(f"{artefacts.CHIPS}/{column}", "does not tell the chips of the catalogue")


def _check_shard(
    workspace: Workspace, shard: int, chips: pd.DataFrame | None, array: zarr.Array[Any] | None
) -> Iterator[Fault]:
    """Look at the ledger part of a finished shard, and at its pixels."""
    name = artefacts.ledger_part(shard)
    try:
        part = workspace.read_table(name, PART_COLUMNS)
    except WorkspaceError as error:
        yield _fault(shard, reason(workspace, name, error))
        return
    has_digest, is_ok = part["image_sha256"] != "", part["status"] == ledger.State.OK
    if chips is not None and not np.array_equal(part[KEYS], chips.loc[chips["shard"] == shard, KEYS]):
        yield _fault(shard, "does not tell the chips of the catalogue")
    elif (has_digest != is_ok).any():
        yield _fault(shard, "does not tell the pixels of its chips")
    elif array is not None:
        digests: Mapping[int, str] = dict(zip(part["chip_index"].tolist(), part["image_sha256"], strict=True))
        images = Images(workspace, artefacts.CHIPS, array, digests)
        if why := images.find_fault(shard):
            yield Fault(images.file(shard), why, shard)
        if has_places(workspace):
            yield from _check_places(workspace, shard)


def _check_places(workspace: Workspace, shard: int) -> Iterator[Fault]:
    """Compare where the store says that the chips of a shard are with the ledger."""
    try:
        told = workspace.read_table(artefacts.ledger_part(shard), ["chip_index", *NAMES]).sort_values("chip_index")
    except WorkspaceError:  # the part, which is whole, is of an earlier version
        return
    try:
        found = read_places(workspace, shard)
    except WorkspaceError as error:
        file, _, why = str(error).partition(" ")
        yield Fault(file, why, shard)
        return
    for name in NAMES:
        if found[name].tolist() != told[name].tolist():
            file = place_file(name, shard)
            yield Fault(file, "is not as it was written" if workspace.exists(file) else "is absent", shard)


def _fault(shard: int, why: str) -> Fault:
    """A fault of a ledger part."""
    return Fault(artefacts.ledger_part(shard), why, shard)
