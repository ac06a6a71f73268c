"""Chips by number, for tests of the ledger and the stores: chip n of scene ``id`` at one location."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mineral_pipeline.workspace.ledger import Outcome, State


def chip_table(scene_ids: Sequence[str]) -> pd.DataFrame:
    """One chip per scene, as `identities.plan_chips` gives them."""
    chips = pd.DataFrame({"chip_id": scene_ids, "scene_id": scene_ids, "product_id": scene_ids})
    return chips.assign(location_id="001002", chip_index=np.arange(len(chips)))


def outcome(chip_index: int, scene_id: str, status: State = State.OK, **facts: Any) -> Outcome:
    """The ledger's row of a chip that shows its scene whole."""
    return Outcome(scene_id, scene_id, "001002", chip_index, scene_id, status, **facts)
