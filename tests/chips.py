"""Chips by number, for tests of the ledger and the stores: chip n of scene ``id`` at one location."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import zarr

from mineral_pipeline.workspace import Workspace, ledger, zarr_store
from mineral_pipeline.workspace.digests import digest_array
from mineral_pipeline.workspace.images import Images
from mineral_pipeline.workspace.ledger import Outcome, State


def chip_table(scene_ids: Sequence[str]) -> pd.DataFrame:
    """One chip per scene, as `identities.plan_chips` gives them."""
    chips = pd.DataFrame({"chip_id": scene_ids, "scene_id": scene_ids, "product_id": scene_ids})
    return chips.assign(location_id="001002", chip_index=np.arange(len(chips)))


def outcome(chip_index: int, scene_id: str, status: State = State.OK, **facts: Any) -> Outcome:
    """The ledger's row of a chip that shows its scene whole."""
    return Outcome(scene_id, scene_id, "001002", chip_index, scene_id, status, **facts)


def write_shard(workspace: Workspace, shard: int, outcomes: Sequence[Outcome], images: np.ndarray) -> None:
    """Pixels and ledger part of a shard, as acquire leaves them."""
    zarr_store.write_shard(workspace, shard, images)
    pairs = zip(outcomes, images, strict=True)
    ledger.write_part(workspace, shard, [replace(one, image_sha256=digest_array(image)) for one, image in pairs])


def stored_images(folder: Path, images: np.ndarray, chunk: int = 8) -> Images:
    """Images in a store of their own."""
    array = zarr.create_array(
        str(folder / "images.zarr"), data=images, chunks=(chunk, *images.shape[1:]), overwrite=True
    )
    return Images(Workspace(str(folder)), "images.zarr", array, dict(enumerate(map(digest_array, images))))
