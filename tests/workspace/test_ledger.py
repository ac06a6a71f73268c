"""The ledger: every scene in one state, a shard done when its part exists."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from mineral_pipeline.workspace import ledger
from mineral_pipeline.workspace.ledger import Outcome, State
from mineral_pipeline.workspace import Workspace

TRIANGLE = shapely.Polygon([(0, 0), (2, 0), (0, 2)])


def test_parts_round_trip_in_the_order_of_the_chips(workspace: Workspace) -> None:
    ledger.write_part(workspace, 1, [Outcome(2, "c", State.MISSING, "not there")])
    ledger.write_part(workspace, 0, [Outcome(0, "a", State.OK, geometry=TRIANGLE), Outcome(1, "b", State.REJECTED)])

    table = ledger.read(workspace)
    assert table.columns.tolist() == ledger.COLUMNS
    assert table["chip"].tolist() == [0, 1, 2]
    assert table["status"].tolist() == ["ok", "rejected", "missing"]
    assert table.geometry[0].equals(TRIANGLE)
    assert table.geometry[1] is None
    assert ledger.finished_shards(workspace) == [0, 1]


def test_an_empty_ledger_has_no_finished_shard(workspace: Workspace) -> None:
    assert ledger.finished_shards(workspace) == []


def test_only_failures_are_redone(workspace: Workspace) -> None:
    states = {0: ["ok", "rejected"], 1: ["ok", "unreachable"], 4: ["ok", "missing"], 5: ["ok"]}

    assert ledger.shards_to_redo(states) == [1, 4]


@pytest.mark.parametrize("skipped", [0, 3])
def test_counts_add_up(skipped: int) -> None:
    counts = ledger.count(["ok", "ok", "missing", "corrupt", "rejected", "missing"], planned=10, skipped=skipped)

    assert (counts.done, counts.skipped) == (6 - skipped, skipped)
    assert counts.failed == 3
    assert counts.reasons == {"missing": 2, "corrupt": 1, "rejected": 1}
    assert counts.failed_fraction == pytest.approx(0.3)


def test_footprints_are_padded_and_absent_ones_are_nan() -> None:
    square = shapely.box(179, 0, 181, 1)
    table = ledger.to_table(
        [
            Outcome(0, "a", State.OK, geometry=TRIANGLE),
            Outcome(1, "b", State.MISSING),
            Outcome(2, "c", State.OK, geometry=square),
        ]
    )

    vertices = geometry.vertex_array(table.geometry)
    assert vertices.shape == (3, 4, 2)
    assert vertices[0].tolist() == [[0, 0], [2, 0], [0, 2], [0, 2]]
    assert np.isnan(vertices[1]).all()
    assert vertices[2, :, 0].max() == 181
