"""The benchmark of acquisition runs, on a small archive."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import acquire
from benchmarks.support.faults import Rule, serve


def test_the_loop_waits_for_every_request(tmp_path: Path) -> None:
    catalogue = acquire.write_archive(tmp_path / "archive", 4)
    assert catalogue["product_id"].nunique() == 4
    with serve(str(tmp_path / "archive"), Rule("latency", amount=0.05)) as server:
        assert acquire.one_at_a_time(tmp_path, server.url, catalogue) >= 2 * 0.05
        assert server.statistics.requests == 2 * len(catalogue)


@pytest.mark.slow
def test_a_small_run() -> None:
    report = acquire.measure(small=True)

    assert report.rows[0].method == "mineral_pipeline, 2 workers"
    assert [claim.text for claim in report.claims if not claim.holds] == []
