"""One target, fuzzed in a process of its own."""

from __future__ import annotations

import faulthandler
import json
import resource
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from mineral_pipeline.errors import MineralPipelineError
from tests.fuzzing.mutation import mutated
from tests.fuzzing.targets import Target, make_targets

LIMIT_S = 20
"""Seconds after which an input counts as one that hangs; the process shows where, and ends."""

LAST_INPUT, RESULT = "input", "result.json"
"""Files of the process."""


def fuzz(target: Target, inputs: int, number: int, folder: Path) -> dict[str, Any]:
    """Read many inputs, and count how they end.

    Raises:
        AssertionError: an error has more than one line.
        Exception: an error that is not one of ours; hypothesis adds the input.
    """
    outcomes: Counter[str] = Counter()
    slowest = 0.0

    @seed(number)
    @settings(
        max_examples=inputs, database=None, deadline=None, phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(mutated(target.seeds, target.tokens))
    def read(content: bytes) -> None:
        nonlocal slowest
        (folder / LAST_INPUT).write_bytes(content)  # for a crash, which no handler survives
        faulthandler.dump_traceback_later(LIMIT_S, exit=True)
        started = time.monotonic()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                target.read(content, folder)
            outcomes["read"] += 1
        except MineralPipelineError as error:
            outcomes[type(error).__name__] += 1
            if not str(error).isprintable():
                raise AssertionError(f"the message of {error!r} is not one line") from error
        finally:
            faulthandler.cancel_dump_traceback_later()
        slowest = max(slowest, time.monotonic() - started)

    read()
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"outcomes": dict(outcomes), "slowest_s": round(slowest, 2), "memory_mb": round(memory_mb)}


def fuzz_in_process(name: str, inputs: int, number: int, folder: str) -> None:
    """Fuzz one target in a process of its own, and leave the result in a file."""
    targets = make_targets(Path(folder))
    found = fuzz(targets[name], inputs, number, Path(folder))
    Path(folder, RESULT).write_text(json.dumps(found))
