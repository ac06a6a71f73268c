"""What varies smoothly over the planet: where ground is fertile, where people have looked, climate and vegetation.

``confounding`` says how much of fertility is regional, so that geography knows it and pixels hint at it by climate and
vegetation, and not local, and how unequal the search effort is. Deposits cluster as on the Earth: the presences of
known deposits at 3,014 real places between 60 degrees south and north that are 170, 320, 500, 740, 1,130, 1,680 and
2,450 km apart have correlations of 0.40, 0.32, 0.26, 0.20, 0.14, 0.11 and 0.07.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mineral_pipeline.geometry import Floats
from mineral_pipeline.simulation import fields
from mineral_pipeline.simulation.fields import Field

WIDE_KM, REGIONAL_KM, LOCAL_KM = 1900.0, 800.0, 120.0
"""Ranges: of climate and the search effort of continents; of mineral belts and mining districts; within a location."""

REGIONAL_SHARE = 0.85
"""Part of the variance of fertility that is regional where confounding is 1."""

LOCAL_GAIN = 1.5
"""By how much the local part is stronger, since locations average it: they differ as much without confounding."""

WIDE_EFFORT = 0.8
"""Part of the variance of search effort that is as wide as climate."""

CLIMATE_OF_EFFORT, VEGETATION_OF_FERTILITY = 0.8, 0.6
"""Correlation of climate with the wide part of effort, and of vegetation with the regional part of fertility."""


@dataclass(frozen=True, eq=False)
class Geography:
    """Smooth fields over the land, each with mean 0 and variance 1 there."""

    confounding: float
    """0 to 1: how much of fertility is regional, and how unequal the effort is."""
    wide: Field
    """Of the search effort of continents."""
    belts: Field
    """Regional part of fertility."""
    local: Field
    """Local part of fertility."""
    districts: Field
    """Regional part of effort."""
    weather: Field
    """Part of climate of its own."""
    growth: Field
    """Part of vegetation of its own."""

    def fertility(self, lonlat: Floats) -> Floats:
        """How fertile the ground is at positions (..., 2) lon/lat, as (...)."""
        share = REGIONAL_SHARE * self.confounding
        local = LOCAL_GAIN * np.sqrt(1 - share) * self.local(lonlat)
        return np.asarray(np.sqrt(share) * self.belts(lonlat) + local)

    def effort(self, lonlat: Floats) -> Floats:
        """How much people have looked there; 0 everywhere where nothing confounds."""
        return self.confounding * _mix(self.wide, self.districts, WIDE_EFFORT)(lonlat)

    def climate(self, lonlat: Floats) -> Floats:
        """Dry, bright ground where it is high; people have looked there more."""
        return _mix(self.wide, self.weather, CLIMATE_OF_EFFORT**2)(lonlat)

    def vegetation(self, lonlat: Floats) -> Floats:
        """Dark where it is high, which fertile belts tend to be."""
        return _mix(self.belts, self.growth, VEGETATION_OF_FERTILITY**2)(lonlat)


def draw(rng: np.random.Generator, land: Floats, confounding: float) -> Geography:
    """Draw the fields of a planet.

    Args:
        rng: random generator.
        land: (n, 2) lon/lat of positions over land, over which the fields have mean 0 and variance 1.
        confounding: 0 to 1.
    """
    ranges = (WIDE_KM, REGIONAL_KM, LOCAL_KM, REGIONAL_KM, WIDE_KM, REGIONAL_KM)
    return Geography(confounding, *(fields.draw(rng, range_km).standardised(land) for range_km in ranges))


def _mix(first: Field, second: Field, share: float) -> Callable[[Floats], Floats]:
    """The sum in which the first field has this share of the variance."""
    return lambda lonlat: np.asarray(np.sqrt(share) * first(lonlat) + np.sqrt(1 - share) * second(lonlat))
