"""From rows of the index to the catalogue: strays dropped, the newest processing kept, chips numbered."""

from __future__ import annotations

from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from mineral_pipeline.archive.index import longitudes
from mineral_pipeline.errors import DataError
from mineral_pipeline.landsat import PRODUCT_ID
from mineral_pipeline.workspace import CRS

BUCKET = "gs://gcp-public-data-landsat"
"""Root of the archive in the index's BASE_URL, whatever the archive's own root."""

PARTS = ["sensor", "level", "path", "row", "acquired", "processed", "collection", "tier"]
SENSOR_LETTERS = {"TM": "T", "ETM": "E", "MSS": "M", "OLI_TIRS": "C", "OLI": "O", "TIRS": "T"}


@dataclass(frozen=True)
class Selection:
    """The scenes of a listing that are worth having."""

    scenes: pd.DataFrame
    """Rows of the index and the parts of their identifiers, by path, row and date."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Rows left out, by reason."""


def select_scenes(listing: pd.DataFrame, limit: int | None = None) -> Selection:
    """Leave out what is no scene of its own.

    Args:
        listing: rows as `read_index` gives them.
        limit: at most so many scenes, the first by path and row.

    Raises:
        DataError: nothing is left.
    """
    rows = pd.concat([listing, listing["PRODUCT_ID"].str.extract(f"^{PRODUCT_ID}$").set_axis(PARTS, axis=1)], axis=1)
    dropped: dict[str, int] = {}
    for reason, wrong in (
        ("no product identifier", lambda rows: rows["sensor"].isna()),
        ("stray identifier", _is_stray),
        ("stray folder", _is_elsewhere),
        ("no bounds", _is_boundless),
        ("older processing", _is_superseded),
    ):
        mask = wrong(rows)
        rows, dropped[reason] = rows[~mask], int(mask.sum())
    rows = rows.sort_values(["path", "row", "acquired", "sensor"], ignore_index=True)
    dropped["beyond the limit"] = max(len(rows) - limit, 0) if limit else 0
    dropped = {reason: count for reason, count in dropped.items() if count}
    if rows.empty:
        raise DataError(
            f"none of the index's {len(listing):,} scenes is usable ({_count(dropped)}): mend archive.index"
        )
    return Selection(rows.head(limit) if limit else rows, dropped)


def build_catalogue(scenes: pd.DataFrame, url: str, chips_per_shard: int) -> gpd.GeoDataFrame:
    """The catalogue: one row per scene, whose number is its chip.

    Args:
        scenes: as `select_scenes` leaves them.
        url: root of the archive, in place of the bucket.
        chips_per_shard: scenes in one shard, the unit of work.

    Returns:
        product_id, path, row, acquired (ISO 8601), cloud_cover (percent, nan unknown), tier, level, base_url,
        shard, slot (place in the shard) and geometry: the box of the index, lon/lat, continuous across 180 degrees.
    """
    west, east = longitudes(scenes["WEST_LON"].to_numpy(), scenes["EAST_LON"].to_numpy())
    chip = np.arange(len(scenes))
    columns = {
        "product_id": scenes["PRODUCT_ID"],
        "path": scenes["path"].astype("int64"),
        "row": scenes["row"].astype("int64"),
        "acquired": scenes["DATE_ACQUIRED"],
        "cloud_cover": scenes["CLOUD_COVER"].where(scenes["CLOUD_COVER"] >= 0),
        "tier": scenes["tier"],
        "level": scenes["level"],
        "base_url": f"{url.rstrip('/')}/" + _folders(scenes),
        "shard": chip // chips_per_shard,
        "slot": chip % chips_per_shard,
    }
    boxes = shapely.box(west, scenes["SOUTH_LAT"], east, scenes["NORTH_LAT"])
    return gpd.GeoDataFrame(columns, geometry=boxes, crs=CRS)


def _count(dropped: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in dropped.items())


def _folders(rows: pd.DataFrame) -> pd.Series:
    """Folder of each product, as `landsat.product_folder`."""
    return rows["sensor"] + "/" + rows["collection"] + "/" + rows["path"] + "/" + rows["row"] + "/" + rows["PRODUCT_ID"]


def _is_stray(rows: pd.DataFrame) -> pd.Series:
    """Whether the identifier contradicts its row: another satellite, sensor, place, day, level or tier."""
    sensor = "L" + rows["SENSOR_ID"].map(SENSOR_LETTERS) + "0" + rows["SPACECRAFT_ID"].str[-1]
    day = pd.to_datetime(rows["acquired"], format="%Y%m%d", errors="coerce")
    agrees = (
        (rows["sensor"] == sensor)
        & (rows["path"].astype(float) == rows["WRS_PATH"])
        & (rows["row"].astype(float) == rows["WRS_ROW"])
        & (day.dt.strftime("%Y-%m-%d") == rows["DATE_ACQUIRED"])
        & (rows["level"] == rows["DATA_TYPE"])
        & (rows["tier"] == rows["COLLECTION_CATEGORY"])
    )
    return ~agrees


def _is_elsewhere(rows: pd.DataFrame) -> pd.Series:
    """Whether the product lies in another folder than its own."""
    return rows["BASE_URL"].str.rstrip("/") != f"{BUCKET}/" + _folders(rows)


def _is_boundless(rows: pd.DataFrame) -> pd.Series:
    """Whether the box is absent or impossible."""
    latitudes = (rows["SOUTH_LAT"] >= -90) & (rows["SOUTH_LAT"] < rows["NORTH_LAT"]) & (rows["NORTH_LAT"] <= 90)
    edges = rows[["WEST_LON", "EAST_LON"]].abs().max(axis=1, skipna=False) <= 180
    return ~(latitudes & edges)


def _is_superseded(rows: pd.DataFrame) -> pd.Series:
    """Whether the same scene is there again, processed later; real time yields to any other tier."""
    newest_last = rows.assign(final=rows["tier"] != "RT").sort_values(
        ["final", "collection", "processed", "tier", "PRODUCT_ID"],
        ascending=[True, True, True, False, True],
        kind="stable",
    )
    return newest_last.duplicated(["sensor", "path", "row", "acquired"], keep="last").reindex(rows.index)
