"""Freed memory goes back to the system in workers that no nanny starts."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import cluster
from cluster import freed_memory

HELD = """
import re
from cluster import freed_memory
def resident_kb():
    return int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1])
def hold(before):
    pieces = [b"x" * 100_000 for _ in range(400)]
    del pieces
    return resident_kb() - before
b"x" * 30_000_000  # from now on glibc keeps up to 60 MB of what is freed
before = resident_kb()
print(hold(before), freed_memory.set_trim_threshold(), hold(before))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps what is freed")
def test_what_is_freed_is_not_held() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "MALLOC_TRIM_THRESHOLD_"}
    run = subprocess.run([sys.executable, "-c", HELD], env=environment, capture_output=True, check=True, text=True)
    held, was_set, held_then = run.stdout.split()
    assert int(held) > 30_000
    assert was_set == "True"
    assert int(held_then) < 10_000


@pytest.mark.parametrize(("set_by_nanny", "calls"), [(None, 1), ("65536", 0)])
def test_every_worker_is_told_unless_it_was_started_so(
    monkeypatch: pytest.MonkeyPatch, set_by_nanny: str | None, calls: int
) -> None:
    called: list[bool] = []
    monkeypatch.setattr(freed_memory, "set_trim_threshold", lambda: called.append(True))
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    if set_by_nanny is not None:
        monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", set_by_nanny)

    with cluster.connect("threads"):
        assert len(called) == calls
