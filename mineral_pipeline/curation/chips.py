"""Labelled chips, and the locations that they show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from mineral_pipeline import geometry
from mineral_pipeline.curation import overlap
from mineral_pipeline.errors import DataError, WorkspaceError
from mineral_pipeline.geometry import CRS, Floats, Integers, SphericalPolygons
from mineral_pipeline.learning import subject_column
from mineral_pipeline.workspace import Workspace, artefacts, ledger
from mineral_pipeline.workspace.identities import KEYS
from mineral_pipeline.workspace.workspace import REPAIR

LABEL_COLUMNS = [
    *KEYS, "chip_index", "lon", "lat", "n_deposits", "has_deposit", "richness",
]  # fmt: skip
"""Columns of the labels that every chip has."""

FLAGS = ["is_ambiguous", "has_open_mine", "is_barren"]
"""Columns of the labels that set chips apart: too few deposits to be surely positive; a large open mine; an explored
place without a deposit, and no deposit."""


TARGETS = ["n_deposits", "has_deposit", "richness", "is_ambiguous"]
"""Columns of the labels that tell of every deposit what those of `subject_column` tell of a subject."""


def read_chips(
    workspace: Workspace, *, subjects: Sequence[str] = (), drop_open_mines: bool = False
) -> gpd.GeoDataFrame:
    """Read every labelled chip with its footprint and brightness.

    Args:
        workspace: the workspace.
        subjects: what tasks are about, as `about` needs it.
        drop_open_mines: whether chips that hold a large open mine are unusable.

    Returns:
        One row per chip in the order of ``chip_index``: `LABEL_COLUMNS`, `FLAGS`, ``brightness``, ``image_sha256``, the
        footprint, and ``drop_reason``, the reason why the chip cannot be used, empty when it can; and `TARGETS` of each
        of ``subjects``.

    Raises:
        DataError: no chip is labelled; the labels tell nothing of a subject; or ``drop_open_mines`` is set and they do
            not tell which chips hold one.
        WorkspaceError: a chip is labelled twice, or stands twice in the ledger.
    """
    labels = workspace.read_table(artefacts.LABELS)
    if labels.empty:
        raise DataError(
            f"{workspace.uri(artefacts.LABELS)} holds no chips: no scene ended ok; see `mineral-pipeline status`"
        )
    if drop_open_mines and "has_open_mine" not in labels:
        raise DataError(f"{workspace.uri(artefacts.LABELS)} has no column has_open_mine: run label again")
    targets = [subject_column(name, subject) for subject in subjects for name in TARGETS if subject]
    if missing := [name for name in targets if name not in labels]:
        raise DataError(f"{workspace.uri(artefacts.LABELS)} has no column {missing[0]}: run label again")
    labels = labels.reindex(columns=[*LABEL_COLUMNS, *FLAGS, *targets], fill_value=False)
    images = ledger.read(workspace, ["chip_id", "brightness", "image_sha256", "geometry"])
    for name, table in ((artefacts.LABELS, labels), (artefacts.LEDGER, images)):
        if not table["chip_id"].is_unique:  # a part stands in the place of another
            raise WorkspaceError(f"{workspace.uri(name)} holds a chip twice: {REPAIR}")
    chips = gpd.GeoDataFrame(labels.merge(images, on="chip_id", validate="one_to_one"), geometry="geometry", crs=CRS)
    chips = chips.sort_values("chip_index", ignore_index=True)
    usable = SphericalPolygons.of(chips.geometry).valid
    mines = drop_open_mines & chips["has_open_mine"].to_numpy()
    chips["drop_reason"] = np.select([~usable, mines], ["no footprint", "a large open mine"], "")
    return chips


def about(chips: gpd.GeoDataFrame, subject: str) -> gpd.GeoDataFrame:
    """Chips whose `TARGETS` tell of the deposits of a subject alone; a chip is barren where no deposit at all is known.

    Args:
        chips: chips as `read_chips` gives them with this subject.
        subject: what a task is about; the chips are as they were where it is empty.
    """
    if not subject:
        return chips
    return chips.assign(**{name: chips[subject_column(name, subject)] for name in TARGETS})


def find_locations(chips: gpd.GeoDataFrame, by: Literal["centre", "outline"] = "centre") -> gpd.GeoDataFrame:
    """The locations of the usable chips.

    Args:
        chips: chips as `read_chips` gives them.
        by: what the geometry is: the mean of the footprints' centres, or the hull of all footprints.

    Returns:
        ``location_id`` and the geometry, in the order of the keys.
    """
    usable = chips[chips["drop_reason"] == ""]
    number, location_ids = pd.factorize(usable["location_id"], sort=True)
    if by == "outline":
        shapes = overlap.outlines(usable.geometry, number)
    else:
        shapes = shapely.points(geometry.lonlat(location_centres(usable, number)))
    return gpd.GeoDataFrame({"location_id": location_ids}, geometry=shapes, crs=CRS)


def location_centres(chips: gpd.GeoDataFrame, location: Integers) -> Floats:
    """Mean (p, 3), of unit length, of the centres of the chips of each location, numbers (n,) as in `overlap`."""
    sums = np.zeros((location.max(initial=-1) + 1, 3))
    np.add.at(sums, location, geometry.unit_vectors(chips[["lon", "lat"]].to_numpy(np.float64)))
    return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True))


def drop_locations(chips: gpd.GeoDataFrame, location_ids: pd.Series, drop_reason: str) -> gpd.GeoDataFrame:
    """Mark the chips of some locations as dropped; an earlier reason stays.

    Args:
        chips: chips as `read_chips` gives them.
        location_ids: keys of the locations.
        drop_reason: why they are dropped.

    Raises:
        DataError: no chip is left.
    """
    return drop_chips(chips, chips["location_id"].isin(location_ids), drop_reason)


def drop_chips(chips: gpd.GeoDataFrame, dropped: pd.Series, drop_reason: str) -> gpd.GeoDataFrame:
    """Mark the chips (n,) of some flags as dropped, as `drop_locations` does."""
    reasons = chips["drop_reason"].where(~dropped | (chips["drop_reason"] != ""), drop_reason)
    if not (reasons == "").any():
        raise DataError(
            f"no location is left: {reasons.value_counts().to_dict()}: check curate.land, curate.exclude and the"
            " catalogue"
        )
    return chips.assign(drop_reason=reasons)
