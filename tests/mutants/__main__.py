"""How many small mistakes the tests of a package would find: a mutation test of a seeded sample.

    python -m tests.mutants [--mutants 60] [--seed 0] [--budget 90] [PACKAGE ...]

cosmic-ray makes the mutants; compilation by numba is off. Each is tried on the tests of its own package that call the
changed function, the fastest first, as many as `--budget` seconds hold, in a fork of one process: a run of cosmic-ray
itself, which starts an interpreter and runs all tests for each mutant, would take days. What was tried is kept in
`.mutants/`, so that a run that was interrupted goes on; survivors are tried again. `explained.yaml` names survivors
that change nothing that anyone could see, with the reason.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from tests.mutants import trials
from tests.mutants.sampling import Mutant, function_of, sample_mutants

ROOT = Path(__file__).parents[2]
TESTS = {
    "geometry": (
        "geometry",
        "labelling/test_any_polygon.py",
        "labelling/test_membership.py",
        "curation/test_overlap.py",
    ),
    "labelling": ("labelling",),
    "curation": ("curation",),
    "workspace": ("workspace",),
    "evaluation": ("evaluation",),
}
"""The tests of every package: of geometry, also those of what it was made for."""
KEPT = ROOT / ".mutants"
EXPLAINED = Path(__file__).with_name("explained.yaml")


def main() -> int:
    """Try the mutants, and show the score of every package and the survivors."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help=f"some of {', '.join(TESTS)} (default: all)")
    parser.add_argument("--mutants", type=int, default=60, help="of each package, at most")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--budget", type=float, default=90, help="seconds of tests for each mutant")
    options = parser.parse_args()
    if unknown := set(options.packages) - set(TESTS):
        parser.error(f"no package is called {' or '.join(sorted(unknown))}: give some of {', '.join(TESTS)}")
    os.environ |= {"NUMBA_DISABLE_JIT": "1", "OMP_NUM_THREADS": "1"}
    KEPT.mkdir(exist_ok=True)
    trials.load_libraries()
    for package in options.packages or TESTS:
        mutants = sample_mutants(ROOT, package, options.mutants, options.seed)
        _show(package, mutants, try_mutants(package, mutants, options.budget))
    return 0


def try_mutants(package: str, mutants: list[Mutant], budget_s: float) -> dict[str, dict[str, Any]]:
    """Try every mutant that was not yet killed: by key, its outcome and what killed it."""
    path = KEPT / f"{package}.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    with tempfile.TemporaryDirectory() as folder, trials.repository_copy(ROOT, Path(folder)) as copy:
        files = [str(path.relative_to(copy)) for part in TESTS[package] for path in _test_files(copy / "tests" / part)]
        tests = trials.measure_tests(copy, files, KEPT / f"tests-of-{package}.json", KEPT / f"tests-of-{package}.log")
        for mutant in mutants:
            chosen = choose_tests(mutant, tests, budget_s)
            state = _digest(mutant, chosen)
            kept = results.get(mutant.key, {})
            if kept.get("code") == state["code"] and (kept["outcome"] != "survived" or kept["tests"] == state["tests"]):
                continue
            outcome = _try(copy, mutant, chosen, {name: tests[name]["seconds"] for name in chosen}, package)
            results[mutant.key] = {**state, "line": mutant.line, **outcome}
            path.write_text(json.dumps(results, indent=1))
            sys.stdout.write(f"{package} {outcome['outcome']:<9} {mutant.key} (line {mutant.line})\n")
            sys.stdout.flush()
    return results


def _test_files(path: Path) -> list[Path]:
    return sorted(path.rglob("test_*.py")) if path.is_dir() else [path]


def choose_tests(mutant: Mutant, tests: dict[str, dict[str, Any]], budget_s: float) -> list[str]:
    """The tests that call the changed function, or any of the file where the change is outside of functions."""
    function = function_of((ROOT / mutant.path).read_text(), mutant.line)
    wanted = [
        (facts["seconds"], name)
        for name, facts in tests.items()
        if facts["passed"] and any(path == mutant.path and function in (None, line) for path, line in facts["called"])
    ]
    chosen, spent = [], 0.0
    for seconds, name in sorted(wanted):
        spent += seconds
        if spent > budget_s:
            break
        chosen.append(name)
    return chosen


def _try(copy: Path, mutant: Mutant, chosen: list[str], seconds: dict[str, float], package: str) -> dict[str, Any]:
    if not chosen:
        return {"outcome": "survived", "by": "no test of the package calls the function"}
    path, output = copy / mutant.path, KEPT / f"{package}.log"
    original = path.read_text()
    path.write_text(mutant.code)
    limit = trials.SPARE_S + trials.SPARE_FACTOR * sum(seconds.values())
    try:
        files = list(dict.fromkeys(name.split("::")[0] for name in chosen))
        ended = trials.run_tests(copy, files, trials.Order(chosen), limit, output)
    finally:
        path.write_text(original)
    if ended == "passed":
        return {"outcome": "survived", "by": f"{len(chosen)} tests"}
    if ended == "broken":
        raise SystemExit(f"make mutants: {mutant.key} could not be tried: see {output}")
    last = [line for line in output.read_text(errors="replace").splitlines() if line.startswith(("FAILED", "ERROR"))]
    return {"outcome": "killed", "by": ended if ended == "timeout" or not last else last[-1][:200]}


def _digest(mutant: Mutant, chosen: list[str]) -> dict[str, str]:
    files = sorted({name.split("::")[0] for name in chosen})
    tests = b"".join((ROOT / name).read_bytes() for name in files)
    return {
        "code": hashlib.sha256(mutant.code.encode()).hexdigest()[:16],
        "tests": hashlib.sha256(tests + " ".join(chosen).encode()).hexdigest()[:16],
    }


def _show(package: str, mutants: list[Mutant], results: dict[str, dict[str, Any]]) -> None:
    """Print the score of a package, and its survivors with what is changed."""
    explained = {(one["path"], one["code"].strip()): one["why"] for one in yaml.safe_load(EXPLAINED.read_text()) or []}
    survivors = [mutant for mutant in mutants if results[mutant.key]["outcome"] == "survived"]
    lines, n_explained = [], 0
    for mutant in survivors:
        before = (ROOT / mutant.path).read_text().splitlines()
        after = mutant.code.splitlines()
        changed = next((new.strip() for old, new in zip(before, after, strict=False) if old != new), "")
        why = explained.get((mutant.path, changed))
        n_explained += why is not None
        note = f"explained: {why}" if why else f"survived {results[mutant.key]['by']}"
        lines.append(f"  {mutant.path}:{mutant.line}: {changed}\n    {note}")
    n_killed, n_counted = len(mutants) - len(survivors), len(mutants) - n_explained
    sys.stdout.write(
        f"{package}: {n_killed} of {len(mutants)} mutants killed, {n_explained} explained:"
        f" {n_killed / max(n_counted, 1):.0%}\n" + "\n".join([*lines, ""])
    )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
