"""Compilation where the machine code cannot be cached."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest

from mineral_pipeline import jit


def test_it_compiles_where_nothing_can_be_cached(monkeypatch: pytest.MonkeyPatch) -> None:
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
