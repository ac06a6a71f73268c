"""How often labels are drawn anew."""

from __future__ import annotations

from dataclasses import dataclass

LABELS_PER_CALL = 2_000_000
"""Labels that are drawn and scored at a time: 16 MB, a few times."""


@dataclass(frozen=True)
class Resampling:
    """How labels are drawn. Equal values draw the same labels."""

    n_resamples: int
    """Number of times."""
    seed: int
    """Seed of the draws."""
