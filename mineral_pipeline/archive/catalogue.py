"""From rows of the index to the catalogue: one product of each scene, assigned to shards."""

from __future__ import annotations

from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from mineral_pipeline.archive.rows import Listing, continuous_longitudes
from mineral_pipeline.errors import DataError
from mineral_pipeline.geometry import CRS
from mineral_pipeline.sensors import SENSORS
from mineral_pipeline.sensors.landsat import BUCKET, acquisition_days, product_folders, split_ids
from mineral_pipeline.workspace.identities import location_ids


@dataclass(frozen=True)
class Selection:
    """One product of each scene of a listing."""

    scenes: pd.DataFrame
    """Rows of the listing, the fields of their identifiers and the visits of their locations, sorted by path, row and
    date."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Number of rows dropped, by reason; those that the listing's checks dropped included."""


def select_scenes(listing: Listing, limit: int | None = None) -> Selection:
    """Select one product of each scene: the newest processing, at each of Level 1 and 2 where the listing has both.

    Args:
        listing: the products of the archive.
        limit: largest number of scenes, the first by path and row; None for all.

    Raises:
        DataError: no row of the listing is usable.
    """
    rows = pd.concat([listing.rows, split_ids(listing.rows["PRODUCT_ID"])], axis=1)
    rows["visits"] = _locations(rows).map(listing.visits)
    superseded = _is_superseded(rows)
    rows = rows[~superseded].sort_values(["path", "row", "acquired", "sensor"], ignore_index=True)
    dropped = {
        **listing.dropped,
        "older processing": int(superseded.sum()),
        "beyond the limit": max(len(rows) - limit, 0) if limit else 0,
    }
    dropped = {reason: count for reason, count in dropped.items() if count}
    if rows.empty:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in dropped.items())
        raise DataError(f"none of the {listing.matched:,} scenes that match is usable ({reasons}): fix archive.index")
    return Selection(rows.head(limit) if limit else rows, dropped)


def build_catalogue(scenes: pd.DataFrame, url: str, chips_per_shard: int) -> gpd.GeoDataFrame:
    """Build the catalogue: one row per scene.

    Args:
        scenes: scenes of a `Selection`.
        url: root of the archive, in place of the bucket in the index's BASE_URL.
        chips_per_shard: scenes in one shard, the unit of work.

    Returns:
        scene_id, location_id, product_id, sensor, path, row, acquired (ISO 8601), cloud_cover (percent, nan unknown),
        tier, level, visits (days on which the location was photographed, see `Listing`), base_url, shard, slot (index
        in the shard) and geometry: the box of the index in lon/lat, with longitudes that are continuous across 180
        degrees; None where unknown.
    """
    west, east = continuous_longitudes(scenes["WEST_LON"].to_numpy(), scenes["EAST_LON"].to_numpy())
    number = np.arange(len(scenes))
    columns = {
        "scene_id": scenes["PRODUCT_ID"],
        "location_id": _locations(scenes),
        "product_id": scenes["PRODUCT_ID"],
        "sensor": scenes["sensor"],
        "path": scenes["path"].astype("int64"),
        "row": scenes["row"].astype("int64"),
        "acquired": acquisition_days(scenes),
        "cloud_cover": scenes["CLOUD_COVER"].where(scenes["CLOUD_COVER"] >= 0),
        "tier": scenes["tier"],
        "level": scenes["level"],
        "visits": scenes["visits"].astype("int64"),
        "base_url": url.rstrip("/") + _places(scenes),
        "shard": number // chips_per_shard,
        "slot": number % chips_per_shard,
    }
    boxes = shapely.box(west, scenes["SOUTH_LAT"], east, scenes["NORTH_LAT"])
    boxes[np.isnan(west)] = None
    return gpd.GeoDataFrame(columns, geometry=boxes, crs=CRS)


def _locations(scenes: pd.DataFrame) -> pd.Series:
    early = [sensor.code for sensor in SENSORS.values() if sensor.wrs == 1]
    return location_ids(scenes["path"], scenes["row"], scenes["sensor"].isin(early))


def _places(scenes: pd.DataFrame) -> pd.Series:
    """Where products lie below the root of the archive: in the bucket's layout, unless their rows tell it."""
    if "BASE_URL" in scenes:
        return scenes["BASE_URL"].str.removeprefix(BUCKET)
    return "/" + product_folders(scenes["PRODUCT_ID"], scenes)


def _is_superseded(rows: pd.DataFrame) -> pd.Series:
    """Whether a later processing of the same scene is there; any other tier supersedes real time.

    Level 2 is made from Level 1 and is another product: neither supersedes the other.
    """
    newest_last = rows.assign(final=rows["tier"] != "RT", kind=rows["level"].str[:2]).sort_values(
        ["final", "collection", "processed", "tier", "PRODUCT_ID"],
        ascending=[True, True, True, False, True],
        kind="stable",
    )
    return newest_last.duplicated(["sensor", "path", "row", "acquired", "kind"], keep="last").reindex(rows.index)
