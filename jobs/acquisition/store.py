"""The store of the chips, which is made before any task runs, and made again around its shards when it is damaged."""

from __future__ import annotations

from typing import Any

import pandas as pd

from jobs.running.provenance import read_settings, refuse_other_settings
from mineral_pipeline import sensors
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts, identities, ledger, ledger_copy, zarr_store
from mineral_pipeline.workspace.pixels import REFLECTANCE_DTYPE
from mineral_pipeline.workspace.places import NAMES, write_places
from mineral_pipeline.workspace.workspace import REPAIR


def create_store(settings: Settings, catalogue: pd.DataFrame) -> None:
    """Create ``chips.zarr``, unless it is complete.

    Raises:
        WorkspaceError: it was made with other settings; or it is damaged or gone, and shards are finished.
    """
    workspace = Workspace(settings.workspace)
    if zarr_store.is_complete(workspace):
        made_with = zarr_store.read_attributes(workspace)["made_with"]
        refuse_other_settings(workspace, "acquire", made_with, _made_with(settings, catalogue))
        return
    if ledger.finished_shards(workspace):
        raise WorkspaceError(
            f"{workspace.uri(artefacts.CHIPS)} is damaged or gone though {artefacts.LEDGER} tells of finished shards:"
            f" {REPAIR}"
        )
    write_store(settings, catalogue)


def write_store(settings: Settings, catalogue: pd.DataFrame, *, keep_shards: bool = False) -> None:
    """Create ``chips.zarr`` of a catalogue without pixels, or around the shards that are there."""
    config, chips = settings.acquire, identities.plan_chips(catalogue)
    chips_per_write = max(config.chips_per_shard, int(chips.groupby("shard").size().max()))
    is_reflectance = config.radiometry == "reflectance"
    # the digital numbers of all sensors have the same type
    dtype = REFLECTANCE_DTYPE if is_reflectance else sensors.SENSORS[catalogue["sensor"].iloc[0]].dtype
    layout = zarr_store.ImageLayout(tuple(config.bands), config.chip_size, chips_per_write, dtype, is_reflectance)
    attributes = {"made_with": _made_with(settings, catalogue)}
    workspace = Workspace(settings.workspace)
    zarr_store.create_chips(workspace, chips, layout, attributes, keep_shards=keep_shards)
    if keep_shards:
        _restore_places(workspace)


def _restore_places(workspace: Workspace) -> None:
    """Write where the chips of finished shards are, as the ledger tells: the store may have had no such arrays."""
    for name, part in ledger_copy.read_parts(workspace, ["chip_index", *NAMES]).items():
        # one that is damaged, acquire makes again; of one of an earlier version, the chips stay without
        if (match := ledger.PART.fullmatch(name)) and not isinstance(part, WorkspaceError):
            write_places(workspace, int(match[1]), part.to_pandas().sort_values("chip_index"))


def _made_with(settings: Settings, catalogue: pd.DataFrame) -> dict[str, Any]:
    """What the chips depend on, which does not change within a workspace."""
    return read_settings(settings, "catalogue") | {"scenes": len(catalogue)}
