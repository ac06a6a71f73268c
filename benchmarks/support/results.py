"""The result of a benchmark: the rows of its table, the claims that it checks, the curves of its chart."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """The result of one method."""

    method: str
    """Name, with the library in it."""
    seconds: float
    """Median of the runs for the whole work, extrapolated when only a part of it was run."""
    runs: tuple[float, ...]
    """Seconds of every run, not extrapolated."""
    share: float = 1.0
    """Fraction of the work that was run."""
    facts: dict[str, str] = field(default_factory=dict)
    """Further columns of the table."""


@dataclass(frozen=True)
class Claim:
    """A number that the project promises to reach."""

    text: str
    """What was measured, in words."""
    reached: float
    """Measured value."""
    minimum: float
    """Smallest value with which the claim holds."""

    @property
    def holds(self) -> bool:
        """Whether the measured value reaches the minimum."""
        return self.reached >= self.minimum


@dataclass(frozen=True)
class BenchmarkResult:
    """One table of a benchmark, with the claims that it supports."""

    title: str
    """What was measured, on which input."""
    rows: list[Row]
    """One row per method; the first is ours."""
    claims: list[Claim]
    """Claims that ``--check`` checks."""
    notes: tuple[str, ...] = ()
    """What a reader must know to judge the table."""
    curves: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """Scenes and seconds by name, for a chart of growth; without them the chart shows the rows."""


def row(method: str, runs: Sequence[float], share: float = 1.0, **facts: str) -> Row:
    """Make a row from the seconds of its runs, each of which did ``share`` of the work."""
    return Row(method, statistics.median(runs) / share, tuple(runs), share, facts)


def times_faster(rows: Sequence[Row], method: str) -> float:
    """Return how many times faster our method (the first row) is than another, by their shortest runs."""
    theirs = next(found for found in rows if found.method == method)
    return min(theirs.runs) / theirs.share / min(rows[0].runs) * rows[0].share
