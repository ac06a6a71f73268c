"""Compilation where the machine code cannot be cached."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from mineral_pipeline import jit


def test_it_compiles_where_nothing_can_be_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    numba.njit(lambda: None)()  # numba loads functions of its own first, which are not meant here
    original = numba.njit

    def njit_without_cache(cache: bool = False, **options: Any) -> Any:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return original(**options)

    monkeypatch.setattr(numba, "njit", njit_without_cache)
    seen = np.zeros(1)

    def write(array: np.ndarray) -> None:
        array[0] = 7

    jit.njit(write)(seen)
    assert seen[0] == 7


def test_a_change_of_a_called_function_makes_machine_code_stale(tmp_path: Path) -> None:
    """Numba alone would go on with what it compiled from the old callee: a silent wrong result after an update."""
    package = tmp_path / "mineral_pipeline"
    package.mkdir()
    for name in ("jit.py", "__init__.py"):
        shutil.copy(Path(jit.__file__).with_name(name), package / name)
    (package / "caller.py").write_text(
        "from mineral_pipeline.callee import value\nfrom mineral_pipeline.jit import njit\n\n\n"
        "@njit\ndef twice(x: float) -> float:\n    return 2 * value(x)\n"
    )

    def result_with(body: str) -> str:
        (package / "callee.py").write_text(
            f"from mineral_pipeline.jit import njit\n\n\n@njit\ndef value(x: float) -> float:\n    return {body}\n"
        )
        command = "from mineral_pipeline.caller import twice; print(twice(1.0), len(twice.stats.cache_hits))"
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        environment["PYTHONDONTWRITEBYTECODE"] = "1"  # Python tells a source from another by its size and second
        return subprocess.run(
            [sys.executable, "-c", command], env=environment, capture_output=True, text=True, check=True, cwd=tmp_path
        ).stdout

    assert result_with("x + 1") == "4.0 0\n"
    assert result_with("x + 1") == "4.0 1\n"
    assert result_with("x + 2") == "6.0 0\n"
