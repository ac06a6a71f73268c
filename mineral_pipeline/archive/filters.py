"""The settings' filters on rows of an archive's index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mineral_pipeline import settings


class Filter(NamedTuple):
    """One setting of `settings.Catalogue` that restricts the rows."""

    setting: str
    """Its name and value, for messages."""
    keeps: Callable[[pa.RecordBatch], Any]
    """From rows to a mask."""


def make_filters(wanted: settings.Catalogue) -> Iterator[Filter]:
    """The filters that are set, the cheapest first."""
    lists: dict[str, tuple[str, Sequence[str]]] = {
        "spacecraft": ("SPACECRAFT_ID", wanted.spacecraft),
        "sensors": ("SENSOR_ID", wanted.sensors),
        "tiers": ("COLLECTION_CATEGORY", wanted.tiers),
        "levels": ("DATA_TYPE", wanted.levels),
    }
    for setting, (column, values) in lists.items():
        if values:
            yield Filter(f"catalogue.{setting}: {list(values)}", _one_of(column, values))
    if wanted.start is not None:
        start = wanted.start.isoformat()  # ISO dates sort as text
        yield Filter(f"catalogue.start: {start}", lambda rows: pc.greater_equal(rows["DATE_ACQUIRED"], start))
    if wanted.end is not None:
        end = wanted.end.isoformat()
        yield Filter(f"catalogue.end: {end}", lambda rows: pc.less_equal(rows["DATE_ACQUIRED"], end))
    if wanted.max_cloud_cover is not None:
        most = wanted.max_cloud_cover
        yield Filter(
            f"catalogue.max_cloud_cover: {most:g}", lambda rows: pa.array(~(numbers(rows["CLOUD_COVER"]) > most))
        )
    if wanted.bounds is not None:
        bounds = wanted.bounds
        yield Filter(f"catalogue.bounds: {list(bounds)}", lambda rows: pa.array(intersects(rows, bounds)))


def _one_of(column: str, values: Sequence[str]) -> Callable[[pa.RecordBatch], Any]:
    allowed = pa.array(values, pa.string())
    return lambda rows: pc.is_in(rows[column], value_set=allowed)


def intersects(rows: pa.RecordBatch, bounds: tuple[float, float, float, float]) -> np.ndarray:
    """Whether the boxes of ``rows`` meet ``bounds``, on the circle of longitudes; true for unknown boxes.

    Args:
        rows: of an index.
        bounds: west, south, east, north in degrees; west > east across the antimeridian.

    Returns:
        (n,) bool.
    """
    west, east = longitudes(numbers(rows["WEST_LON"]), numbers(rows["EAST_LON"]))
    south, north = numbers(rows["SOUTH_LAT"]), numbers(rows["NORTH_LAT"])
    width = bounds[2] - bounds[0] if bounds[2] >= bounds[0] else bounds[2] - bounds[0] + 360
    apart = (south > bounds[3]) | (north < bounds[1])
    apart |= ((bounds[0] - west) % 360 > east - west) & ((west - bounds[0]) % 360 > width)
    return ~apart


def longitudes(west: np.ndarray, east: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Western and eastern edges in degrees, made continuous: a box across the antimeridian ends beyond 180.

    An index may name the edges of such a box in either order; no scene is wider than half the globe.
    """
    wide = east - west > 180
    west, east = np.where(wide, east, west), np.where(wide, west, east)
    return west, np.where(east < west, east + 360, east)


def numbers(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """A column as float64, nan where its text is no number."""
    try:
        return np.asarray(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False))
    except pa.ArrowInvalid:  # one odd value; slower
        return np.asarray(pd.to_numeric(column.to_pandas(), errors="coerce"), float)
