"""What product identifiers say, for many at once, and whether a row of an index agrees with its own."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from mineral_pipeline.sensors import SENSORS
from mineral_pipeline.sensors.landsat import BUCKET, PRODUCT_ID, acquisition_days, product_folders

Check = Callable[[pd.DataFrame], "pd.Series[bool]"]
"""From rows and the parts of their identifiers to those that are wrong."""


def _has_no_identifier(rows: pd.DataFrame) -> pd.Series:
    return ~rows["PRODUCT_ID"].str.fullmatch(PRODUCT_ID, na=False)


def _is_mismatched(rows: pd.DataFrame) -> pd.Series:
    """Whether the identifier contradicts its row: another satellite, sensor, place, day, level or tier."""
    spacecraft = rows["sensor"].map({code: sensor.spacecraft for code, sensor in SENSORS.items()})
    sensors = rows["sensor"].map({code: sensor.instrument for code, sensor in SENSORS.items()})
    agrees = (
        (spacecraft == rows["SPACECRAFT_ID"])
        & (sensors == rows["SENSOR_ID"])
        & (rows["path"].astype(float) == rows["WRS_PATH"])
        & (rows["row"].astype(float) == rows["WRS_ROW"])
        & (acquisition_days(rows) == rows["DATE_ACQUIRED"])
        & pd.to_datetime(rows["acquired"], format="%Y%m%d", errors="coerce").notna()
        & (rows["level"] == rows["DATA_TYPE"])
        & (rows["tier"] == rows["COLLECTION_CATEGORY"])
    )
    return ~agrees


def _is_elsewhere(rows: pd.DataFrame) -> pd.Series:
    """Whether the product lies in another folder than its own."""
    return rows["BASE_URL"].str.rstrip("/") != f"{BUCKET}/" + product_folders(rows["PRODUCT_ID"], rows)


IDENTITY: dict[str, Check] = {
    "no product identifier": _has_no_identifier,
    "stray identifier": _is_mismatched,
    "stray folder": _is_elsewhere,
}
"""What every row must be right about."""
