"""What product identifiers say, for many at once, and whether a row of an index agrees with its own."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from mineral_pipeline.landsat import PRODUCT_ID

BUCKET = "gs://gcp-public-data-landsat"
"""Root of the archive in the index's BASE_URL, whatever the archive's own root."""

SENSORS = {
    **{f"LM0{n}": (f"LANDSAT_{n}", "MSS") for n in (1, 2, 3, 4, 5)},
    **{f"LT0{n}": (f"LANDSAT_{n}", "TM") for n in (4, 5)},
    "LE07": ("LANDSAT_7", "ETM"),
    **{f"LC0{n}": (f"LANDSAT_{n}", "OLI_TIRS") for n in (8, 9)},
    **{f"LO0{n}": (f"LANDSAT_{n}", "OLI") for n in (8, 9)},
    **{f"LT0{n}": (f"LANDSAT_{n}", "TIRS") for n in (8, 9)},
}
"""SPACECRAFT_ID and SENSOR_ID by the beginning of a product's identifier."""

PARTS = {
    "sensor": (0, 4),
    "level": (5, 9),
    "path": (10, 13),
    "row": (13, 16),
    "acquired": (17, 25),
    "processed": (26, 34),
    "collection": (35, 37),
    "tier": (38, 40),
}
"""Where `landsat.PRODUCT_ID`, whose length is fixed, says what."""

Check = Callable[[pd.DataFrame], "pd.Series[bool]"]
"""From rows and the parts of their identifiers to those that are wrong."""


def cut(product_ids: pd.Series) -> pd.DataFrame:
    """The parts of product identifiers as text, by name."""
    return pd.DataFrame({name: product_ids.str.slice(*place) for name, place in PARTS.items()})


def acquired(parts: pd.DataFrame) -> pd.Series:
    """Day of acquisition in ISO 8601."""
    day = parts["acquired"].str
    return day[:4] + "-" + day[4:6] + "-" + day[6:]


def folders(product_ids: pd.Series, parts: pd.DataFrame) -> pd.Series:
    """Folder of each product below the root of the archive, as `landsat.product_folder`."""
    return parts["sensor"] + "/" + parts["collection"] + "/" + parts["path"] + "/" + parts["row"] + "/" + product_ids


def _has_no_identifier(rows: pd.DataFrame) -> pd.Series:
    return ~rows["PRODUCT_ID"].str.fullmatch(PRODUCT_ID, na=False)


def _is_stray(rows: pd.DataFrame) -> pd.Series:
    """Whether the identifier contradicts its row: another satellite, sensor, place, day, level or tier."""
    spacecraft, sensors = (rows["sensor"].map({code: pair[i] for code, pair in SENSORS.items()}) for i in (0, 1))
    agrees = (
        (spacecraft == rows["SPACECRAFT_ID"])
        & (sensors == rows["SENSOR_ID"])
        & (rows["path"].astype(float) == rows["WRS_PATH"])
        & (rows["row"].astype(float) == rows["WRS_ROW"])
        & (acquired(rows) == rows["DATE_ACQUIRED"])
        & pd.to_datetime(rows["acquired"], format="%Y%m%d", errors="coerce").notna()
        & (rows["level"] == rows["DATA_TYPE"])
        & (rows["tier"] == rows["COLLECTION_CATEGORY"])
    )
    return ~agrees


def _is_elsewhere(rows: pd.DataFrame) -> pd.Series:
    """Whether the product lies in another folder than its own."""
    return rows["BASE_URL"].str.rstrip("/") != f"{BUCKET}/" + folders(rows["PRODUCT_ID"], rows)


IDENTITY: dict[str, Check] = {
    "no product identifier": _has_no_identifier,
    "stray identifier": _is_stray,
    "stray folder": _is_elsewhere,
}
"""What every row must be right about."""
