"""The division of the places into sides: one split of train, validation and test, and folds for cross-validation."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from mineral_pipeline import geometry, settings
from mineral_pipeline.curation import overlap
from mineral_pipeline.curation.chips import location_centres
from mineral_pipeline.curation.splits import blocks

RICHNESS_STRATA = 3
"""Kinds of places with deposits that every side gets its share of."""


FOLDS = 100
"""Of the seed: beyond those of the split and of the tasks."""


@dataclass(frozen=True)
class SplitAssignment:
    """How the places are divided into sides, before the guard. The same for every task."""

    buckets: pd.Index
    """(n,) the places."""
    block: blocks.Integers
    """(n,) number of the block that a place lies in."""
    side: blocks.Integers
    """(n,) index into `blocks.SIDES`."""
    pairs: blocks.Integers
    """(k, 2) positions in ``buckets`` of places that must be kept apart because they share ground; none when
    ``split: buckets``, which does not keep them apart."""
    fold: int | None = None
    """Number of the fold, from 0; None for the split that is not one of a cross-validation."""


def set_name(task: str, fold: int | None) -> str:
    """What a task's samples are called below ``samples/``: ``presence``, or ``presence/fold-0`` of a fold."""
    return task if fold is None else f"{task}/fold-{fold}"


def make_split(chips: gpd.GeoDataFrame, wanted: settings.Curate, seed: int) -> SplitAssignment:
    """Divide the places of the usable chips into sides, each with its share of barren, poor and rich places."""
    survey = _Survey(chips, wanted)
    held_out = (1 - wanted.test_fraction) * wanted.validation_fraction
    shares = np.array([1 - wanted.test_fraction - held_out, held_out, wanted.test_fraction])
    rng = np.random.default_rng([seed, 0])
    if wanted.split == "buckets":
        split = blocks.split_buckets(survey.strata, shares, rng)
    else:
        split = blocks.split_blocks(survey.centres, survey.strata, survey.pairs, shares, wanted.block_size_km, rng)
    return SplitAssignment(survey.buckets, split.block, split.subset, survey.pairs)


def make_folds(chips: gpd.GeoDataFrame, wanted: settings.Curate, seed: int) -> list[SplitAssignment]:
    """Divide the places of the usable chips ``curate.folds`` times, so that each is in test once; none when unset."""
    if wanted.folds is None:
        return []
    survey = _Survey(chips, wanted)
    splits = blocks.split_folds(
        survey.centres, survey.strata, survey.pairs, wanted.folds, wanted.validation_fraction,
        None if wanted.split == "buckets" else wanted.block_size_km, np.random.default_rng([seed, FOLDS]),
    )  # fmt: skip
    return [SplitAssignment(survey.buckets, s.block, s.subset, survey.pairs, fold) for fold, s in enumerate(splits)]


class _Survey:
    """What is to be known of the places before they are divided."""

    def __init__(self, chips: gpd.GeoDataFrame, wanted: settings.Curate) -> None:
        usable = chips[chips["drop_reason"] == ""]
        codes, buckets = pd.factorize(usable["location_id"], sort=True)
        self.buckets, self.centres = pd.Index(buckets), location_centres(usable, codes)
        self.strata = _strata(usable["richness"].groupby(codes).mean().to_numpy())
        keep_apart = wanted.split == "blocks"
        self.pairs = (
            overlap.neighbours(geometry.vertex_array(usable.geometry), codes)
            if keep_apart
            else np.empty((0, 2), dtype=np.int64)
        )


def _strata(richness: blocks.Floats) -> blocks.Integers:
    """0 for places without deposits, then the quantile of the others."""
    rich = richness[richness > 0]
    edges = np.unique(np.quantile(rich, np.arange(1, RICHNESS_STRATA) / RICHNESS_STRATA)) if len(rich) else np.empty(0)
    return np.where(richness > 0, 1 + np.searchsorted(edges, richness, side="right"), 0)
