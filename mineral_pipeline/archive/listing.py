"""The products of an archive: from its index or, when it has none, from the names of its files."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import PurePosixPath

import obstore
import pandas as pd
import pyarrow as pa
from obstore.exceptions import BaseError

from mineral_pipeline import settings
from mineral_pipeline.archive.errors import MissingError, describe_error
from mineral_pipeline.archive.index import read_index
from mineral_pipeline.archive.objects import is_local, local_path, open_store
from mineral_pipeline.archive.retry import client_retries
from mineral_pipeline.archive.rows import (
    IDENTITY_CHECKS,
    INDEX_ONLY,
    Listing,
    ProgressCallback,
    filter_rows,
)
from mineral_pipeline.archive.source import open_source
from mineral_pipeline.archive.throttling import wait_for_turn
from mineral_pipeline.errors import ArchiveError, DataError, MineralPipelineError
from mineral_pipeline.sensors import SENSORS, Sensor
from mineral_pipeline.sensors.landsat import BUCKET, COLLECTIONS, INDEX, acquisition_days, metadata_file, split_ids

DEPTH = 4
"""Folders above a product's: sensor, collection, path, row."""

PAGE_SIZE = 1000
"""Objects that a store lists in one request, and products that become one batch."""


def find_products(
    archive: settings.Archive, config: settings.Catalogue, progress: ProgressCallback = lambda *_: None
) -> Listing:
    """Find the products that the settings ask for, in the archive's index or, when it has none, by listing it.

    Args:
        archive: settings of the archive.
        config: filters of the products; ``limit`` is not one of them.
        progress: called after every block of the index, or page of the listing.

    Raises:
        ArchiveError: the archive or its index cannot be read.
        DataError: nothing is left; the message names the setting that leaves nothing.
    """
    open_source(archive)
    try:
        return read_index(archive, config, progress)
    except MissingError:
        if archive.index is not None:
            raise
    return list_products(archive, config, progress)


def list_products(archive: settings.Archive, config: settings.Catalogue, progress: ProgressCallback) -> Listing:
    """List the products whose metadata file lies in an archive; their clouds and bounds are unknown.

    Args:
        archive: settings of the archive: a folder, or a store that can be listed.
        config: filters of the products.
        progress: called after every page of the listing.

    Raises:
        ArchiveError: the archive cannot be listed.
        DataError: nothing is left, or the settings give bounds.
    """
    lacking = f"archive {archive.url} has no {INDEX}"
    if archive.url.startswith("http"):
        raise ArchiveError(f"{lacking}, and a web server cannot be listed: name an index in archive.index")
    if config.bounds is not None:
        raise DataError(f"{lacking}, which catalogue.bounds needs: name one in archive.index or remove the bounds")
    source = f"archive {archive.url} (listed, for it has no {INDEX})"
    listing = filter_rows(_batches(archive, config), config, IDENTITY_CHECKS, source, progress)
    return replace(listing, is_index=False)


def _batches(archive: settings.Archive, config: settings.Catalogue) -> Iterator[pa.RecordBatch]:
    """Rows as an index would have them, of the sensors that the settings ask for."""
    names = _local_names if is_local(archive.url) else _remote_names
    for code, sensor in SENSORS.items():
        for collection in COLLECTIONS if _is_selected(config, sensor) else ():
            products = _products(archive, names(archive, f"{code}/{collection}"))
            while page := list(islice(products, PAGE_SIZE)):
                yield _rows(page, sensor)


def _is_selected(config: settings.Catalogue, sensor: Sensor) -> bool:
    by_spacecraft = sensor.spacecraft in (config.spacecraft or [sensor.spacecraft])
    return by_spacecraft and sensor.instrument in (config.sensors or [sensor.instrument])


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
        lacking = f"archive {archive.url} has no {INDEX} and cannot be listed"
        raise ArchiveError(f"{lacking}: {describe_error(error)}: name an index in archive.index") from error


def _remote_names(archive: settings.Archive, folder: str) -> Iterator[str]:
    """Names of the objects below ``folder``, relative to the archive."""
    store, root = open_store(f"{archive.url.rstrip('/')}/", archive, client_retries(archive))
    wait_for_turn(archive.requests_per_s)
    for page in obstore.list(store, f"{root}{folder}", chunk_size=PAGE_SIZE):
        yield from (item["path"].removeprefix(root) for item in page)
        wait_for_turn(archive.requests_per_s)


def _local_names(archive: settings.Archive, folder: str) -> Iterator[str]:
    """Names of the files in the products' folders below ``folder``, relative to the archive."""
    root = local_path(archive.url)
    top = os.path.join(root, folder)
    if not os.path.isdir(top):
        return
    for path, folders, files in os.walk(top, onerror=_refuse, followlinks=True):
        relative = os.path.relpath(path, root)
        if relative.count(os.sep) == DEPTH:
            folders.clear()
            yield from (f"{relative}/{file}" for file in files)


def _refuse(error: OSError) -> None:
    """Raise the error of a folder that cannot be read, which `os.walk` would pass over."""
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
