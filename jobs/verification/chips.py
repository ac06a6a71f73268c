"""The catalogue, the chip store and the ledger, each by itself and against the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import pandas as pd
import pyarrow as pa

from jobs.verification.check import Check, Fault, reason
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.workspace import RunState, Workspace, artefacts, identities, ledger, newest_run, zarr_store
from mineral_pipeline.workspace.images import Images

COLUMNS = ["scene_id", "location_id", "product_id", "shard"]
"""Columns of the catalogue of which the chips are planned."""


def plan_checks(workspace: Workspace) -> Iterator[Check]:
    """Look at the catalogue, at the metadata of the chips, at every ledger part, and at every finished shard."""
    finished = ledger.finished_shards(workspace)
    if not (finished or workspace.exists(artefacts.CATALOGUE)):
        return
    yield Check(artefacts.CATALOGUE, "tables", partial(_check_catalogue, workspace))
    is_begun = bool(finished) or workspace.exists(f"{artefacts.CHIPS}/{zarr_store.GROUP_METADATA}")
    if is_begun:
        yield Check(artefacts.CHIPS, "stores", partial(_check_store, workspace))
    if not workspace.is_file(artefacts.CATALOGUE):
        return
    try:
        chips = identities.plan_chips(workspace.read_table(artefacts.CATALOGUE, COLUMNS))
    except WorkspaceError:  # the check of the catalogue tells
        return
    yield Check(artefacts.LEDGER, "tables", partial(_check_ledger, workspace, chips), len(finished))
    if is_begun:
        yield from _plan_shards(workspace, chips)


def _check_catalogue(workspace: Workspace) -> Iterator[Fault]:
    if not workspace.is_file(artefacts.CATALOGUE):
        yield Fault(artefacts.CATALOGUE, "is absent")
        return
    workspace.read_table(artefacts.CATALOGUE)


def _check_store(workspace: Workspace) -> Iterator[Fault]:
    faults = [Fault(name, why) for name, why in zarr_store.find_metadata_faults(workspace)]
    yield from faults
    if faults or not workspace.is_file(artefacts.CATALOGUE):
        return
    try:
        planned = identities.plan_chips(workspace.read_table(artefacts.CATALOGUE, COLUMNS))
    except WorkspaceError:
        return
    store = zarr_store.open_dataset(workspace)
    for column in identities.CHIP_COLUMNS:
        if store[column].to_numpy().tolist() != planned[column].tolist():
            yield Fault(f"{artefacts.CHIPS}/{column}", "does not tell the chips of the catalogue")


def _check_ledger(workspace: Workspace, chips: pd.DataFrame) -> Iterator[Fault]:
    states, damaged = ledger.read_states(workspace, chips)
    for shard, fault in damaged.items():
        part = artefacts.ledger_part(shard)
        yield Fault(part, reason(workspace, part, fault), shard)
    newest = newest_run(workspace, "acquire")
    if newest is not None and newest["state"] == RunState.DONE:
        for shard in sorted({*chips["shard"].tolist()} - {*states} - {*damaged}):
            yield Fault(artefacts.ledger_part(shard), "is absent", shard)


def _plan_shards(workspace: Workspace, chips: pd.DataFrame) -> Iterator[Check]:
    """Look at every finished shard whose ledger part is whole."""
    parts = workspace.read_parts(artefacts.LEDGER, ["chip_id", "chip_index", "status", "image_sha256"])
    planned = {shard: rows for shard, rows in chips.groupby("shard")}
    for name, part in parts.items():
        match = ledger.PART.fullmatch(name)
        if match and isinstance(part, pa.Table) and (rows := planned.get(int(match[1]))) is not None:
            find = partial(_check_shard, workspace, int(match[1]), part.to_pandas(), rows)
            yield Check(f"{artefacts.CHIPS}/image/c/{int(match[1])}", "chips", find, len(part))


def _check_shard(workspace: Workspace, shard: int, part: pd.DataFrame, planned: pd.DataFrame) -> Iterator[Fault]:
    name = artefacts.ledger_part(shard)
    if part["chip_id"].tolist() != planned["chip_id"].tolist() or not _tells_chips(part, planned):
        yield Fault(name, "does not tell the chips of the catalogue", shard)
        return
    try:
        array = zarr_store.open_array(workspace)
    except WorkspaceError:  # the check of the store tells
        return
    digests: Mapping[int, str] = dict(zip(part["chip_index"].tolist(), part["image_sha256"], strict=True))
    images = Images(workspace, artefacts.CHIPS, array, digests)
    if why := images.find_fault(shard):
        yield Fault(images.file(shard), why, shard)


def _tells_chips(part: pd.DataFrame, planned: pd.DataFrame) -> bool:
    """Whether a ledger part has the indices of its chips, and a digest of those that are ``ok`` and of no other."""
    has_digest = part["image_sha256"] != ""
    return part["chip_index"].tolist() == planned["chip_index"].tolist() and bool(
        (has_digest == (part["status"] == ledger.State.OK)).all()
    )
