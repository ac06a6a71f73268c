"""Which chips a task learns from: the study's rules, on subsets that do not overlap."""

from __future__ import annotations

import bisect

import geopandas as gpd
import numpy as np
import pandas as pd

from mineral_pipeline.curation.effort import search_effort
from mineral_pipeline.curation.sampling_target import SamplingTarget, presence_target, richness_target
from mineral_pipeline.curation.splits.assignment import SplitAssignment, overlapping
from mineral_pipeline.errors import DataError
from mineral_pipeline.geometry import Flags, Floats, Integers
from mineral_pipeline.learning import (
    DROPPED,
    SUBSETS,
    TASKS,
    TEST,
    TRAIN,
    VALIDATION,
    Kind,
    Task,
    kind_of,
    of_subject,
    subject_of,
)
from mineral_pipeline.settings import Curate, MinLocations
from mineral_pipeline.workspace import artefacts
from mineral_pipeline.workspace.identities import KEYS

COLUMNS = [
    "sample", "subset", "drop_reason", *KEYS, "chip_index", "region", "group", "label", "weight",
    "brightness", "n_deposits", "image_sha256", "lon", "lat", "geometry",
]  # fmt: skip
"""Columns of ``samples.parquet``."""

IN_BUFFER = "shares ground with another subset"
"""Reason why the buffer drops a chip."""

SURPLUS: dict[Kind, str] = {"presence": "surplus of its class", "richness": "surplus of its richness"}
"""Reason why the balance of a task drops a chip."""


def select(
    chips: gpd.GeoDataFrame, assignment: SplitAssignment, task: Task, config: Curate, seed: int
) -> gpd.GeoDataFrame:
    """Select the samples of a task.

    Test is settled first, then validation, then training. Each subset drops the locations that overlap those settled
    before it, under a buffered split, then the surplus of its strata, unless classes are weighted. In a fold the others
    drop what overlaps any location of the test side, whether it is a sample or not. One chip of every location is kept
    before a second of any, and the clearest chips of a location first; of the locations without a deposit those first
    that were explored (``is_barren``), because they are surely negative.

    Args:
        chips: chips as `assign_regions` gives them, `about` the subject of the task.
        assignment: the subsets of the locations.
        task: the task.
        config: settings of curate.
        seed: seed of the random order.

    Returns:
        One row per chip with `COLUMNS`: its subset and its position ``sample`` in that subset's store, or -1 and the
        reason why it is dropped.

    Raises:
        DataError: there is one class only, or a subset has too few locations.
    """
    is_presence = kind_of(task) == "presence"
    target = presence_target(chips, task, config) if is_presence else richness_target(chips, assignment, task, config)
    location = assignment.locations.ids.get_indexer(pd.Index(chips["location_id"]))
    drop_reason = target.drop_reason.to_numpy(dtype=object).copy()
    rank = _clearness_rank(chips, drop_reason == "")
    too_cloudy = rank >= (config.max_chips_per_location or len(chips))
    drop_reason[(drop_reason == "") & too_cloudy] = "cloudier than max_chips_per_location"
    subset = np.where(location >= 0, assignment.subset[location], -1)
    settled = np.zeros(len(assignment.locations.ids), dtype=bool)
    explored = np.zeros(len(settled), dtype=bool)
    explored[location[(location >= 0) & chips.get("is_barren", pd.Series(False, chips.index)).to_numpy()]] = True
    rng = np.random.default_rng([seed, 1 + TASKS.index(kind_of(task))])
    sample = np.full(len(chips), -1)
    for current in (TEST, VALIDATION, TRAIN):
        usable = (drop_reason == "") & (subset == current)
        in_buffer = usable & overlapping(assignment.locations.pairs, settled)[location]
        drop_reason[in_buffer] = IN_BUFFER
        usable &= ~in_buffer
        # The first chip of every location, explored ones in front, else at random, then the second, and so on.
        lots = rng.permutation(int(location.max(initial=-1)) + 1)
        order = np.lexsort((lots[location], ~explored[location], rank))
        chosen = usable if _keeps_surplus(current, task, assignment, config) else _draw(usable, target, order)
        drop_reason[usable & ~chosen] = SURPLUS[kind_of(task)]
        settled[location[chosen]] = True
        if current == TEST and assignment.fold is not None:
            # The models of a fold also predict the locations of its side that are no samples.
            settled |= assignment.subset == TEST
        sample[chosen] = rng.permutation(int(chosen.sum()))
    samples = chips.assign(
        sample=sample, subset=np.where(sample >= 0, np.array(SUBSETS, dtype=object)[subset], DROPPED),
        drop_reason=drop_reason, group=np.where(location >= 0, assignment.group[location], -1), label=target.label,
    )  # fmt: skip
    samples["weight"] = _weigh(samples, target, task, config)
    _check_min_locations(samples, task, config.min_locations, artefacts.sample_set(task, assignment.fold))
    return samples[COLUMNS]


def _clearness_rank(chips: gpd.GeoDataFrame, usable: Flags) -> Integers:
    """Rank of every chip at its location, from 0, the darkest (least cloudy) first; in band 7 clouds are bright."""
    clear_first = chips[usable].sort_values(["brightness", "chip_index"], na_position="last")
    rank = clear_first.groupby("location_id").cumcount()
    return np.asarray(rank.reindex(chips.index, fill_value=0), dtype=np.int64)


