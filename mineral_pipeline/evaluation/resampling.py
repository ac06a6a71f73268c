"""How often labels are drawn anew."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Resampling:
    """How labels are drawn. Equal values draw the same labels."""

    n_resamples: int
    """Number of times."""
    seed: int
    """Seed of the draws."""
