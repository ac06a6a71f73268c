"""What the benchmarks share: alternate timing, the printed tables, the JSON file, the command line."""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.support.results import BenchmarkResult


def alternate(
    methods: Mapping[str, tuple[Callable[[], Any], int]], clock: Callable[[], float] = time.perf_counter
) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Run methods by turns, so that other work on the machine slows all of them alike.

    Args:
        methods: by name, the function and the number of its runs.
        clock: function that returns the time in seconds, called before and after every run; by default wall time.

    Returns:
        Seconds of every run, and what the last run returned, by name.
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


def command_line(
    name: str,
    measure: Callable[[bool], BenchmarkResult | Iterable[BenchmarkResult]],
    packages: Sequence[str],
    arguments: Sequence[str] | None = None,
) -> int:
    """Run a benchmark from the command line.

    Args:
        name: module name of the benchmark, for the usage message.
        measure: the benchmark; its argument says whether to make a small run.
        packages: packages whose versions are written into the JSON file.
        arguments: command-line arguments; by default those of ``sys.argv``.

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
    results = list[BenchmarkResult]()
    for result in [found] if isinstance(found, BenchmarkResult) else found:
        _show(result)  # as soon as it is there: the next may take an hour
        results.append(result)
    if options.json:
        content = {"benchmark": name, "reports": [_plain(result) for result in results], "machine": _machine(packages)}
        options.json.write_text(json.dumps(content, indent=1))
    if options.chart:
        from benchmarks.support.chart import draw  # processes whose memory is measured need not load matplotlib

        draw(results).savefig(options.chart, metadata={"Software": None})
    return int(options.check and not all(claim.holds for result in results for claim in result.claims))


def _plain(result: BenchmarkResult) -> dict[str, Any]:
    """Return a result as JSON types."""
    return {**asdict(result), "claims": [{**asdict(claim), "holds": claim.holds} for claim in result.claims]}


def _show(result: BenchmarkResult) -> None:
    """Print the table, the notes and the claims of a result."""
    table = Table(title=result.title, title_justify="left")
    extra = list(dict.fromkeys(name for row in result.rows for name in row.facts))
    for column in ("method", "seconds", "x ours", "runs", *extra):
        table.add_column(column, justify="left" if column == "method" else "right")
    for row in result.rows:
        extrapolated = "" if row.share == 1 else f" of {row.share:.2%}"
        seconds, times = f"{row.seconds:,.3f}", f"{row.seconds / result.rows[0].seconds:,.1f}"
        facts = (row.facts.get(name, "") for name in extra)
        table.add_row(row.method, seconds, times, f"{len(row.runs)}{extrapolated}", *facts)
    console = Console(width=max(Console().width, 160))
    console.print(table)
    for note in result.notes:
        console.print(f"- {note}")
    for claim in result.claims:
        verdict = "holds" if claim.holds else "FAILS"
        console.print(f"{verdict}: {claim.text}: {claim.reached:,.3g} (at least {claim.minimum:,.3g})")


def _machine(packages: Sequence[str]) -> dict[str, Any]:
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "packages": {package: version(package) for package in packages},
    }
