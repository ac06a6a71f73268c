"""Fuzz every reader of bytes that come from somewhere else.

    python -m tests.fuzzing [--inputs 20000] [--seed 0] [TARGET ...]

Every target has a process of its own and must answer each input with a value or with one of the project's own errors in
one line, within `fuzz.LIMIT_S` seconds, and all of them within `MAX_MEMORY_MB`. Whatever else happens is shown with the
input, which hypothesis has made small, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
from pathlib import Path

from tests.fuzzing.fuzz import LAST_INPUT, RESULT, fuzz_in_process

MAX_MEMORY_MB = 1000
TARGETS = ("settings", "clusters", "mtl-text", "mtl-xml", "mtl-json", "index", "deposits", "tiff")


def main() -> int:
    """Fuzz the targets, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"some of {', '.join(TARGETS)} (default: all)")
    parser.add_argument("--inputs", type=int, default=20_000, help="inputs of each target")
    parser.add_argument("--seed", type=int, default=0, help="of everything random")
    options = parser.parse_args()
    for variable in ("MINERAL_PIPELINE_DATA", "DEPOSITS", "LAND"):
        os.environ.setdefault(variable, "")
    failed = []
    for name in options.targets or TARGETS:
        with tempfile.TemporaryDirectory() as folder:
            process = multiprocessing.get_context("spawn").Process(
                target=fuzz_in_process, args=(name, options.inputs, options.seed, folder)
            )
            process.start()
            process.join()
            result = Path(folder, RESULT)
            if process.exitcode != 0 or not result.exists():
                last = Path(folder, LAST_INPUT)
                shown = repr(last.read_bytes()[:2000]) if last.exists() else "its start"
                sys.stdout.write(f"{name}: ended with {process.exitcode} at {shown}\n")
                failed.append(name)
                continue
            found = json.loads(result.read_text())
        outcomes = ", ".join(f"{count:,} {kind}" for kind, count in sorted(found["outcomes"].items()))
        sys.stdout.write(
            f"{name:<10} {sum(found['outcomes'].values()):,} inputs: {outcomes};"
            f" the slowest took {found['slowest_s']} s, {found['memory_mb']} MB\n"
        )
        sys.stdout.flush()
        if found["memory_mb"] > MAX_MEMORY_MB:
            failed.append(name)
            sys.stdout.write(f"{name}: more than {MAX_MEMORY_MB} MB\n")
    if failed:
        sys.stdout.write(f"make fuzz: failed: {' '.join(failed)}\n")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
