"""The archive's index (CSV, usually gzip, gigabytes), streamed: only the rows that are wanted stay in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import pandas as pd
import pyarrow as pa
from obstore.exceptions import BaseError
from pyarrow import csv

from mineral_pipeline import settings
from mineral_pipeline.archive.errors import MissingError
from mineral_pipeline.archive.filters import make_filters
from mineral_pipeline.archive.identifiers import IDENTITY
from mineral_pipeline.archive.objects import describe_error, is_local, is_missing, local_path
from mineral_pipeline.archive.range_reader import open_remote
from mineral_pipeline.archive.rows import NUMBERS, TEXTS, Listing, filter_rows
from mineral_pipeline.errors import ArchiveError, MineralPipelineError

INDEX = "index.csv.gz"
"""Name of the index below the root of an archive."""

BLOCK = 2**20  # bytes of CSV that become one batch of rows
TIDY = 64  # batches after which Arrow gives freed memory back; left alone, it holds 50 MB more


def read_index(
    archive: settings.Archive, wanted: settings.Catalogue, progress: Callable[[int, int], None] = lambda *_: None
) -> Listing:
    """The scenes of an archive's index that the settings ask for.

    Args:
        archive: whose index.
        wanted: filters; ``limit`` is not one of them.
        progress: told, block by block, how many rows were read, and how many of them are wanted, so far.

    Raises:
        Missing: there is no index.
        ArchiveError: it cannot be read to its end.
        DataError: no row is left; the message names the setting that leaves none.
    """
    place = archive.index or f"{archive.url.rstrip('/')}/{INDEX}"
    checks = IDENTITY | {"no bounds": _is_boundless}
    with _naming(place), _open(place, archive) as stream:
        return filter_rows(_batches(stream), list(make_filters(wanted)), checks, f"index {place}", progress)


@contextmanager
def _naming(place: str) -> Iterator[None]:
    """Errors while reading name the index."""
    try:
        yield
    except MineralPipelineError:
        raise
    except KeyError as error:
        raise ArchiveError(f"index {place}: {' '.join(str(error).split())}") from error
    except (OSError, ValueError, BaseError) as error:
        kind = MissingError if is_missing(error) else ArchiveError
        raise kind(
            f"index {place} cannot be read: {describe_error(error)}: mend archive.index or archive.url"
        ) from error


@contextmanager
def _open(place: str, archive: settings.Archive) -> Iterator[pa.NativeFile]:
    """A stream of the index's CSV. What opens the archive is not shown to another host."""
    compression = "gzip" if place.endswith(".gz") else None
    if is_local(place):
        with pa.input_stream(local_path(place), compression=compression) as stream:
            yield stream
        return
    if urlsplit(place)[:2] != urlsplit(archive.url)[:2]:
        archive = archive.model_copy(update={"storage_options": {}, "anonymous": True})
    with closing(open_remote(place, archive)) as file, pa.input_stream(file, compression=compression) as stream:
        yield stream


def _batches(stream: pa.NativeFile) -> Iterator[pa.RecordBatch]:
    """Blocks of rows, every column as text: a listing has odd values, and few of its rows are wanted."""
    columns = TEXTS + NUMBERS
    batches = csv.open_csv(
        stream,
        read_options=csv.ReadOptions(block_size=BLOCK),
        convert_options=csv.ConvertOptions(
            include_columns=columns, column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=True
        ),
    )
    for number, batch in enumerate(batches):
        if number % TIDY == 0:
            pa.default_memory_pool().release_unused()
        yield batch


def _is_boundless(rows: pd.DataFrame) -> pd.Series:
    """Whether the box is absent or impossible."""
    latitudes = (rows["SOUTH_LAT"] >= -90) & (rows["SOUTH_LAT"] < rows["NORTH_LAT"]) & (rows["NORTH_LAT"] <= 90)
    edges = rows[["WEST_LON", "EAST_LON"]].abs().max(axis=1, skipna=False) <= 180
    return ~(latitudes & edges)
