"""Labelled chips, and the places (location buckets) that they show."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from mineral_pipeline import ledger, settings, sphere
from mineral_pipeline.curation import blocks, overlap
from mineral_pipeline.errors import DataError
from mineral_pipeline.workspace import CRS, LABELS, LEDGER, Workspace

LABEL_COLUMNS = ["chip", "product_id", "bucket", "lon", "lat", "n_deposits", "has_deposit", "richness"]
RICHNESS_STRATA = 3
"""Kinds of places with deposits that every side gets its share of."""


@dataclass(frozen=True)
class Division:
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


def read_chips(workspace: Workspace) -> gpd.GeoDataFrame:
    """Every labelled chip with its footprint and brightness, and ``why`` it cannot be used (empty when it can).

    Raises:
        DataError: no chip is labelled.
    """
    labels = workspace.read_table(LABELS, LABEL_COLUMNS)
    if labels.empty:
        raise DataError(f"{workspace.link(LABELS)} holds no chips: no scene ended ok; see `mineral-pipeline status`")
    images = workspace.read_table(LEDGER, ["chip", "brightness", "geometry"])
    chips = gpd.GeoDataFrame(labels.merge(images, on="chip", validate="one_to_one"), geometry="geometry", crs=CRS)
    chips = chips.sort_values("chip", ignore_index=True)
    usable = sphere.half_spaces(ledger.footprints(chips)).valid
    chips["why"] = np.where(usable, "", "no footprint")
    return chips


def find_places(chips: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The places of the usable chips: ``bucket`` and, as geometry, the mean of its footprints' centres."""
    usable = chips[chips["why"] == ""]
    codes, buckets = pd.factorize(usable["bucket"], sort=True)
    centres = np.zeros((len(buckets), 3))
    np.add.at(centres, codes, sphere.unit_vectors(usable[["lon", "lat"]].to_numpy(np.float64)))
    return gpd.GeoDataFrame({"bucket": buckets}, geometry=shapely.points(sphere.lonlat(centres)), crs=CRS)


def drop_places(chips: gpd.GeoDataFrame, buckets: pd.Series, why: str) -> gpd.GeoDataFrame:
    """``chips`` with those of ``buckets`` marked as dropped; an earlier reason stays.

    Raises:
        DataError: no chip is left.
    """
    kept = chips["why"].where(~chips["bucket"].isin(buckets) | (chips["why"] != ""), why)
    if not (kept == "").any():
        raise DataError(f"no place is left: {kept.value_counts().to_dict()}: check curate.land and the catalogue")
    return chips.assign(why=kept)


def divide(chips: gpd.GeoDataFrame, wanted: settings.Curate, seed: int) -> Division:
    """Divide the places of the usable chips into sides, each with its share of barren, poor and rich places."""
    usable = chips[chips["why"] == ""]
    codes, buckets = pd.factorize(usable["bucket"], sort=True)
    strata = _strata(usable["richness"].groupby(codes).mean().to_numpy())
    held_out = (1 - wanted.test_share) * wanted.validation_share
    shares = np.array([1 - wanted.test_share - held_out, held_out, wanted.test_share])
    rng = np.random.default_rng([seed, 0])
    if wanted.split == "buckets":
        split, pairs = blocks.split_buckets(strata, shares, rng), np.empty((0, 2), dtype=np.int64)
    else:
        pairs = overlap.neighbours(ledger.footprints(usable), codes)
        centres = sphere.unit_vectors(shapely.get_coordinates(find_places(usable).geometry))
        split = blocks.split_blocks(centres, strata, pairs, shares, wanted.block_km, rng)
    return Division(pd.Index(buckets), split.block, split.side, pairs)


def _strata(richness: blocks.Floats) -> blocks.Integers:
    """0 for places without deposits, then the quantile of the others."""
    rich = richness[richness > 0]
    edges = np.unique(np.quantile(rich, np.arange(1, RICHNESS_STRATA) / RICHNESS_STRATA)) if len(rich) else np.empty(0)
    return np.where(richness > 0, 1 + np.searchsorted(edges, richness, side="right"), 0)
