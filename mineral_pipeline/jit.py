"""Compilation of loops to machine code by numba, at their first call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def njit(function: Function, **options: Any) -> Function:
    """Compile a function, without the interpreter's lock; keep the machine code on disk where there is a place for it.

    Args:
        function: of arrays and numbers.
        options: of ``numba.njit``, such as ``fastmath``.
    """
    try:
        return numba.njit(cache=True, nogil=True, **options)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # neither this folder nor the home can be written, as in some containers
        return numba.njit(nogil=True, **options)(function)  # type: ignore[no-any-return]
