"""The three identities and their keys: a scene, a chip and a location.

- A scene is a product of an archive. Its key ``scene_id`` is its product identifier.
- A chip is one image that the models see, cut from a scene. Its key is ``chip_id``, its place in ``chips.zarr`` is
  ``chip_index``.
- A location is the ground that must stay in one subset of a split. Its key is ``location_id``, for Landsat path and
  row.

How many chips a scene gives is decided in `plan_chips`, and acquisition cuts as many.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

KEYS = ["chip_id", "scene_id", "location_id"]
"""Keys of a chip, of its scene and of its location."""

CHIP_COLUMNS = [*KEYS, "product_id"]
"""Columns of `plan_chips` that the chip store keeps as coordinates."""


def location_ids(path: pd.Series, row: pd.Series, is_wrs1: pd.Series | None = None) -> pd.Series:
    """Keys of locations, such as ``092084``, from columns of paths and rows.

    Those of WRS-1, by which Landsat 1 to 3 were photographing (where ``is_wrs1``), are other places than those of WRS-2
    and have keys such as ``wrs1-092084``.
    """
    keys = path.astype("int64").map("{:03d}".format) + row.astype("int64").map("{:03d}".format)
    return keys if is_wrs1 is None else keys.astype("str").mask(is_wrs1, "wrs1-" + keys.astype("str"))


def plan_chips(catalogue: pd.DataFrame) -> pd.DataFrame:
    """The chips that are to be cut from the scenes of a catalogue: one per scene, which it shows whole.

    Args:
        catalogue: ``scene_id``, ``location_id``, ``product_id`` and ``shard``, one row per scene.

    Returns:
        One row per chip in the order of the store: `CHIP_COLUMNS`, ``chip_index`` and ``shard``. The key of a chip that
        shows its scene whole is the scene's.
    """
    chips = catalogue[["scene_id", "location_id", "product_id", "shard"]].reset_index(drop=True)
    return chips.assign(chip_id=chips["scene_id"], chip_index=np.arange(len(chips)))
