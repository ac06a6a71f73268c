"""What every task does on a worker around its own function: it holds the lease of its run, and logs one line.

The line is in logfmt, such as ``run=1f0c job=acquire task="shard 00017" seconds=3.1 outcome=done ok=15 missing=1``. Its
logger is a child of Dask's own for workers: the line is wherever theirs are, on the worker's page of the dashboard, in
``client.get_worker_logs()`` and in what ``dask worker`` prints, and the terminal of a `LocalCluster` stays clean.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mineral_pipeline.workspace import lock

LOGGER = logging.getLogger("distributed.worker.mineral_pipeline")
if LOGGER.level == logging.NOTSET:  # else it is configured, as any logger of Dask's
    LOGGER.setLevel(logging.INFO)


@dataclass(frozen=True)
class TaskContext:
    """What a task knows of where it belongs."""

    job: str
    """Name of the job."""
    name: str
    """Name of the task, such as a shard or a model."""
    lease: lock.Lease | None
    """Lease of the run that submitted the task, which its function can `lock.check`."""


def run_task(context: TaskContext, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """Call a function on a worker.

    Args:
        context: where the task belongs.
        function: what the task does.
        arguments: its arguments.
        keywords: its keyword arguments.
    """
    started = time.monotonic()
    try:
        with lock.holding(context.lease):
            value = function(*arguments, **keywords)
    except BaseException as error:
        _log(context, started, {"outcome": "failed", "error": f"{type(error).__name__}: {error}"})
        raise
    _log(context, started, {"outcome": "done", **_count_states(value)})
    return value


def _log(context: TaskContext, started: float, outcome: dict[str, Any]) -> None:
    run, seconds = context.lease.run if context.lease else "none", f"{time.monotonic() - started:.3g}"
    fields = {"run": run, "job": context.job, "task": context.name, "seconds": seconds, **outcome}
    LOGGER.info("%s", " ".join(f"{name}={_quote(str(value))}" for name, value in fields.items()))


def _quote(value: str) -> str:
    return value if re.fullmatch(r"[^\s=\"]+", value) else json.dumps(value, ensure_ascii=False)


def _count_states(value: Any) -> Counter[str]:
    """How many items of a task ended in which state, where the task returns their states."""
    if isinstance(value, list) and len(value) == 1:  # the partition of a bag
        (value,) = value
    is_states = isinstance(value, list) and all(isinstance(state, str) for state in value)
    return Counter(value if is_states else [])
