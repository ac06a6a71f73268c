"""What each task needs of its chips: targets, reasons to drop, and the strata that every subset is balanced by."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from mineral_pipeline.curation.splits.assignment import SplitAssignment
from mineral_pipeline.errors import DataError
from mineral_pipeline.geometry import Floats, Integers
from mineral_pipeline.learning import SUBSETS, TEST, Task, of_subject, subject_of
from mineral_pipeline.settings import Curate

MIXED, BARREN = "mixed labels in its location", "no known deposit"
"""Reasons why a chip is dropped: from presence, and from richness."""

MAX_BINS = 10
"""Largest number of quantile bins of richness."""

LOCATIONS_PER_BIN = 6
"""Locations of the smallest subset for each bin; with fewer, a bin's count says little."""

BIN_TOLERANCE = 0.05
"""Share of a subset's samples by which its fullest bins may exceed their due, in the regression."""


@dataclass(frozen=True)
class SamplingTarget:
    """What a task needs of its chips."""

    label: Floats
    """(n,) target of every chip: 0 or 1, or richness in 0..1."""
    drop_reason: pd.Series
    """(n,) why a chip cannot be used; empty when it can."""
    stratum: Integers
    """(n,) class of presence, or quantile bin of richness."""
    proportions: Floats
    """Share of each stratum that every subset should have."""
    tolerance: float
    """Share of a subset's samples that may be of the wrong stratum."""


def presence_target(chips: gpd.GeoDataFrame, task: Task, config: Curate) -> SamplingTarget:
    """Half of each subset has deposits; a location whose chips disagree is dropped."""
    earlier = chips["drop_reason"]
    ambiguous = _is_ambiguous(chips) & config.drop_ambiguous
    drop_reason = earlier.where((earlier != "") | ~ambiguous, "too few deposits to be sure")
    usable, present = drop_reason == "", chips["has_deposit"].astype(bool)
    share = present[usable].groupby(chips["location_id"]).mean().reindex(chips["location_id"]).to_numpy()
    drop_reason = drop_reason.where(~usable | np.isin(share, (0, 1)), MIXED)
    left = present[drop_reason == ""]
    if left.nunique() < 2:
        only = f"{'a' if left.any() else 'no'} deposit{of_subject(subject_of(task))}"
        n_usable = chips["location_id"][drop_reason == ""].nunique()
        raise DataError(
            f"{task}: one class only: each of the {n_usable:,} usable locations has {only}:"
            f" widen the catalogue, check label.deposits, or {_without(task)}"
        )
    stratum = present.to_numpy().astype(np.int64)
    return SamplingTarget(stratum.astype(np.float64), drop_reason, stratum, np.array([0.5, 0.5]), tolerance=0.0)


def _is_ambiguous(chips: gpd.GeoDataFrame) -> pd.Series:
    """Which chips have deposits, but too few to be surely positive."""
    return chips["is_ambiguous"] if "is_ambiguous" in chips else pd.Series(False, index=chips.index)


def _without(task: Task) -> str:
    """How to do without presence, in words."""
    return f"leave {task} out of tasks" if subject_of(task) else "set tasks: [richness]"


def richness_target(chips: gpd.GeoDataFrame, assignment: SplitAssignment, task: Task, config: Curate) -> SamplingTarget:
    """Every subset has the richness distribution of all usable locations, by quantile bins.

    Where whole regions are tested, these keep their own, and the other subsets have that of all other locations.
    """
    earlier = chips["drop_reason"]
    only_positive = config.richness_samples == "positive"
    unused = (chips["n_deposits"] == 0) if only_positive else pd.Series(False, index=chips.index)
    drop_reason = earlier.where((earlier != "") | ~unused, BARREN)
    alike = SUBSETS if assignment.is_like_others else SUBSETS[:TEST]
    subset_of = pd.Series(assignment.subset, index=assignment.locations.ids)
    usable = (drop_reason == "") & chips["location_id"].map(subset_of).isin(range(len(alike)))
    means = chips["richness"][usable].groupby(chips["location_id"]).mean()
    if means.empty:
        without = f", or leave {task} out of tasks" if subject_of(task) else ""
        raise DataError(
            f"{task}: no usable chip has a deposit{of_subject(subject_of(task))}: widen the catalogue or check"
            f" label.deposits{without}"
        )
    counts = np.bincount(subset_of[means.index], minlength=len(alike))
    bins = int(np.clip(counts.min() // LOCATIONS_PER_BIN, 1, MAX_BINS))
    label = chips["richness"].to_numpy(np.float64)
    stratum = np.searchsorted(np.unique(np.quantile(means, np.arange(1, bins) / bins)), label, side="right")
    # Every location counts alike: one with many chips does not decide what all subsets should look like.
    weight = 1 / chips[usable].groupby("location_id")["chip_id"].transform("size")
    proportions = np.bincount(stratum[usable], weights=weight) / len(means)
    return SamplingTarget(label, drop_reason, stratum, proportions, BIN_TOLERANCE)
