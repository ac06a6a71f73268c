"""The assignment of locations to training, validation and test under any split, and to folds for cross-validation."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np

from mineral_pipeline.curation.splits.split import Locations, find_split
from mineral_pipeline.geometry import Flags, Floats, Integers
from mineral_pipeline.learning import SUBSETS, TEST, TRAIN, VALIDATION
from mineral_pipeline.settings import Curate

SPLIT_STREAM, FOLDS_STREAM = 0, 100
"""Random streams of the seed; those from 1 on are the tasks'."""

MIN_KEPT_FRACTION = 0.1
"""Smallest kept fraction of a subset that the second attempt makes good."""


@dataclass(frozen=True)
class SplitAssignment:
    """The subset of every location, before the buffer. It is the same for every task."""

    locations: Locations
    """The n locations."""
    group: Integers
    """(n,) number of the group, which the split keeps together."""
    subset: Integers
    """(n,) index into `SUBSETS`."""
    is_like_others: bool
    """Whether the test subset should have the same richness as the others; whole regions have their own."""
    fold: int | None = None
    """Number of the fold, from 0; None for the split that is not one of a cross-validation."""


def make_split(chips: gpd.GeoDataFrame, config: Curate, seed: int) -> SplitAssignment:
    """Assign the locations of the usable chips to subsets, each with its share of barren, poor and rich locations.

    Of the proposed groupings the one is taken under which the buffer keeps most locations: of the subset and stratum
    of which it keeps least, then of all.

    Raises:
        SettingsError: ``curate.split`` names an unknown split.
        DataError: the split cannot divide these locations.
    """
    split = find_split(config.split)
    locations = Locations.of(chips, find_pairs=split.buffered)
    held_out = (1 - config.test_fraction) * config.validation_fraction
    fractions = np.array([1 - config.test_fraction - held_out, held_out, config.test_fraction])
    in_test = split.hold_out(locations, config) if split.hold_out else None
    rng = np.random.default_rng([seed, SPLIT_STREAM])
    candidates = []
    for group in split.propose_groups(locations, config, rng):
        subset = _assign_subsets(group, locations.strata, fractions, rng, in_test)
        candidates.append(SplitAssignment(locations, group, subset, in_test is None))
        if split.buffered:
            raised = _compensated_fractions(subset, locations.pairs, fractions)
            subset = _assign_subsets(group, locations.strata, raised, rng, in_test)
            candidates.append(SplitAssignment(locations, group, subset, in_test is None))
    return max(candidates, key=lambda candidate: _kept_fractions(candidate, fractions))


def make_folds(chips: gpd.GeoDataFrame, config: Curate, seed: int) -> list[SplitAssignment]:
    """Assign the locations of the usable chips ``curate.folds`` times, so that each is in test once; none when unset.

    Of the proposed groupings the one is taken under which the fold of which the buffer keeps least keeps most.

    Raises:
        SettingsError: ``curate.split`` names an unknown split.
    """
    if config.folds is None:
        return []
    split = find_split(config.split)
    locations = Locations.of(chips, find_pairs=split.buffered)
    rng, folds, strata = np.random.default_rng([seed, FOLDS_STREAM]), range(config.folds), locations.strata
    even = np.full(len(folds), 1 / len(folds))
    groupings = split.propose_groups(locations, config, rng)
    dealt = split.deal_folds(locations, config) if split.deal_folds else None
    candidates = [(group, assign_groups(group, strata, even, rng) if dealt is None else dealt) for group in groupings]

    def worst_kept(candidate: tuple[Integers, Integers]) -> float:
        in_test = (np.where(candidate[1] == fold, TEST, TRAIN) for fold in folds)
        return min(float(outside_buffer(subset, locations.pairs).mean()) for subset in in_test)

    group, fold_of = max(candidates, key=worst_kept)
    fractions = np.array([1 - config.validation_fraction, config.validation_fraction, 0])
    return [
        SplitAssignment(
            locations, group, _assign_subsets(group, strata, fractions, rng, fold_of == fold), dealt is None, fold
        )
        for fold in folds
    ]


