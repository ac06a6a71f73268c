"""The benchmark of batches runs, every method reads every image, and a rival that is absent is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import batches
from benchmarks.rivals import batch_loaders


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_small_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_loaders, "is_installed", lambda package: False)
    small, large, waits = batches.measure(small=True)
    for report, size in ((small, 64), (large, 96)):
        assert f"{size} pixels" in report.title
        assert [row.method for row in report.rows][:4] == [
            batches.LATER, batches.FIRST, batches.CACHED, batches.DECOMPRESSION,
        ]  # fmt: skip
        assert all(claim.holds for claim in report.claims)
        assert {"xbatcher is not installed", "grain is not installed"} < set(report.notes)
    assert 0 < waits.rows[1].seconds < waits.rows[0].seconds


def test_the_methods_read_the_same_images(tmp_path: Path) -> None:
    store = batches.make_store(tmp_path / "store", 32, 40)
    expected = sorted(image.tobytes() for image in store.images)
    (tmp_path / "records").mkdir()
    for name, epoch in {**batches.our_epochs(store), **batches.their_epochs(store, tmp_path / "records")}.items():
        if name != batches.DECOMPRESSION:  # which leaves the last batch's end as it was
            assert sorted(image.tobytes() for batch in epoch() for image in np.asarray(batch)) == expected, name
