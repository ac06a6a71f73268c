"""What the benchmarks share: alternate timing, medians, the tables, the JSON, the command line."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One method's result."""

    method: str
    """Name, with the library in it."""
    seconds: float
    """Median of the runs; of the whole work, extrapolated when only a part of it was run."""
    runs: tuple[float, ...]
    """Seconds of every run, not extrapolated."""
    share: float = 1.0
    """Share of the work that was run."""
    facts: dict[str, str] = field(default_factory=dict)
    """Further columns of the table."""


@dataclass(frozen=True)
class Claim:
    """Something the project says of itself."""

    text: str
    """In words."""
    reached: float
    """What was measured."""
    wanted: float
    """Least that makes the claim true."""

    @property
    def holds(self) -> bool:
        """Whether it is true."""
        return self.reached >= self.wanted


@dataclass(frozen=True)
class Report:
    """What a benchmark found."""

    title: str
    """What was measured, on which input."""
    rows: list[Row]
    """The first is ours."""
    claims: list[Claim]
    """What ``--check`` checks."""
    notes: tuple[str, ...] = ()
    """What a reader must know to judge the table."""
    curves: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """Scenes and seconds by name, for a chart of growth; without them the chart shows the rows."""


def alternate(
    methods: Mapping[str, tuple[Callable[[], Any], int]], clock: Callable[[], float] = time.perf_counter
) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Run methods by turns, so that a busy moment of the machine strikes all alike.

    Args:
        methods: by name, the function and how often to run it.
        clock: what to read before and after, in seconds; by default that on the wall.

    Returns:
        Seconds of every run, and the result of the last, by name.
    """
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    found: dict[str, Any] = {}
    for turn in range(max(repeats for _, repeats in methods.values())):
        for name, (function, repeats) in methods.items():
            if turn < repeats:
                found.pop(name, None)
                start = clock()
                found[name] = function()
                seconds[name].append(clock() - start)
    return seconds, found


def row(method: str, runs: Sequence[float], share: float = 1.0, **facts: str) -> Row:
    """A row from the seconds of its runs, of which each did ``share`` of the work."""
    return Row(method, statistics.median(runs) / share, tuple(runs), share, facts)


def times_faster(rows: Sequence[Row], method: str) -> float:
    """How many times faster than a method ours (the first row) is, by the shortest runs."""
    theirs = next(found for found in rows if found.method == method)
    return min(theirs.runs) / theirs.share / min(rows[0].runs) * rows[0].share


def command_line(
    name: str,
    measure: Callable[[bool], Report | list[Report]],
    packages: Sequence[str],
    arguments: Sequence[str] | None = None,
) -> int:
    """Run a benchmark from the command line.

    Args:
        name: of the module, for the usage.
        measure: the benchmark, given whether to be small.
        packages: whose versions are part of the result.
        arguments: of the command line; default ``sys.argv``.

    Returns:
        Exit status: 1 when ``--check`` finds a claim that does not hold.
    """
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    parser.add_argument("--json", type=Path, help="write the result there too")
    parser.add_argument("--chart", type=Path, help="draw it there (PNG)")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a claim does not hold")
    parser.add_argument("--small", action="store_true", help="a smoke run of seconds; its ratios mean nothing")
    options = parser.parse_args(arguments)
    found = measure(options.small)
    reports = [found] if isinstance(found, Report) else found
    for report in reports:
        _show(report)
    if options.json:
        content = {"benchmark": name, "reports": [_plain(report) for report in reports], "machine": _machine(packages)}
        options.json.write_text(json.dumps(content, indent=1))
    if options.chart:
        from benchmarks.support.chart import draw  # a library that processes whose memory is measured need not load

        draw(reports).savefig(options.chart, metadata={"Software": None})
    return int(options.check and not all(claim.holds for report in reports for claim in report.claims))


def _plain(report: Report) -> dict[str, Any]:
    return {**asdict(report), "claims": [{**asdict(claim), "holds": claim.holds} for claim in report.claims]}


def _show(report: Report) -> None:
    table = Table(title=report.title, title_justify="left")
    extra = list(dict.fromkeys(name for found in report.rows for name in found.facts))
    for column in ("method", "seconds", "x ours", "runs", *extra):
        table.add_column(column, justify="left" if column == "method" else "right")
    for found in report.rows:
        extrapolated = "" if found.share == 1 else f" of {found.share:.2%}"
        seconds, times = f"{found.seconds:,.3f}", f"{found.seconds / report.rows[0].seconds:,.1f}"
        facts = (found.facts.get(name, "") for name in extra)
        table.add_row(found.method, seconds, times, f"{len(found.runs)}{extrapolated}", *facts)
    console = Console(width=max(Console().width, 160))
    console.print(table)
    for note in report.notes:
        console.print(f"- {note}")
    for claim in report.claims:
        console.print(
            f"{'holds' if claim.holds else 'FAILS'}: {claim.text}: {claim.reached:,.3g} (at least {claim.wanted:,.3g})"
        )


def _machine(packages: Sequence[str]) -> dict[str, Any]:
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "packages": {package: version(package) for package in packages},
    }
