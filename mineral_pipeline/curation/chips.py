"""Labelled chips, and the places (location buckets) that they show."""

from __future__ import annotations

from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from mineral_pipeline import geometry
from mineral_pipeline.curation import overlap
from mineral_pipeline.curation.overlap import Floats, Integers
from mineral_pipeline.errors import DataError
from mineral_pipeline.geometry import CRS
from mineral_pipeline.workspace import Workspace, artefacts

LABEL_COLUMNS = ["chip", "product_id", "location_id", "lon", "lat", "n_deposits", "has_deposit", "richness"]
FLAGS = ["is_ambiguous", "has_open_mine"]
"""Columns of labels that set chips apart: too few deposits to be sure of any; a large open mine."""


def read_chips(workspace: Workspace, *, drop_open_mines: bool = False) -> gpd.GeoDataFrame:
    """Every labelled chip with its footprint and brightness, and ``drop_reason`` it cannot be used (empty when it can).

    Args:
        workspace: where.
        drop_open_mines: chips that hold a large open mine cannot be used.

    Raises:
        DataError: no chip is labelled; or ``drop_open_mines`` and the labels do not say which chips hold one.
    """
    labels = workspace.read_table(artefacts.LABELS)
    if labels.empty:
        raise DataError(
            f"{workspace.uri(artefacts.LABELS)} holds no chips: no scene ended ok; see `mineral-pipeline status`"
        )
    if drop_open_mines and "has_open_mine" not in labels:
        raise DataError(f"{workspace.uri(artefacts.LABELS)} has no column has_open_mine: run label again")
    labels = labels.reindex(columns=[*LABEL_COLUMNS, *FLAGS], fill_value=False)  # tables from before there were marks
    images = workspace.read_table(artefacts.LEDGER, ["chip", "brightness", "geometry"])
    chips = gpd.GeoDataFrame(labels.merge(images, on="chip", validate="one_to_one"), geometry="geometry", crs=CRS)
    chips = chips.sort_values("chip", ignore_index=True)
    usable = np.isfinite(overlap.Polygons(geometry.vertex_array(chips.geometry)).normals).all(axis=(1, 2))
    mines = drop_open_mines & chips["has_open_mine"].to_numpy()
    chips["drop_reason"] = np.select([~usable, mines], ["no footprint", "a large open mine"], "")
    return chips


def find_locations(chips: gpd.GeoDataFrame, by: Literal["centre", "outline"] = "centre") -> gpd.GeoDataFrame:
    """The places of the usable chips: ``location_id``, and the mean of its footprints' centres or the hull of them all."""
    usable = chips[chips["drop_reason"] == ""]
    codes, buckets = pd.factorize(usable["location_id"], sort=True)
    if by == "outline":
        shapes = overlap.outlines(geometry.vertex_array(usable.geometry), codes)
    else:
        shapes = shapely.points(geometry.lonlat(location_centres(usable, codes)))
    return gpd.GeoDataFrame({"location_id": buckets}, geometry=shapes, crs=CRS)


def location_centres(chips: gpd.GeoDataFrame, place: Integers) -> Floats:
    """Unit vectors (p, 3) to the middle of the centres of the chips of every place, numbers (n,)."""
    sums = np.zeros((place.max(initial=-1) + 1, 3))
    np.add.at(sums, place, geometry.unit_vectors(chips[["lon", "lat"]].to_numpy(np.float64)))
    return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True))


def drop_locations(chips: gpd.GeoDataFrame, buckets: pd.Series, why: str) -> gpd.GeoDataFrame:
    """``chips`` with those of ``buckets`` marked as dropped; an earlier reason stays.

    Raises:
        DataError: no chip is left.
    """
    kept = chips["drop_reason"].where(~chips["location_id"].isin(buckets) | (chips["drop_reason"] != ""), why)
    if not (kept == "").any():
        raise DataError(f"no place is left: {kept.value_counts().to_dict()}: check curate.land and the catalogue")
    return chips.assign(drop_reason=kept)
