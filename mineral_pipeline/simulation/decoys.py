"""What looks like altered rock, or hides it, and has nothing to do with deposits: lakes, dry lake beds, burnt ground.

Lakes are dark on every date. Dry lake beds are bright. Burnt ground is dark, and only for some years.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mineral_pipeline.geometry import Floats
from mineral_pipeline.simulation.islands import Island

DECOYS_PER_KM2 = 1 / 2000.0
"""Density of decoys where difficulty is 1, some 17 in a location."""

LAKE, DRY_LAKE, BURN = 0, 1, 2
"""Kinds of decoys."""

SHARES = (0.4, 0.2, 0.4)
"""Shares of the kinds."""

BURNT_DAYS = 1500
"""Days for which burnt ground shows."""

FIRST_FIRE, LAST_FIRE = 722_000, 728_000
"""Proleptic ordinals of the first and the last fire, 1977 to 1994."""


@dataclass(frozen=True, eq=False)
class Decoys:
    """Decoys; arrays are (n,)."""

    lonlat: Floats
    """(n, 2) degrees."""
    radius_km: Floats
    """Radius."""
    kind: np.ndarray
    """`LAKE`, `DRY_LAKE` or `BURN`."""
    day: np.ndarray
    """Proleptic ordinal of the day from which burnt ground shows."""

    def is_there(self, day: int) -> np.ndarray:
        """(n,) whether each shows on a day, given as its proleptic ordinal."""
        return np.asarray((self.kind != BURN) | ((self.day <= day) & (day < self.day + BURNT_DAYS)))


def draw(rng: np.random.Generator, islands: tuple[Island, ...], difficulty: float) -> Decoys:
    """Draw the decoys of a planet; one of lower difficulty has a part of them."""
    lonlat = np.concatenate([island.scatter(rng, DECOYS_PER_KM2) for island in islands])
    here, size = rng.random(len(lonlat)) < difficulty, rng.exponential(size=len(lonlat))
    kind = rng.choice(len(SHARES), len(lonlat), p=SHARES)
    day = rng.integers(FIRST_FIRE, LAST_FIRE, len(lonlat))
    return Decoys(lonlat[here], (2.5 + 2.5 * np.sqrt(size))[here], kind[here], day[here])