def _assign_subsets(
    group: Integers, strata: Integers, fractions: Floats, rng: np.random.Generator, in_test: Flags | None
) -> Integers:
    """`assign_groups` to the three subsets; where the test subset is given, to the other two."""
    if in_test is None:
        return assign_groups(group, strata, fractions, rng)
    subset, rest = np.full(len(group), TEST), fractions[:TEST] / fractions[:TEST].sum()
    subset[~in_test] = assign_groups(group[~in_test], strata[~in_test], rest, rng)
    return subset


def assign_groups(group: Integers, strata: Integers, fractions: Floats, rng: np.random.Generator) -> Integers:
    """Assign whole groups of locations to subsets, greedily and in random order.

    The target of a subset is its fraction of every stratum. Each step minimises the squared distance from the targets,
    summed over subsets and strata.

    Args:
        group: (n,) number of the group of each location.
        strata: (n,) number of the stratum of each location.
        fractions: (s,) fraction of the locations that each subset should get.
        rng: source of the random order.

    Returns:
        (n,) index of the subset of each location.
    """
    _, group = np.unique(group, return_inverse=True)
    _, strata = np.unique(strata, return_inverse=True)
    content = np.zeros((group.max(initial=-1) + 1, strata.max(initial=-1) + 1))
    np.add.at(content, (group, strata), 1)
    content /= content.sum(axis=0)
    missing = np.repeat(fractions[:, None], content.shape[1], axis=1)
    subset = np.empty(len(content), dtype=np.int64)
    for number in rng.permutation(len(content)):
        # Of |missing - content|^2 - |missing|^2 only this depends on the subset.
        subset[number] = np.argmax(missing @ content[number])
        missing[subset[number]] -= content[number]
    return subset[group]


def overlapping(pairs: Integers, locations: Flags) -> Flags:
    """Which locations overlap one of some locations.

    Args:
        pairs: (k, 2) positions of locations whose footprints overlap.
        locations: (n,) flags of the locations in question.

    Returns:
        (n,) flags.
    """
    a, b = pairs.T
    overlaps = np.zeros(len(locations), dtype=bool)
    overlaps[a[locations[b]]] = True
    overlaps[b[locations[a]]] = True
    return overlaps


def outside_buffer(subset: Integers, pairs: Integers) -> Flags:
    """Which locations (n,) stay: validation drops those that overlap test, training those that overlap either.

    Args:
        subset: (n,) index into `SUBSETS`.
        pairs: (k, 2) positions of locations whose footprints overlap.
    """
    kept: Flags = subset == TEST
    for other in (VALIDATION, TRAIN):
        kept |= (subset == other) & ~overlapping(pairs, kept)
    return kept


def _compensated_fractions(subset: Integers, pairs: Integers, fractions: Floats) -> Floats:
    """Fractions under which each subset is left with its fraction, if the buffer drops the same share of it again."""
    kept = outside_buffer(subset, pairs)
    left = [kept[subset == number].mean() if (subset == number).any() else 1.0 for number in range(len(SUBSETS))]
    raised = fractions / np.maximum(left, MIN_KEPT_FRACTION)
    return np.asarray(raised / raised.sum())


def _kept_fractions(assignment: SplitAssignment, fractions: Floats) -> tuple[float, float]:
    """Smallest part of its target that a subset keeps of a stratum (at most 1), then the part of all locations kept."""
    kept = outside_buffer(assignment.subset, assignment.locations.pairs)
    _, strata = np.unique(assignment.locations.strata, return_inverse=True)
    target = fractions[:, None] * np.bincount(strata)
    left = np.zeros_like(target)
    np.add.at(left, (assignment.subset[kept], strata[kept]), 1)
    return float(np.minimum(left / target, 1).min(initial=1)), float(kept.mean())
