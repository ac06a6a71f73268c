"""One target of bytes, fuzzed with hypothesis."""

from __future__ import annotations

import faulthandler
import resource
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from mineral_pipeline.errors import MineralPipelineError
from tests.fuzzing.mutation import mutated
from tests.fuzzing.targets import Target

LIMIT_S = 20
"""Seconds after which an input counts as one that hangs; the process shows where, and ends."""

SLOW_S = 1.0
"""Seconds of processor time after which an input is shown."""

ROUND = 1000
"""Inputs that hypothesis makes at a time: it remembers them, 20 MB each thousand."""

LAST_INPUT = "input"
"""File that holds the input that is being read, for a crash, which no handler survives."""


@dataclass
class Findings:
    """How a target answered its inputs."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """Number of the inputs by what came of them."""
    slowest_s: float = 0.0
    """Processor time that the slowest took, in seconds, which does not depend on what else the machine does."""
    slowest: str = ""
    """That input."""
    memory_mb: int = 0
    """Largest resident memory of the process."""
    lines: Sequence[str] = ()
    """What else is to be shown."""
    failures: list[str] = field(default_factory=list)
    """What must not happen, with its input."""

    def fail(self, failure: str) -> None:
        """Keep what must not happen, and show it at once."""
        self.failures.append(failure)
        sys.stdout.write(f"{failure}\n")
        sys.stdout.flush()

    @contextmanager
    def watching(self, shown: str, limit_s: float = LIMIT_S) -> Iterator[None]:
        """A block in which one input is read, within a time; ``shown`` is how a person sees the input."""
        faulthandler.dump_traceback_later(limit_s, exit=True)
        started = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            faulthandler.cancel_dump_traceback_later()
        took = time.process_time() - started
        if took > self.slowest_s:
            self.slowest_s, self.slowest = took, shown
        self.memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def answer(read: Callable[[], object]) -> tuple[object, MineralPipelineError | None]:
    """What a reader answers: its value, or one of our errors.

    Raises:
        AssertionError: the error has more than one line.
        Exception: an error that is not one of ours.
    """
    try:
        return read(), None
    except MineralPipelineError as error:
        if not str(error).isprintable():
            raise AssertionError(f"the message of {error!r} is not one line") from error
        return None, error


def fuzz(target: Target, inputs: int, number: int, folder: Path) -> Findings:
    """Read many inputs, and count how they end.

    Raises:
        AssertionError: an error has more than one line.
        Exception: an error that is not one of ours; hypothesis adds the input.
    """
    findings = Findings()
    for content in target.seeds:  # the first of its kind waits for code to be compiled
        answer(lambda content=content: target.read(content, folder))

    def read(content: bytes) -> None:
        (folder / LAST_INPUT).write_bytes(content)
        with findings.watching(repr(content[:300])):
            error = answer(lambda: target.read(content, folder))[1]
        findings.outcomes["read" if error is None else type(error).__name__] += 1

    for start in range(0, inputs, ROUND):
        examples = settings(
            max_examples=min(ROUND, inputs - start), database=None, deadline=None,
            phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        seed(f"{number} {start}")(examples(given(mutated(target.seeds, target.tokens))(read)))()
    return findings
