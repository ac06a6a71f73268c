"""The acquisition survives all faults together, at small scale, with real processes."""

from __future__ import annotations

import pytest

from benchmarks.chaos import measure


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_is_lost_and_nothing_is_twice() -> None:
    report = measure(small=True)

    assert [claim.text for claim in report.claims if not claim.holds] == []
    assert len(report.claims) == 6
    assert "1 client, 1 scheduler" in report.notes[0]
