"""The products of an archive: from its index or, when it has none, from the names of its files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
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
from mineral_pipeline.archive.local_products import MAX_DEPTH, Product, choose_products, find_local_products
from mineral_pipeline.archive.objects import is_local, local_path, open_store
from mineral_pipeline.archive.retry import client_retries
from mineral_pipeline.archive.rows import (
    ANYWHERE_CHECKS,
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

MAX_LISTED = 1_000_000
"""Objects of a store in no known layout after which it is not listed further."""

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
    """List the products of an archive; their clouds and bounds are unknown.

    Args:
        archive: settings of the archive: a folder of products in any layout (`find_local_products`), or a store that
            can be listed: in the bucket's layout, if its root has a folder of a sensor, or in any but tar files.
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
    if is_local(archive.url):
        with _naming_errors(archive):
            products, left_out = find_local_products(local_path(archive.url), source)
        listing = filter_rows(_pages(products), config, ANYWHERE_CHECKS, source, progress)
        return replace(listing, dropped={**listing.dropped, **left_out}, is_index=False)
    if not _has_sensor_folders(archive):
        with _naming_errors(archive):
            products, left_out = choose_products(_stored_files(archive), source, reads_tar=False)
        listing = filter_rows(_pages(products), config, ANYWHERE_CHECKS, source, progress)
        return replace(listing, dropped={**listing.dropped, **left_out}, is_index=False)
    codes = [code for code, sensor in SENSORS.items() if _is_selected(config, sensor)]
    chosen = (
        f"archive {archive.url} (listed below {'/, '.join(codes)}/, which catalogue.spacecraft and .sensors choose)"
    )
    listing = filter_rows(_stored_pages(archive, codes), config, IDENTITY_CHECKS, chosen, progress)
    return replace(listing, is_index=False)


def _stored_pages(archive: settings.Archive, codes: Iterable[str]) -> Iterator[pa.RecordBatch]:
    """Rows as an index would have them, of some sensors, in the bucket's layout."""
    for folder in (f"{code}/{collection}" for code in codes for collection in COLLECTIONS):
        with _naming_errors(archive):
            yield from _pages(_stored_products(archive, folder))


def _is_selected(config: settings.Catalogue, sensor: Sensor) -> bool:
    by_spacecraft = sensor.spacecraft in (config.spacecraft or [sensor.spacecraft])
    return by_spacecraft and sensor.instrument in (config.sensors or [sensor.instrument])


@contextmanager
def _naming_errors(archive: settings.Archive) -> Iterator[None]:
    """A block whose errors name the archive."""
    try:
        yield
    except MineralPipelineError:
        raise
    except (BaseError, OSError) as error:
        lacking = f"archive {archive.url} has no {INDEX} and cannot be listed"
        raise ArchiveError(f"{lacking}: {describe_error(error)}: name an index in archive.index") from error


def _has_sensor_folders(archive: settings.Archive) -> bool:
    """Whether a store is in the bucket's layout, by the folders in its root; then only those wanted are listed."""
    store, root = open_store(f"{archive.url.rstrip('/')}/", archive, client_retries(archive))
    with _naming_errors(archive):
        wait_for_turn(archive.requests_per_s)
        prefixes = obstore.list_with_delimiter(store, root)["common_prefixes"]
    return any(prefix.removeprefix(root).strip("/") in SENSORS for prefix in prefixes)


def _stored_files(archive: settings.Archive) -> Iterator[tuple[str, str]]:
    """Folder below the root, and name, of every file of a store that is not deeper than products lie.

    Raises:
        DataError: there are more than `MAX_LISTED`.
    """
    store, root = open_store(f"{archive.url.rstrip('/')}/", archive, client_retries(archive))
    listed = 0
    wait_for_turn(archive.requests_per_s)
    for page in obstore.list(store, root, chunk_size=PAGE_SIZE):
        listed += len(page)
        if listed > MAX_LISTED:
            raise DataError(
                f"{archive.url} has no {INDEX}, no folder of a sensor and more than {MAX_LISTED:,} objects: name an"
                " index in archive.index, or the folder of the products in archive.url"
            )
        for item in page:
            folder, _, name = item["path"].removeprefix(root).rpartition("/")
            if folder.count("/") < MAX_DEPTH:
                yield folder, name
        wait_for_turn(archive.requests_per_s)


def _stored_products(archive: settings.Archive, folder: str) -> Iterator[Product]:
    """Products below a folder of a store whose metadata file lies in a folder of their name."""
    store, root = open_store(f"{archive.url.rstrip('/')}/", archive, client_retries(archive))
    wait_for_turn(archive.requests_per_s)
    for page in obstore.list(store, f"{root}{folder}", chunk_size=PAGE_SIZE):
        for item in page:
            path = PurePosixPath(item["path"].removeprefix(root))
            if path.name == metadata_file(path.parent.name):
                yield Product(path.parent.name, str(path.parent))
        wait_for_turn(archive.requests_per_s)


def _pages(products: Iterable[Product]) -> Iterator[pa.RecordBatch]:
    """Rows as an index would have them, a page at a time."""
    remaining = iter(products)
    while page := list(islice(remaining, PAGE_SIZE)):
        yield _rows(page)


def _rows(products: Sequence[Product]) -> pa.RecordBatch:
    """The rows that an index would have of products."""
    identifiers = pd.Series([product.product_id for product in products], dtype="str")
    parts = split_ids(identifiers)
    columns = {
        "PRODUCT_ID": identifiers,
        "SPACECRAFT_ID": parts["sensor"].map({code: sensor.spacecraft for code, sensor in SENSORS.items()}),
        "SENSOR_ID": parts["sensor"].map({code: sensor.instrument for code, sensor in SENSORS.items()}),
        "DATE_ACQUIRED": acquisition_days(parts),
        "COLLECTION_CATEGORY": parts["tier"],
        "DATA_TYPE": parts["level"],
        "WRS_PATH": parts["path"],
        "WRS_ROW": parts["row"],
        "BASE_URL": [f"{BUCKET}/{product.place}".rstrip("/") for product in products],
        **dict.fromkeys(INDEX_ONLY, math.nan),
    }
    return pa.RecordBatch.from_pandas(pd.DataFrame(columns), preserve_index=False)
