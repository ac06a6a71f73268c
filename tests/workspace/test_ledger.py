"""The ledger: every scene in one state, a shard done when its part exists."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely
from chips import outcome

from mineral_pipeline import geometry
from mineral_pipeline.workspace import Workspace, ledger
from mineral_pipeline.workspace.counts import Counts
from mineral_pipeline.workspace.ledger import State

TRIANGLE = shapely.Polygon([(0, 0), (2, 0), (0, 2)])


def test_parts_round_trip_in_the_order_of_the_chips(workspace: Workspace) -> None:
    ledger.write_part(workspace, 1, [outcome(2, "c", State.MISSING, reason="not there")])
    ledger.write_part(workspace, 0, [outcome(0, "a", State.OK, geometry=TRIANGLE), outcome(1, "b", State.REJECTED)])

    table = ledger.read(workspace)
    assert table.columns.tolist() == ledger.COLUMNS
    assert table["chip_index"].tolist() == [0, 1, 2]
    assert table["status"].tolist() == ["ok", "rejected", "missing"]
    assert table.geometry[0].equals(TRIANGLE)
    assert table.geometry[1] is None
    assert table["path"].tolist() == table["row"].tolist() == [0, 0, 0], "of what no metadata were read"
    assert ledger.finished_shards(workspace) == [0, 1]


def test_an_empty_ledger_has_no_finished_shard(workspace: Workspace) -> None:
    assert ledger.finished_shards(workspace) == []


def test_only_failures_are_redone(workspace: Workspace) -> None:
    states = {0: ["ok", "rejected"], 1: ["ok", "unreachable"], 4: ["ok", "missing"], 5: ["ok"]}

    assert ledger.shards_to_redo(states) == [1, 4]


def test_fewer_scenes_than_an_earlier_run_has_left_are_none_done() -> None:
    assert ledger.count(["ok"], planned=4, skipped=3).done == 0


@pytest.mark.parametrize("skipped", [0, 3])
def test_counts_add_up(skipped: int) -> None:
    counts = ledger.count(["ok", "ok", "missing", "corrupt", "rejected", "missing"], planned=10, skipped=skipped)

    assert (counts.done, counts.skipped) == (6 - skipped, skipped)
    assert counts.failed == 3
    assert counts.reasons == {"missing": 2, "corrupt": 1, "rejected": 1}
    assert counts.failed_fraction == pytest.approx(0.3)


def test_nothing_is_counted_that_is_not_told() -> None:
    counts = Counts("chips")
    assert (counts.planned, counts.done, counts.skipped, counts.failed, counts.reasons) == (0, 0, 0, 0, {})
    assert counts.failed_fraction == 0


def test_footprints_are_padded_and_absent_ones_are_nan() -> None:
    square = shapely.box(179, 0, 181, 1)
    table = ledger.to_table(
        [
            outcome(0, "a", State.OK, geometry=TRIANGLE),
            outcome(1, "b", State.MISSING),
            outcome(2, "c", State.OK, geometry=square),
        ]
    )

    vertices = geometry.vertex_array(table.geometry)
    assert vertices.shape == (3, 4, 2)
    assert vertices[0].tolist() == [[0, 0], [2, 0], [0, 2], [0, 2]]
    assert np.isnan(vertices[1]).all()
    assert vertices[2, :, 0].max() == 181


def test_a_scene_of_several_chips_has_one_state(workspace: Workspace) -> None:
    rows = [
        outcome(0, "a", State.REJECTED),
        outcome(1, "a"),
        outcome(2, "b", State.MISSING),
        outcome(3, "b", State.MISSING),
        outcome(4, "c"),
    ]
    ledger.write_part(workspace, 0, rows)
    catalogue = pd.DataFrame({"scene_id": ["a", "b", "c"], "shard": 0})

    states, faults = ledger.read_states(workspace, catalogue)

    assert (states, faults) == ({0: ["ok", "missing", "ok"]}, {})
    assert ledger.count(states[0], len(catalogue)).done == 3


def test_a_part_of_other_scenes_is_a_fault(workspace: Workspace) -> None:
    ledger.write_part(workspace, 0, [outcome(0, "a"), outcome(1, "b")])

    states, faults = ledger.read_states(workspace, pd.DataFrame({"scene_id": ["a", "c"], "shard": 0}))

    assert states == {}
    assert "part-00000.parquet: its rows are not the catalogue's scenes of its shard" in faults[0]
