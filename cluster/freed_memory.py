"""Freed memory goes back to the system, also in workers that no nanny starts.

glibc keeps most of what is freed, and the threshold beyond which it does not grows with the largest piece ever freed: a
worker that decodes scenes seems to leak. Dask's nanny sets ``MALLOC_TRIM_THRESHOLD_`` for the workers it starts, and
glibc reads it when a process starts. Without a nanny (``dask worker --no-nanny``, threads) the same is set from within.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any

from distributed import WorkerPlugin

TRIM_THRESHOLD_BYTES = 65536
"""Free bytes at the top of the heap beyond which they are returned; the nanny's value."""
M_TRIM_THRESHOLD = -1
"""Name of the threshold in glibc's ``malloc.h``."""


class TrimFreedMemory(WorkerPlugin):  # type: ignore[misc]  # distributed is not annotated
    """Sets the threshold in every worker, also in those that start later."""

    name = "mineral-pipeline-freed-memory"

    def setup(self, worker: Any) -> None:
        """Set it, unless the process was started with it."""
        if "MALLOC_TRIM_THRESHOLD_" not in os.environ:
            set_trim_threshold()


def set_trim_threshold() -> bool:
    """Set the threshold of this process; returns whether it could: only glibc has one."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD_BYTES))
