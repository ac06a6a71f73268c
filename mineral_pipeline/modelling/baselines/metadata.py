"""What the catalogue tells of a scene without its pixels: when, how cloudy, how processed, how often photographed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mineral_pipeline.modelling.baselines.baseline import Baseline, register
from mineral_pipeline.modelling.baselines.estimators import BOOSTED_TYPES, fit_boosted_trees
from mineral_pipeline.modelling.dataset import Samples
from mineral_pipeline.sensors import SENSORS

DAYS_PER_YEAR = 365.25

TIERS = ("RT", "T2", "T1")
LEVELS = ("L1GS", "L1G", "L1GT", "L1T", "L1TP", "L2SR", "L2SP")
"""From the least to the most that was done to the pixels."""


def metadata_features(samples: Samples) -> pd.DataFrame:
    """The facts of every sample's scene: the day of the year as a point on a circle, nan where a fact is unknown."""
    table = samples.metadata
    acquired = pd.to_datetime(table["acquired"])
    orders: dict[str, Sequence[str]] = {"tier": TIERS, "level": LEVELS, "sensor": list(SENSORS)}
    turn = 2 * np.pi * acquired.dt.day_of_year / DAYS_PER_YEAR
    return pd.DataFrame(
        {
            "season_cos": np.cos(turn),
            "season_sin": np.sin(turn),
            "year": acquired.dt.year,
            **{name: table[name].astype("float64") for name in ("cloud_cover", "visits")},
            **{name: _place(table[name], order) for name, order in orders.items()},
        }
    )


def _place(values: pd.Series, order: Sequence[str]) -> pd.Series:
    """Places of values in an order; nan for others."""
    return values.map({value: float(place) for place, value in enumerate(order)}).astype("float64")


register(Baseline("metadata", "metadata only", metadata_features, fit_boosted_trees, types=BOOSTED_TYPES, pixels=False))
