"""The archive's index (CSV, usually gzip, gigabytes), read as a stream: only the rows that are kept stay in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import obstore
import pyarrow as pa
from obstore.exceptions import BaseError
from pyarrow import csv

from mineral_pipeline import settings
from mineral_pipeline.archive.errors import MissingError, describe_error, is_missing
from mineral_pipeline.archive.objects import is_local, local_path, open_store
from mineral_pipeline.archive.range_reader import open_remote
from mineral_pipeline.archive.retry import look_retries
from mineral_pipeline.archive.rows import (
    INDEX_CHECKS,
    NUMBERS,
    TEXTS,
    Listing,
    ProgressCallback,
    filter_rows,
)
from mineral_pipeline.archive.throttling import wait_for_turn
from mineral_pipeline.errors import ArchiveError, MineralPipelineError, one_line
from mineral_pipeline.sensors.landsat import INDEX

BLOCK_BYTES = 2**20
"""Bytes of CSV that become one batch of rows."""

BATCHES_PER_RELEASE = 64
"""Batches after which Arrow returns freed memory to the system; by itself it would keep 50 MB more."""


def read_index(
    archive: settings.Archive, config: settings.Catalogue, progress: ProgressCallback = lambda *_: None
) -> Listing:
    """Read the products of an archive's index that the settings ask for.

    Args:
        archive: settings of the archive.
        config: filters of the rows; ``limit`` is not one of them.
        progress: called after every block of the index.

    Raises:
        MissingError: there is no index.
        ArchiveError: the index cannot be read to its end.
        DataError: no row is left; the message names the setting that leaves none.
    """
    url = _url(archive)
    with _naming_errors(url), _open(url, archive) as stream:
        return filter_rows(_batches(stream), config, INDEX_CHECKS, f"index {url}", progress)


def check_readable(archive: settings.Archive) -> None:
    """Read the first bytes of an archive's index.

    Raises:
        MissingError: there is no index.
        ArchiveError: the index cannot be read, or is empty.
    """
    url = _url(archive)
    with _naming_errors(url):
        if is_local(url):
            with open(local_path(url), "rb") as file:
                first = file.read(1)
        else:
            trusted = _trusted(url, archive)
            store, key = open_store(url, trusted, look_retries(archive))
            wait_for_turn(trusted.requests_per_s)
            first = next(iter(obstore.get(store, key).stream(1)), b"")
        if not first:
            raise ArchiveError(f"index {url} is empty: fix archive.index or archive.url")


def _url(archive: settings.Archive) -> str:
    return archive.index or f"{archive.url.rstrip('/')}/{INDEX}"


@contextmanager
def _naming_errors(url: str) -> Iterator[None]:
    """A block whose errors name the index."""
    try:
        yield
    except MineralPipelineError:
        raise
    except KeyError as error:
        raise ArchiveError(f"index {url}: {one_line(error)}") from error
    except (OSError, ValueError, BaseError) as error:
        kind = MissingError if is_missing(error) else ArchiveError
        raise kind(f"index {url} cannot be read: {describe_error(error)}: fix archive.index or archive.url") from error


@contextmanager
def _open(url: str, archive: settings.Archive) -> Iterator[pa.NativeFile]:
    """Open the CSV of an index as a stream."""
    compression = "gzip" if url.endswith(".gz") else None
    if is_local(url):
        with pa.input_stream(local_path(url), compression=compression) as stream:
            yield stream
        return
    with (
        closing(open_remote(url, _trusted(url, archive))) as file,
        pa.input_stream(file, compression=compression) as stream,
    ):
        yield stream


def _trusted(url: str, archive: settings.Archive) -> settings.Archive:
    """Settings with which ``url`` is read: another host gets not the archive's credentials, and none of its limit."""
    if urlsplit(url)[:2] == urlsplit(archive.url)[:2]:
        return archive
    return archive.model_copy(update={"storage_options": {}, "anonymous": True, "requests_per_s": None})


def _batches(stream: pa.NativeFile) -> Iterator[pa.RecordBatch]:
    """Blocks of rows with every column as text: an index has odd values, and few of its rows are kept."""
    columns = TEXTS + NUMBERS
    batches = csv.open_csv(
        stream,
        read_options=csv.ReadOptions(block_size=BLOCK_BYTES),
        convert_options=csv.ConvertOptions(
            include_columns=columns, column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=True
        ),
    )
    for number, batch in enumerate(batches):
        if number % BATCHES_PER_RELEASE == 0:
            pa.default_memory_pool().release_unused()
        yield batch