def _keeps_surplus(subset: int, task: Task, assignment: SplitAssignment, config: Curate) -> bool:
    """Whether a subset keeps its surplus: regions that are tested keep their richness, weighted classes their chips."""
    if subset == TEST:
        return kind_of(task) == "richness" and not assignment.is_like_others
    return kind_of(task) == "presence" and config.balance == "weight"


def _draw(usable: Flags, target: SamplingTarget, order: Integers) -> Flags:
    """The chips of one subset: the quota of each stratum.

    Args:
        usable: (n,) which chips may be drawn.
        target: what the task needs.
        order: (n,) positions of the chips, those to draw first in front.

    Returns:
        (n,) flags.
    """
    order = order[usable[order]]
    available = np.bincount(target.stratum[usable], minlength=len(target.proportions))
    chosen = np.zeros(len(usable), dtype=bool)
    for stratum, quota in enumerate(stratum_quotas(available, target.proportions, target.tolerance)):
        chosen[order[target.stratum[order] == stratum][:quota]] = True
    return chosen


def stratum_quotas(available: Integers, proportions: Floats, tolerance: float) -> Integers:
    """How many samples of each stratum to keep, for the most samples with (nearly) the required proportions.

    Args:
        available: (k,) samples of each stratum.
        proportions: (k,) required proportions, of sum 1.
        tolerance: share of the samples by which strata may fall short in all.

    Returns:
        (k,) at most ``available``.
    """

    def shortfall(total: int) -> float:
        return float(np.maximum(proportions - available / total, 0).sum())

    total = bisect.bisect_right(range(1, int(available.sum()) + 1), tolerance, key=shortfall)
    return np.minimum(available, np.floor(total * proportions + 0.5).astype(np.int64))


def _weigh(samples: gpd.GeoDataFrame, target: SamplingTarget, task: Task, config: Curate) -> pd.Series:
    """Weights of the samples of a task."""
    if kind_of(task) == "richness":
        return _weights(samples, np.zeros_like(target.stratum))
    weights = _weights(samples, target.stratum)
    return _by_effort(samples.assign(weight=weights)) if config.negatives == "searched" else weights


def _weights(samples: gpd.GeoDataFrame, classes: Integers) -> pd.Series:
    """Weights of mean 1 in each subset: its classes count alike, and so do the locations of a class; 0 when dropped."""
    kept = samples["sample"] >= 0
    keys = pd.DataFrame({"subset": samples["subset"], "class": classes, "location_id": samples["location_id"]})[kept]
    by_subset = keys.groupby("subset")["class"]
    in_class = by_subset.transform("size") / by_subset.transform("nunique")
    locations = keys.groupby(["subset", "class"])["location_id"].transform("nunique")
    in_location = keys.groupby(["subset", "location_id"])["location_id"].transform("size")
    weights: pd.Series = in_class / locations / in_location
    return weights.reindex(samples.index, fill_value=0.0)


def _by_effort(samples: gpd.GeoDataFrame) -> pd.Series:
    """Weights of samples of presence, those of the negatives by the search effort around them.

    It is that of the places of their own subset, so that none tells of another. The negatives of a subset keep the
    sum of their weights; where nothing is known around any of them, each keeps its own.
    """
    weights: pd.Series = samples["weight"].copy()
    for subset in SUBSETS:
        kept = samples[samples["subset"] == subset]
        places = kept.groupby("location_id").agg({"lon": "first", "lat": "first", "n_deposits": "max"})
        found = search_effort(places[["lon", "lat"]].to_numpy(), places["n_deposits"].to_numpy())
        effort = pd.Series(found, index=places.index)
        negative = kept[kept["label"] == 0]
        before = weights[negative.index]
        after = before * effort.reindex(negative["location_id"]).to_numpy()
        if after.sum() > 0:
            weights[negative.index] = after * before.sum() / after.sum()
    return weights


def count_locations(samples: gpd.GeoDataFrame, task: Task) -> dict[str, dict[str, int]]:
    """Locations of every subset, by class: ``0`` and ``1`` of presence, ``all`` of richness."""
    is_presence = kind_of(task) == "presence"
    names = samples["label"].astype(int).astype(str) if is_presence else pd.Series("all", index=samples.index)
    classes = ("0", "1") if is_presence else ("all",)
    counts = samples["location_id"].groupby([samples["subset"], names]).nunique()
    return {subset: {name: int(counts.get((subset, name), 0)) for name in classes} for subset in SUBSETS}


def _check_min_locations(samples: gpd.GeoDataFrame, task: Task, minimum: MinLocations, sample_set: str) -> None:
    counts = count_locations(samples, task)
    for subset, classes in counts.items():
        for name, found in classes.items():
            needed = getattr(minimum, subset)
            if found < needed:
                raise DataError(
                    f"{sample_set}: {subset} has {found} locations of class {name} and needs {needed} (all subsets:"
                    f" {counts}){_how_rare(samples, task)}: widen the catalogue, change curate.block_size_km, the"
                    " fractions or curate.test_regions, or lower curate.folds or curate.min_locations"
                    f"{f', or leave {task} out of tasks' if subject_of(task) else ''}"
                )


def _how_rare(samples: gpd.GeoDataFrame, task: Task) -> str:
    """How many locations hold what a task about a commodity learns, in words: balance leaves out the others."""
    if not subject_of(task):
        return ""
    rich = samples["location_id"][samples["n_deposits"] > 0].nunique()
    return f"; {rich:,} of {samples['location_id'].nunique():,} locations hold a deposit{of_subject(subject_of(task))}"
