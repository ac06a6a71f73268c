"""The archive's index (CSV, usually gzip, gigabytes), streamed: only the rows that are wanted stay in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from mineral_pipeline import settings
from mineral_pipeline.archive.objects import why
from mineral_pipeline.archive.source import open_source
from mineral_pipeline.errors import ArchiveError, DataError

INDEX = "index.csv.gz"
"""Name of the index below the root of an archive."""

NUMBERS = ["WRS_PATH", "WRS_ROW", "CLOUD_COVER", "NORTH_LAT", "SOUTH_LAT", "WEST_LON", "EAST_LON"]
TEXTS = ["PRODUCT_ID", "SPACECRAFT_ID", "SENSOR_ID", "DATE_ACQUIRED", "COLLECTION_CATEGORY", "DATA_TYPE", "BASE_URL"]
BLOCK = 2**20  # bytes of CSV in memory at once


class Filter(NamedTuple):
    """One setting of `settings.Catalogue` that restricts the rows."""

    setting: str
    """Its name and value, for messages."""
    keeps: Callable[[pa.RecordBatch], Any]
    """From rows to a mask."""


def read_index(archive: settings.Archive, wanted: settings.Catalogue) -> pd.DataFrame:
    """The rows of an archive's index that the settings ask for.

    Args:
        archive: whose index.
        wanted: filters; ``limit`` is not one of them.

    Returns:
        The columns `TEXTS` as text and `NUMBERS` as float, nan where they cannot be read.

    Raises:
        ArchiveError: the archive or its index cannot be read.
        DataError: no row is left; the message names the setting that leaves none.
    """
    open_source(archive)
    place = archive.index or f"{archive.url.rstrip('/')}/{INDEX}"
    filters, parts, total = list(_filters(wanted)), [], 0
    left = dict.fromkeys((each.setting for each in filters), 0)
    with _naming(place), _open(place, archive) as stream:
        for batch in _batches(stream):
            total += len(batch)
            for setting, keeps in filters:
                batch = batch.filter(keeps(batch))
                left[setting] += len(batch)
            parts += [batch] if len(batch) else []
    if not total:
        raise DataError(f"index {place} lists no scene: mend archive.index or archive.url")
    if not parts:
        culprit = next(setting for setting, rows in left.items() if not rows)
        raise DataError(f"index {place}: none of {total:,} scenes is left by {culprit}: loosen that setting")
    table = pa.Table.from_batches(parts)
    frame: pd.DataFrame = table.to_pandas()
    return frame.assign(**{name: _numbers(table[name]) for name in NUMBERS})


def _filters(wanted: settings.Catalogue) -> Iterator[Filter]:
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
            f"catalogue.max_cloud_cover: {most:g}", lambda rows: pa.array(~(_numbers(rows["CLOUD_COVER"]) > most))
        )
    if wanted.bounds is not None:
        bounds = wanted.bounds
        yield Filter(f"catalogue.bounds: {list(bounds)}", lambda rows: pa.array(_intersects(rows, bounds)))


def _one_of(column: str, values: Sequence[str]) -> Callable[[pa.RecordBatch], Any]:
    allowed = pa.array(values, pa.string())
    return lambda rows: pc.is_in(rows[column], value_set=allowed)


def _intersects(rows: pa.RecordBatch, bounds: tuple[float, float, float, float]) -> np.ndarray:
    """Whether the boxes of ``rows`` meet ``bounds``, on the circle of longitudes; true for unknown boxes."""
    west, east = longitudes(_numbers(rows["WEST_LON"]), _numbers(rows["EAST_LON"]))
    south, north = _numbers(rows["SOUTH_LAT"]), _numbers(rows["NORTH_LAT"])
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


def _numbers(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Text as float64, nan where it is no number."""
    try:
        return np.asarray(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False))
    except pa.ArrowInvalid:  # one odd value; slower
        return np.asarray(pd.to_numeric(column.to_pandas(), errors="coerce"), float)


@contextmanager
def _naming(place: str) -> Iterator[None]:
    """Errors while reading name the index."""
    try:
        yield
    except KeyError as error:
        raise ArchiveError(f"index {place}: {' '.join(str(error).split())}") from error
    except (OSError, ValueError, ImportError) as error:
        raise ArchiveError(f"index {place} cannot be read: {why(error)}: mend archive.index or archive.url") from error


@contextmanager
def _open(place: str, archive: settings.Archive) -> Iterator[pa.NativeFile]:
    """A stream of the index's CSV."""
    same = fsspec.utils.get_protocol(place) == fsspec.utils.get_protocol(archive.url)
    options = archive.storage_options if same else {}
    compression = "gzip" if place.endswith(".gz") else None
    with fsspec.open(place, "rb", **options) as file, pa.input_stream(file, compression=compression) as stream:
        yield stream


def _batches(stream: pa.NativeFile) -> Iterator[pa.RecordBatch]:
    """Blocks of rows, every column as text: a listing has odd values, and few of its rows are wanted."""
    columns = TEXTS + NUMBERS
    yield from csv.open_csv(
        stream,
        read_options=csv.ReadOptions(block_size=BLOCK),
        convert_options=csv.ConvertOptions(
            include_columns=columns, column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=True
        ),
    )
