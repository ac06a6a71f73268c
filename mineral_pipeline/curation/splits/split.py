"""What a split is, what it may look at, and the registry of all splits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from mineral_pipeline.curation import overlap
from mineral_pipeline.curation.chips import location_centres
from mineral_pipeline.errors import SettingsError
from mineral_pipeline.geometry import Flags, Floats, Integers
from mineral_pipeline.registry import Registry
from mineral_pipeline.settings import Curate

RICHNESS_STRATA = 3
"""Quantiles of the richness of locations with deposits; every subset gets its share of each."""


@dataclass(frozen=True)
class Locations:
    """The locations of the usable chips: what a split may look at."""

    ids: pd.Index
    """(n,) ``location_id``, ascending."""
    centres: Floats
    """(n, 3) unit vectors."""
    strata: Integers
    """(n,) 0 for a location without deposits, else 1 and more by the quantile of its mean richness."""
    pairs: Integers
    """(k, 2) positions of locations whose footprints overlap; none under a split without a buffer."""
    region: npt.NDArray[np.object_]
    """(n,) name of the region in which each lies, as `assign_regions` tells it."""

    @classmethod
    def of(cls, chips: gpd.GeoDataFrame, *, find_pairs: bool) -> Locations:
        """The locations of the usable chips.

        Args:
            chips: chips as `assign_regions` gives them.
            find_pairs: whether to look for overlapping locations.
        """
        usable = chips[chips["drop_reason"] == ""]
        number, ids = pd.factorize(usable["location_id"], sort=True)
        strata = _strata(usable["richness"].groupby(number).mean().to_numpy())
        pairs = np.empty((0, 2), dtype=np.int64)
        if find_pairs:
            pairs = overlap.overlapping_pairs(usable.geometry, number)
        region = usable["region"].groupby(number).first().to_numpy(dtype=object)
        return cls(pd.Index(ids), location_centres(usable, number), strata, pairs, region)


@dataclass(frozen=True)
class Split:
    """How locations are grouped, and whether the subsets are kept apart."""

    name: str
    """Value of ``curate.split`` in the settings."""
    propose_groups: Callable[[Locations, Curate, np.random.Generator], Sequence[Integers]]
    """Function that proposes groupings of the locations, each an array (n,) of group numbers.

    All locations of a group go to the same subset. Of several groupings the one is taken under which the buffer keeps
    most locations."""
    buffered: bool
    """Whether a location is dropped from its subset when it overlaps one of another subset."""
    hold_out: Callable[[Locations, Curate], Flags] | None = None
    """Function that chooses the locations (n,) of the test subset; by default whole groups are drawn."""
    deal_folds: Callable[[Locations, Curate], Integers] | None = None
    """Function that tells in which fold's test subset each location (n,) is; by default whole groups are drawn."""


SPLITS: Registry[Split] = Registry("split")
"""All splits by name."""


def register(split: Split) -> Split:
    """Make a split known, and return it."""
    return SPLITS.register(split.name, split)


def find_split(name: str) -> Split:
    """The split of a name. Jobs call this before anything runs, to refuse settings that name an unknown split.

    Args:
        name: value of ``curate.split``.

    Raises:
        SettingsError: no split of this name is registered; the message lists those that are.
    """
    try:
        return SPLITS[name]
    except SettingsError as error:
        raise SettingsError(f"curate.split: {error}") from None


def _strata(richness: Floats) -> Integers:
    rich = richness[richness > 0]
    edges = np.unique(np.quantile(rich, np.arange(1, RICHNESS_STRATA) / RICHNESS_STRATA)) if len(rich) else np.empty(0)
    return np.where(richness > 0, 1 + np.searchsorted(edges, richness, side="right"), 0)
