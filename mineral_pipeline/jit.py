"""Just-in-time compilation of loops to machine code by numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def njit(function: Function, **options: Any) -> Function:
    """Compile a function at its first call; it runs without the interpreter's lock.

    The machine code is cached on disk, beside the source file or in the user's cache folder, if one can be written.

    Args:
        function: function of arrays, numbers and named tuples of them.
        options: options of ``numba.njit``, such as ``fastmath``.
    """
    try:
        return numba.njit(cache=True, nogil=True, **options)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # no folder can be written, as in some containers
        return numba.njit(nogil=True, **options)(function)  # type: ignore[no-any-return]
