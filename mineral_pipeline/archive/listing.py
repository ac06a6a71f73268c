"""What an archive holds: from its index or, when it has none, from the names of its files."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import PurePosixPath

import obstore
import pandas as pd
import pyarrow as pa
from obstore.exceptions import BaseError

from mineral_pipeline import settings
from mineral_pipeline.archive.errors import MissingError
from mineral_pipeline.archive.filters import make_filters
from mineral_pipeline.archive.identifiers import IDENTITY
from mineral_pipeline.archive.index import INDEX, read_index
from mineral_pipeline.archive.objects import describe_error, is_local, local_path, open_store
from mineral_pipeline.archive.rows import INDEX_ONLY, Listing, filter_rows
from mineral_pipeline.archive.source import open_source
from mineral_pipeline.errors import ArchiveError, DataError, MineralPipelineError
from mineral_pipeline.sensors import SENSORS, Sensor
from mineral_pipeline.sensors.landsat import BUCKET, COLLECTIONS, acquisition_days, metadata_file, split_ids

DEPTH = 4
"""Folders above a product's: sensor, collection, path, row."""

PAGE = 1000  # objects that a store lists in one request, and products that become one batch


def find_products(
    archive: settings.Archive, wanted: settings.Catalogue, progress: Callable[[int, int], None] = lambda *_: None
) -> Listing:
    """The products that the settings ask for: of the archive's index or, when it has none, of the archive itself.

    Args:
        archive: where.
        wanted: filters; ``limit`` is not one of them.
        progress: told how many rows or products were read, and how many of them are wanted, so far.

    Raises:
        ArchiveError: the archive or its index cannot be read.
        DataError: nothing is left; the message names the setting that leaves nothing.
    """
    open_source(archive)
    try:
        return read_index(archive, wanted, progress)
    except MissingError:
        if archive.index is not None:
            raise
    return list_products(archive, wanted, progress)


def list_products(
    archive: settings.Archive, wanted: settings.Catalogue, progress: Callable[[int, int], None] = lambda *_: None
) -> Listing:
    """The products whose metadata file lies in the archive; their clouds and bounds are unknown.

    Args:
        archive: a folder, or a store that can be listed.
        wanted: filters.
        progress: told how many products were found, and how many of them are wanted, so far.

    Raises:
        ArchiveError: the archive cannot be listed.
        DataError: nothing is left, or the settings give bounds.
    """
    lacking = f"archive {archive.url} has no {INDEX}"
    if archive.url.startswith("http"):
        raise ArchiveError(f"{lacking}, and a web server cannot be listed: name an index in archive.index")
    if wanted.bounds is not None:
        raise DataError(f"{lacking}, which catalogue.bounds needs: name one in archive.index or remove the bounds")
    place = f"archive {archive.url} (listed, for it has no {INDEX})"
    listing = filter_rows(_batches(archive, wanted), list(make_filters(wanted)), IDENTITY, place, progress)
    return replace(listing, is_index=False)


def _batches(archive: settings.Archive, wanted: settings.Catalogue) -> Iterator[pa.RecordBatch]:
    """Rows as an index would have them, of the sensors that are wanted."""
    names = _local_names if is_local(archive.url) else _remote_names
    for code, sensor in SENSORS.items():
        for collection in COLLECTIONS if _asks_for(wanted, sensor) else ():
            products = _products(archive, names(archive, f"{code}/{collection}"))
            while page := list(islice(products, PAGE)):
                yield _rows(page, sensor)


def _asks_for(wanted: settings.Catalogue, sensor: Sensor) -> bool:
    by_spacecraft = sensor.spacecraft in (wanted.spacecraft or [sensor.spacecraft])
    return by_spacecraft and sensor.instrument in (wanted.sensors or [sensor.instrument])


def _products(archive: settings.Archive, names: Iterator[str]) -> Iterator[PurePosixPath]:
    """Folders that hold their own product's metadata file."""
    try:
        for name in names:
            path = PurePosixPath(name)
            if path.name == metadata_file(path.parent.name):
                yield path.parent
    except MineralPipelineError:
        raise
    except (BaseError, OSError) as error:
        raise ArchiveError(
            f"archive {archive.url} has no {INDEX} and cannot be listed: {describe_error(error)}: name an index in archive.index"
        ) from error


def _remote_names(archive: settings.Archive, folder: str) -> Iterator[str]:
    """Names of the objects below ``folder``, relative to the archive."""
    store, root = open_store(f"{archive.url.rstrip('/')}/", archive, archive.retries)
    for page in obstore.list(store, f"{root}{folder}", chunk_size=PAGE):
        yield from (item["path"].removeprefix(root) for item in page)


def _local_names(archive: settings.Archive, folder: str) -> Iterator[str]:
    """Names of the files in the products' folders below ``folder``, relative to the archive."""
    root = local_path(archive.url)
    top = os.path.join(root, folder)
    if not os.path.isdir(top):
        return
    for place, folders, files in os.walk(top, onerror=_refuse, followlinks=True):
        where = os.path.relpath(place, root)
        if where.count(os.sep) == DEPTH:
            folders.clear()
            yield from (f"{where}/{file}" for file in files)


def _refuse(error: OSError) -> None:
    """A folder that cannot be read is not passed over."""
    raise error


def _rows(products: list[PurePosixPath], sensor: Sensor) -> pa.RecordBatch:
    """The rows that an index would have of products in these folders."""
    identifiers = pd.Series([path.name for path in products], dtype="str")
    parts = split_ids(identifiers)
    columns = {
        "PRODUCT_ID": identifiers,
        "SPACECRAFT_ID": sensor.spacecraft,
        "SENSOR_ID": sensor.instrument,
        "DATE_ACQUIRED": acquisition_days(parts),
        "COLLECTION_CATEGORY": parts["tier"],
        "DATA_TYPE": parts["level"],
        "WRS_PATH": parts["path"],
        "WRS_ROW": parts["row"],
        "BASE_URL": [f"{BUCKET}/{path}" for path in products],
        **dict.fromkeys(INDEX_ONLY, math.nan),
    }
    return pa.RecordBatch.from_pandas(pd.DataFrame(columns), preserve_index=False)
