"""What every task does on a worker around its own function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mineral_pipeline.workspace import lock


def run_task(lease: lock.Lease | None, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function on a worker.

    Args:
        lease: lease of the run that submitted the task, which the function can `lock.check`.
        function: what the task does.
        arguments: its arguments.
    """
    with lock.holding(lease):
        return function(*arguments)
