"""Just-in-time compilation of loops to machine code by numba."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def njit(function: Function, **options: Any) -> Function:
    """Compile a function at its first call; it runs without the interpreter's lock.

    The machine code is cached on disk, beside the source file or in the user's cache folder, if one can be written.
    It holds that of the functions that it calls, so that a change of any compiled function of the package makes it
    stale; numba itself looks at the function's own file only.

    Args:
        function: function of arrays, numbers and named tuples of them.
        options: options of ``numba.njit``, such as ``fastmath``.
    """
    try:
        dispatcher = numba.njit(cache=True, nogil=True, **options)(function)
    except RuntimeError:  # no folder can be written, as in some containers
        return numba.njit(nogil=True, **options)(function)  # type: ignore[no-any-return]
    with contextlib.suppress(AttributeError):  # NUMBA_DISABLE_JIT leaves the function as it is
        dispatcher._cache._cache_file._source_stamp = digest_sources(Path(__file__).parent)
    return dispatcher  # type: ignore[no-any-return]


@cache
def digest_sources(package: Path) -> str:
    """Digest of the files of a package that hold compiled functions."""
    sources = (path.read_bytes() for path in sorted(package.rglob("*.py")))
    return hashlib.sha256(b"".join(source for source in sources if b"njit" in source)).hexdigest()
