"""Tables as Parquet files that tell whether they are whole: bytes to and from data frames.

A digest of the file stands in it between its last column and its footer, where no reader looks. Parquet's own
checksums cover pages of columns, neither their names nor their places; and a damaged footer makes a reader do anything,
such as asking for gigabytes. So nothing is parsed before the digest is right.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

SEAL = re.compile(rb"sha256:([0-9a-f]{64})")
SEAL_BYTES = 71
TRAILER_BYTES = 8
"""The last bytes of a Parquet file: length of its footer, little-endian in 4 bytes, and ``PAR1``."""


def encode(table: pd.DataFrame) -> bytes:
    """The Parquet file of a table; a GeoDataFrame's is GeoParquet."""
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return _seal(buffer.getvalue())


def encode_arrow(parts: Sequence[pa.Table], metadata: Mapping[bytes, bytes]) -> bytes:
    """One Parquet file of the parts of a table, each as `decode_arrow` gives it, with further metadata."""
    table, buffer = _concatenate(parts), io.BytesIO()
    pq.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), **metadata}), buffer)
    return _seal(buffer.getvalue())


def _seal(content: bytes) -> bytes:
    """The Parquet file with its digest in it."""
    footer = _footer_start(content)
    return content[:footer] + b"sha256:" + hashlib.sha256(content).hexdigest().encode() + content[footer:]


def decode(content: bytes, columns: Sequence[str] | None = None) -> Any:
    """The (Geo)DataFrame of a file that `encode` made, or some of its columns.

    Raises:
        ValueError: the file is damaged or lacks a column; the message goes on after the file's name.
    """
    with _opened(content, columns) as file:
        metadata = file.schema_arrow.metadata or {}
        if b"geo" in metadata and (columns is None or "geometry" in columns):
            return gpd.read_parquet(io.BytesIO(content), columns=columns)
        return pd.read_parquet(io.BytesIO(content), columns=None if columns is None else list(columns))


def decode_plain(content: bytes) -> tuple[pd.DataFrame, frozenset[str]]:
    """The frame of a file, its shapes as the WKB that stands in it, and the names of the columns that hold shapes.

    To make shapes of WKB takes longer than all other columns together.

    Raises:
        ValueError: as in `decode`.
    """
    with _opened(content, None) as file:
        geo = (file.schema_arrow.metadata or {}).get(b"geo")
        if geo is None:
            return pd.read_parquet(io.BytesIO(content)), frozenset()
        return file.read(use_threads=False).to_pandas(), frozenset(json.loads(geo)["columns"])


def decode_arrow(content: bytes, columns: Sequence[str] | None = None) -> pa.Table:
    """A file, or some of its columns, as Arrow table; `to_frame` makes one frame of many.

    Raises:
        ValueError: as in `decode`.
    """
    with _opened(content, columns) as file:
        return file.read(None if columns is None else list(columns), use_threads=False)


def to_frame(parts: Sequence[pa.Table]) -> Any:
    """The (Geo)DataFrame of the parts of a table, each as `decode_arrow` gives it.

    Converting thousands of small ones one by one takes a hundred times as long.
    """
    table = _concatenate(parts)
    geo = (table.schema.metadata or {}).get(b"geo")
    frame = table.to_pandas()
    if geo is None:
        return frame
    described = json.loads(geo)
    name = described["primary_column"]
    if name not in frame:
        return frame
    # GeoParquet 1.1.0: WKB, and PROJJSON of the coordinate reference system
    shapes = gpd.GeoSeries.from_wkb(frame[name], crs=described["columns"][name]["crs"])
    return gpd.GeoDataFrame(frame.assign(**{name: shapes}), geometry=name)


def _concatenate(parts: Sequence[pa.Table]) -> pa.Table:
    """One table of many, whose GeoParquet metadata say of the shapes only what is true of all parts."""
    table = pa.concat_tables(parts, promote_options="permissive")
    metadata = dict(table.schema.metadata or {})
    if b"geo" in metadata:
        geo = json.loads(metadata[b"geo"])
        for column in geo["columns"].values():
            column.pop("bbox", None)
            column["geometry_types"] = []  # any: those of the first part are not those of all
        metadata[b"geo"] = json.dumps(geo).encode()
    return table.replace_schema_metadata(metadata)


@contextmanager
def _opened(content: bytes, columns: Sequence[str] | None) -> Iterator[pq.ParquetFile]:
    """A file whose digest is right and that has the columns."""
    _check_seal(content)
    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        missing = [name for name in columns or () if name not in file.schema_arrow.names]
        if not missing:
            yield file
    except Exception as error:  # whole, but made elsewhere: pyarrow raises a dozen kinds
        raise ValueError(f"is no Parquet table that can be read ({type(error).__name__}: {error})") from error
    if missing:
        raise ValueError(f"has no column {missing[0]}")


def _check_seal(content: bytes) -> None:
    footer = _footer_start(content)
    seal = SEAL.fullmatch(content, max(footer - SEAL_BYTES, 0), max(footer, 0))
    if seal is None:
        raise ValueError("is damaged (it is cut, or no table that this program has written)")
    digest = hashlib.sha256(content[: seal.start()])
    digest.update(content[footer:])
    if digest.hexdigest().encode() != seal[1]:
        raise ValueError("is damaged (its content has not the digest that stands in it)")


def _footer_start(content: bytes) -> int:
    """Place of the footer; below 0 where the content is no Parquet file."""
    return len(content) - TRAILER_BYTES - int.from_bytes(content[-TRAILER_BYTES:-4], "little")
