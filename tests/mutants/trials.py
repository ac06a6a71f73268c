"""Tests in forks of this process, which has loaded the libraries but nothing of the project.

Every fork works in a copy of the repository, where a mutant replaces the file that it changes.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import resource
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import Any

LIBRARIES = (
    "dask.dataframe", "distributed", "geopandas", "hypothesis", "moto", "numba", "pandas", "pyarrow.parquet",
    "pykdtree.kdtree", "pytest", "rasterio", "scipy.sparse", "scipy.stats", "shapely", "sklearn.ensemble", "xarray",
    "zarr",
)  # fmt: skip
OPTIONS = (
    "-q", "-x", "--no-header", "--tb=short", "-p", "no:cacheprovider",
    # without compilation, arithmetic of numbers that are not finite warns
    "-W", "ignore:invalid value encountered:RuntimeWarning", "-W", "ignore:overflow encountered:RuntimeWarning",
    "-W", "ignore:Module already imported",  # of pytest's plugins, before the fork
)  # fmt: skip
SPARE_S, SPARE_FACTOR = 30, 2
"""Processor seconds that a mutant may take: those of its tests times the factor, and some more."""
WALL_FACTOR = 2
"""Wall time over processor time that is waited for: tests of leases sleep, and other work may be on the machine."""
MEASUREMENT_LIMIT_S = 1200
SPARE_BYTES = 8 * 2**30


class Order:
    """A plugin of pytest that runs given tests only, in the given order, and keeps what they took and called."""

    def __init__(self, tests: list[str] | None, traced: bool = False) -> None:
        """Run ``tests``, or all where None; note what they call where they are ``traced``."""
        self.tests, self.traced = tests, traced
        self.found: dict[str, dict[str, Any]] = {}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Keep the tests, in order."""
        if self.tests is not None:
            place = {name: number for number, name in enumerate(self.tests)}
            items[:] = sorted((one for one in items if one.nodeid in place), key=lambda one: place[one.nodeid])

    def pytest_runtest_protocol(self, item: Any) -> None:
        """Trace the functions that a test calls, in its fixtures too."""
        called = set[CodeType]()
        if self.traced:

            def trace(frame: Any, event: str, argument: Any) -> None:
                called.add(frame.f_code)

            threading.settrace(trace)
            sys.settrace(trace)
        self.found[item.nodeid] = {"seconds": 0.0, "called": called, "passed": True}

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Keep how long a test took, and whether it passed."""
        self.found[report.nodeid]["seconds"] += report.duration
        self.found[report.nodeid]["passed"] &= not report.failed


def load_libraries() -> None:
    """Load what takes long to load, once for all forks."""
    for name in LIBRARIES:
        importlib.import_module(name)
    from hypothesis import Phase, settings

    phases = [Phase.explicit, Phase.generate]  # who fails need not be small
    settings.register_profile("mutants", deadline=None, derandomize=True, database=None, phases=phases)
    settings.register_profile("traced", settings.get_profile("mutants"), max_examples=10)


@contextmanager
def repository_copy(root: Path, folder: Path) -> Iterator[Path]:
    """A copy of what tests read, without byte code: a mutant may have the size and the time of what it replaces."""
    copy = folder / "repository"
    ignored = shutil.ignore_patterns("__pycache__", ".*", "results", "*.egg-info")
    shutil.copytree(root, copy, ignore=ignored, symlinks=True)
    try:
        yield copy
    finally:
        shutil.rmtree(copy)


def run_tests(
    copy: Path,
    files: list[str],
    order: Order,
    limit_s: float,
    output: Path,
    write: Callable[[Order], None] | None = None,
) -> str:
    """Run tests in a fork, and say how it ended: ``passed``, ``failed``, ``timeout``, or ``broken``."""
    sys.stdout.flush()
    process = os.fork()
    if not process:
        code = 99
        try:
            code = _run_in_fork(copy, files, order, limit_s, output)
            if write:
                write(order)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    deadline = time.monotonic() + WALL_FACTOR * limit_s
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)  # it leads a group of its own, with all that it started
    if not ended:
        os.waitpid(process, 0)
        return "timeout"
    if os.WIFSIGNALED(status):
        return "timeout" if os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL) else "failed"
    return {0: "passed", 1: "failed", 2: "failed", 4: "failed"}.get(os.WEXITSTATUS(status), "broken")


def _run_in_fork(copy: Path, files: list[str], order: Order, limit_s: float, output: Path) -> int:
    """Become a process of its own that runs the tests of the copy."""
    os.setsid()
    with output.open("w") as stream:
        for descriptor in (1, 2):
            os.dup2(stream.fileno(), descriptor)
    os.chdir(copy)
    os.environ |= {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    sys.dont_write_bytecode = True
    sys.path[:] = [str(copy), *(one for one in sys.path if one and Path(one).resolve() != Path.cwd())]
    for name in [one for one in sys.modules if one.split(".")[0] in ("tests", "mineral_pipeline", "benchmarks")]:
        del sys.modules[name]
    resource.setrlimit(resource.RLIMIT_CPU, (int(limit_s), int(limit_s)))
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + SPARE_BYTES, used + SPARE_BYTES))
    import pytest

    profile = f"--hypothesis-profile={'traced' if order.traced else 'mutants'}"
    return int(pytest.main([*OPTIONS, profile, "--timeout", str(int(WALL_FACTOR * limit_s)), *files], plugins=[order]))


def measure_tests(copy: Path, files: list[str], cache: Path, output: Path) -> dict[str, dict[str, Any]]:
    """What every test of some files takes and calls, and whether it passes on the code as it is; kept in ``cache``.

    Returns:
        By test: ``seconds``, ``called`` (pairs of file and first line of a function, relative to the copy), ``passed``.
    """
    kept = json.loads(cache.read_text()) if cache.exists() else {}
    measured = {}
    for name in files:
        if name not in kept or kept[name]["digest"] != _digest(copy, name, kept[name]["tests"]):
            tests = _measure_file(copy, name, output)
            kept[name] = {"digest": _digest(copy, name, tests), "tests": tests}
            cache.write_text(json.dumps(kept))
        measured |= kept[name]["tests"]
    return measured


def _digest(copy: Path, name: str, tests: dict[str, Any]) -> str:
    """Digest of a file of tests and of all that they call."""
    paths = sorted({name, *(path for facts in tests.values() for path, _ in facts["called"])})
    texts = ((copy / path).read_bytes() if (copy / path).exists() else b"" for path in paths)
    return hashlib.sha256(b"".join(texts)).hexdigest()


def _measure_file(copy: Path, name: str, output: Path) -> dict[str, Any]:
    result, start, traced = output.with_suffix(".json"), len(str(copy)) + 1, str(copy / "mineral_pipeline")

    def write(order: Order) -> None:
        for facts in order.found.values():
            called = tuple(facts["called"])  # threads of the test may still call
            codes = {(code.co_filename, code.co_firstlineno) for code in called}
            facts["called"] = sorted((file[start:], line) for file, line in codes if file.startswith(traced))
        result.write_text(json.dumps(order.found))

    result.unlink(missing_ok=True)
    order = Order(None, traced=True)
    run_tests(copy, [name, "--maxfail=1000"], order, MEASUREMENT_LIMIT_S, output, write)
    if not result.exists():
        raise SystemExit(f"make mutants: {name} does not run: see {output}")
    found: dict[str, Any] = json.loads(result.read_text())
    result.unlink()
    return found
