"""Which chips a task learns from: the study's rules, on sides that share no ground."""

from __future__ import annotations

import bisect
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from mineral_pipeline import settings
from mineral_pipeline.curation.splits.assignment import SplitAssignment, set_name
from mineral_pipeline.curation.splits.blocks import (
    SUBSETS,
    TEST,
    TRAIN,
    VALIDATION,
    Flags,
    Floats,
    Integers,
    overlapping,
)
from mineral_pipeline.errors import DataError

COLUMNS = [
    "sample", "subset", "drop_reason", "chip", "product_id", "location_id", "block", "label", "weight", "brightness",
    "n_deposits", "lon", "lat", "geometry",
]  # fmt: skip
DROPPED = "dropped"
TASKS: tuple[settings.Task, ...] = ("presence", "richness")

BINS = 10
"""Quantile bins of richness, at most."""
PLACES_PER_BIN = 6
"""Of the smallest side: with fewer, a bin's count says little."""
TOLERANCE = 0.05
"""Share of a side's samples that its fullest bins may hold beyond their due in the regression."""


@dataclass(frozen=True)
class SamplingTarget:
    """What a task asks of its chips."""

    label: Floats
    """(n,) target of every chip: 0 or 1, or richness in 0..1."""
    why: pd.Series
    """(n,) why a chip cannot be used, empty when it can."""
    kind: Integers
    """(n,) class of presence, or quantile bin of richness."""
    proportions: Floats
    """Share of every kind that each side should have."""
    tolerance: float
    """Share of a side's samples that may be of the wrong kind."""


def select(
    chips: gpd.GeoDataFrame, division: SplitAssignment, task: settings.Task, wanted: settings.Curate, seed: int
) -> gpd.GeoDataFrame:
    """The samples of a task: one row per chip with its side and place in that side's store, or why it is dropped.

    Test is settled first, then validation, then training: each gives up the places that share ground with those
    settled before, then the surplus of its kinds, round-robin over the places and the clearest images first.

    Raises:
        DataError: one class only, or a side with too few places.
    """
    aim = _presence(chips) if task == "presence" else _richness(chips, division, wanted)
    place = division.buckets.get_indexer(pd.Index(chips["location_id"]))
    why = aim.why.to_numpy(dtype=object).copy()
    rank = _clearness(chips, why == "")
    why[(why == "") & (rank >= (wanted.max_chips_per_location or len(chips)))] = "cloudier than max_chips_per_location"
    side, settled = np.where(place >= 0, division.subset[place], -1), np.zeros(len(division.buckets), dtype=bool)
    rng = np.random.default_rng([seed, 1 + TASKS.index(task)])
    sample = np.full(len(chips), -1)
    for current in (TEST, VALIDATION, TRAIN):
        usable = (why == "") & (side == current)
        guarded = usable & overlapping(division.pairs, settled)[place]
        why[guarded] = "shares ground with another side"
        usable &= ~guarded
        chosen = _draw(usable, aim, place, rank, rng)
        why[usable & ~chosen] = "surplus of its class" if task == "presence" else "surplus of its richness"
        settled[place[chosen]] = True
        sample[chosen] = rng.permutation(int(chosen.sum()))
    kept = sample >= 0
    samples = chips.assign(
        sample=sample, side=np.where(kept, np.array(SUBSETS, dtype=object)[side], DROPPED), why=why,
        block=np.where(place >= 0, division.block[place], -1), label=aim.label,
    )  # fmt: skip
    classes = aim.kind if task == "presence" else np.zeros_like(aim.kind)
    samples["weight"] = _weights(samples, classes)
    _refuse_few(samples, task, wanted.min_locations, set_name(task, division.fold))
    return samples[COLUMNS]


def _presence(chips: gpd.GeoDataFrame) -> SamplingTarget:
    """Half of each side has deposits; a place whose chips disagree is dropped."""
    why = chips["drop_reason"].where((chips["drop_reason"] != "") | ~_ambiguous(chips), "too few deposits to be sure")
    usable, present = why == "", chips["has_deposit"].astype(bool)
    share = present[usable].groupby(chips["location_id"]).mean().reindex(chips["location_id"]).to_numpy()
    why = why.where(~usable | np.isin(share, (0, 1)), "mixed labels in its place")
    left = present[why == ""]
    if left.nunique() < 2:
        which = "a deposit" if left.any() else "no deposit"
        raise DataError(
            f"presence: one class only: each of the {chips['location_id'][why == ''].nunique():,} usable places has {which}:"
            " widen the catalogue, check label.deposits, or set tasks: [richness]"
        )
    kind = present.to_numpy().astype(np.int64)
    return SamplingTarget(kind.astype(np.float64), why, kind, np.array([0.5, 0.5]), tolerance=0.0)


def _ambiguous(chips: gpd.GeoDataFrame) -> pd.Series:
    """Chips that are neither barren nor surely positive."""
    return chips["is_ambiguous"] if "is_ambiguous" in chips else pd.Series(False, index=chips.index)


