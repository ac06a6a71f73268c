"""The benchmark of curation's growth runs, and its chips are what curation reads."""

from __future__ import annotations

from benchmarks import curation as benchmark
from mineral_pipeline import curation
from mineral_pipeline.curation.chips import LABEL_COLUMNS


def test_a_run_times_every_step() -> None:
    found = benchmark.run(1000, "buckets")
    assert {"over_land", "divide", "choose", "measure_leak", "MB"} <= set(found)
    assert all(value > 0 for value in found.values())


def test_the_same_seed_gives_the_same_chips() -> None:
    (chips, deposits), (again, _) = benchmark.make_chips(2000, 500), benchmark.make_chips(2000, 500)
    assert set(LABEL_COLUMNS) <= set(chips)
    assert chips.equals(again)
    assert deposits.shape == (500, 2)
    assert 0.3 < chips["has_deposit"].mean() < 0.7
    assert curation.mark_land(curation.find_places(chips), benchmark.make_land()).any()
