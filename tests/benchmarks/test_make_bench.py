"""`make bench` runs every benchmark."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]

BY_HAND = {"real_earth", "planet", "backtest", "attempts"}
"""Benchmarks that train networks for hours."""


def test_make_bench_runs_every_benchmark() -> None:
    makefile = (ROOT / "Makefile").read_text()
    sources = {path.stem: path.read_text() for path in (ROOT / "benchmarks").glob("*.py")}
    (pattern,) = re.findall(r"grep -l '([^']+)' benchmarks/\*\.py", makefile)
    (on_real_data,) = re.findall(r"^REAL_BENCHMARKS := (.*)$", makefile, re.MULTILINE)
    found = {name for name, source in sources.items() if pattern in source}
    found |= set(re.findall(r"benchmarks/(\w+)\.py", on_real_data))
    assert found | BY_HAND == {name for name, source in sources.items() if '__name__ == "__main__"' in source}
