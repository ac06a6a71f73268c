"""The keys of chips, scenes and locations."""

from __future__ import annotations

import pandas as pd

from mineral_pipeline.workspace import identities


def test_a_location_is_its_path_and_row_in_three_digits_each() -> None:
    path, row = pd.Series([7, 92, 233]), pd.Series([84.0, 1.0, 122.0])
    assert identities.location_ids(path, row).tolist() == ["007084", "092001", "233122"]
    is_wrs1 = pd.Series([False, True, True])
    assert identities.location_ids(path, row, is_wrs1).tolist() == ["007084", "wrs1-092001", "wrs1-233122"]


def test_every_scene_is_one_chip_in_the_order_of_the_catalogue() -> None:
    facts = {"scene_id": ["b", "a"], "location_id": ["007084"] * 2, "product_id": ["B", "A"], "shard": [0, 1]}
    chips = identities.plan_chips(pd.DataFrame({**facts, "sensor": "LT04"}, index=[5, 3]))
    assert chips.columns.tolist() == ["scene_id", "location_id", "product_id", "shard", "chip_id", "chip_index"]
    assert chips["chip_id"].tolist() == chips["scene_id"].tolist() == ["b", "a"]
    assert chips["chip_index"].tolist() == chips.index.tolist() == [0, 1]
