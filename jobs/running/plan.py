"""What a job would do, said before it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Counts


@dataclass(frozen=True)
class Plan:
    """What a job would do."""

    counts: Counts
    """Planned and skipped items."""
    details: Mapping[str, str] = field(default_factory=dict)
    """What else to know before the start, by name: bytes to read, memory of a task."""


def for_each_set(settings: Settings) -> str:
    """What is done for every sample set, in words that go on after what it is."""
    folds = f", and again for each of {len(settings.folds)} folds" if settings.folds else ""
    return f"for each of {', '.join(settings.tasks)}{folds}"