def _richness(chips: gpd.GeoDataFrame, division: SplitAssignment, wanted: settings.Curate) -> SamplingTarget:
    """Every side has the richness distribution of all usable places, by quantile bins."""
    unused = (
        (chips["n_deposits"] == 0) if wanted.richness_samples == "positive" else pd.Series(False, index=chips.index)
    )
    why = chips["drop_reason"].where((chips["drop_reason"] != "") | ~unused, "no known deposit")
    usable = why == ""
    places = chips["richness"][usable].groupby(chips["location_id"]).mean()
    if places.empty:
        raise DataError("richness: no usable chip has a deposit: widen the catalogue or check label.deposits")
    sides = np.bincount(division.subset[division.buckets.get_indexer(places.index)], minlength=len(SUBSETS))
    bins = int(np.clip(sides.min() // PLACES_PER_BIN, 1, BINS))
    label = chips["richness"].to_numpy(np.float64)
    kind = np.searchsorted(np.unique(np.quantile(places, np.arange(1, bins) / bins)), label, side="right")
    # Every place counts alike: one that was photographed often does not decide what all sides should look like.
    by_place = 1 / chips[usable].groupby("location_id")["chip"].transform("size")
    return SamplingTarget(label, why, kind, np.bincount(kind[usable], weights=by_place) / len(places), TOLERANCE)


def _clearness(chips: gpd.GeoDataFrame, usable: Flags) -> Integers:
    """Rank of every chip in its place, from 0, the darkest (least cloudy) first; in band 7 clouds are bright."""
    clear_first = chips[usable].sort_values(["brightness", "chip"], na_position="last")
    rank = clear_first.groupby("location_id").cumcount()
    return np.asarray(rank.reindex(chips.index, fill_value=0), dtype=np.int64)


def _draw(usable: Flags, aim: SamplingTarget, place: Integers, rank: Integers, rng: np.random.Generator) -> Flags:
    """The chips of one side: its quota of each kind, a chip of every place before a second of any."""
    lot = rng.permutation(int(place.max(initial=-1)) + 1)
    order = np.lexsort((lot[place], rank))
    order = order[usable[order]]
    quotas = stratum_quotas(
        np.bincount(aim.kind[usable], minlength=len(aim.proportions)), aim.proportions, aim.tolerance
    )
    chosen = np.zeros(len(usable), dtype=bool)
    for kind, quota in enumerate(quotas):
        chosen[order[aim.kind[order] == kind][:quota]] = True
    return chosen


def stratum_quotas(available: Integers, proportions: Floats, tolerance: float) -> Integers:
    """How many of each kind to keep for the most samples with (nearly) the wanted proportions.

    Args:
        available: (k,) samples of each kind.
        proportions: (k,) wanted, of sum 1.
        tolerance: share of the samples by which kinds may fall short in all.

    Returns:
        (k,) at most ``available``.
    """

    def shortfall(total: int) -> float:
        return float(np.maximum(proportions - available / total, 0).sum())

    total = bisect.bisect_right(range(1, int(available.sum()) + 1), tolerance, key=shortfall)
    return np.minimum(available, np.floor(total * proportions + 0.5).astype(np.int64))


def _weights(samples: gpd.GeoDataFrame, classes: Integers) -> pd.Series:
    """Weights of mean 1 in each side: its classes count alike, and so do the places of a class; 0 when dropped."""
    kept = samples["sample"] >= 0
    keys = pd.DataFrame({"subset": samples["subset"], "class": classes, "location_id": samples["location_id"]})[kept]
    in_side = keys.groupby("subset")["class"].transform("size") / keys.groupby("subset")["class"].transform("nunique")
    places = keys.groupby(["subset", "class"])["location_id"].transform("nunique")
    in_place = keys.groupby(["subset", "location_id"])["location_id"].transform("size")
    weights: pd.Series = in_side / places / in_place
    return weights.reindex(samples.index, fill_value=0.0)


def count_locations(samples: gpd.GeoDataFrame, task: settings.Task) -> dict[str, dict[str, int]]:
    """Places of every side, by class: ``0`` and ``1`` of presence, ``all`` of richness."""
    names = samples["label"].astype(int).astype(str) if task == "presence" else pd.Series("all", index=samples.index)
    classes = ("0", "1") if task == "presence" else ("all",)
    counts = samples["location_id"].groupby([samples["subset"], names]).nunique()
    return {side: {name: int(counts.get((side, name), 0)) for name in classes} for side in SUBSETS}


def _refuse_few(samples: gpd.GeoDataFrame, task: settings.Task, wanted: settings.MinLocations, name: str) -> None:
    counts = count_locations(samples, task)
    for side, classes in counts.items():
        for kind, found in classes.items():
            needed = getattr(wanted, side)
            if found < needed:
                raise DataError(
                    f"{name}: {side} has {found} places of class {kind} and needs {needed} (all sides: {counts}):"
                    " widen the catalogue, change curate.block_size_km or the shares, or lower curate.min_locations"
                )
