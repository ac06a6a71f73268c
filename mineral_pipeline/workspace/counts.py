"""Counts of a job: what it set out to do and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Counts:
    """Planned, done, skipped and failed items of a job, in the job's own unit."""

    unit: str
    """What is counted: ``scenes``, ``chips``, ``models``."""
    planned: int = 0
    """All items that the job is asked for, skipped ones included."""
    done: int = 0
    """Items done in this run."""
    skipped: int = 0
    """Items done by an earlier run."""
    failed: int = 0
    """Items that failed, in this run or an earlier one."""
    reasons: dict[str, int] = field(default_factory=dict)
    """Failures and rejections by reason."""

    @property
    def failed_fraction(self) -> float:
        """Failed over planned; 0 when nothing was planned."""
        return self.failed / self.planned if self.planned else 0.0
