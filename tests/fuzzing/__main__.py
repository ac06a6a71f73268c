"""Fuzz every reader of bytes that come from somewhere else, and of a workspace that is damaged.

    python -m tests.fuzzing [--inputs 20000] [--seed 0] [TARGET ...]

Every target has a process of its own and must answer each input with a value or with one of the project's own errors in
one line, within `fuzz.LIMIT_S` seconds, and all of them within `MAX_MEMORY_MB`. Whatever else happens is shown with the
input, which hypothesis has made small, and the exit status is 1. The target ``workspace`` is a small workspace that the
pipeline makes; an input of it is the damage of one file, which ``verify`` must name unless all reads as before.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
from pathlib import Path

from tests.fuzzing.fuzz import LAST_INPUT, SLOW_S, Findings
from tests.fuzzing.process import INPUTS_PER_DAMAGE, RESULT, WORKSPACE, fuzz_in_process

MAX_MEMORY_MB = 1000
TARGETS = ("settings", "clusters", "mtl-text", "mtl-xml", "mtl-json", "index", "deposits", "tiff", "tar", WORKSPACE)


def main() -> int:
    """Fuzz the targets, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"some of {', '.join(TARGETS)} (default: all)")
    parser.add_argument(
        "--inputs", type=int, default=20_000, help=f"inputs of each target; 1/{INPUTS_PER_DAMAGE} of {WORKSPACE}"
    )
    parser.add_argument("--seed", type=int, default=0, help="of everything random")
    options = parser.parse_args()
    if unknown := [name for name in options.targets if name not in TARGETS]:
        parser.error(f"no target is called {' or '.join(unknown)}: give some of {', '.join(TARGETS)}")
    for variable in ("MINERAL_PIPELINE_DATA", "DEPOSITS", "LAND"):
        os.environ.setdefault(variable, "")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    failed = [name for name in options.targets or TARGETS if not _is_passed(name, options.inputs, options.seed)]
    if failed:
        sys.stdout.write(f"make fuzz: failed: {' '.join(failed)}\n")
    return int(bool(failed))


def _is_passed(name: str, inputs: int, seed: int) -> bool:
    """Fuzz one target in a process of its own, and show what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=fuzz_in_process, args=(name, inputs, seed, folder))
        process.start()
        process.join()
        result = Path(folder, RESULT)
        if process.exitcode != 0 or not result.exists():
            last = Path(folder, LAST_INPUT)
            shown = repr(last.read_bytes()[:2000]) if last.exists() else "its start"
            sys.stdout.write(f"{name}: ended with {process.exitcode} at {shown}\n")
            return False
        findings = Findings(**json.loads(result.read_text()))
    outcomes = ", ".join(f"{count:,} {kind}" for kind, count in sorted(findings.outcomes.items()))
    lines = [
        f"{name:<10} {sum(findings.outcomes.values()):,} inputs: {outcomes};"
        f" the slowest took {findings.slowest_s:.2f} s, {findings.memory_mb} MB",
        *findings.lines,
    ]
    if findings.slowest_s > SLOW_S:
        lines.append(f"{name}: {findings.slowest_s:.2f} s for {findings.slowest}")
    is_large = findings.memory_mb > MAX_MEMORY_MB
    if is_large:
        lines.append(f"{name}: more than {MAX_MEMORY_MB} MB")
    sys.stdout.write("\n".join([*lines, ""]))
    sys.stdout.flush()
    return not is_large and not findings.failures


if __name__ == "__main__":
    sys.exit(main())
