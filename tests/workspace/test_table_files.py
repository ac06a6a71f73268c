"""A damaged table is never parsed: every flip, cut and addition is seen; a column that lacks is named."""

from __future__ import annotations

import hashlib
import io

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import shapely

from mineral_pipeline.geometry import CRS
from mineral_pipeline.workspace import tables


@pytest.fixture(scope="module")
def content() -> bytes:
    shapes = gpd.GeoDataFrame({"a": [1, 2], "b": ["x", "y"]}, geometry=[shapely.box(0, 0, 1, 1)] * 2, crs=CRS)
    return tables.encode(shapes)


def test_other_readers_of_parquet_read_it(content: bytes) -> None:
    assert gpd.read_parquet(io.BytesIO(content))["a"].tolist() == [1, 2]
    assert pq.read_table(io.BytesIO(content))["b"].to_pylist() == ["x", "y"]


def test_every_flip_is_seen(content: bytes) -> None:
    rng = np.random.default_rng(0)
    for place in {*range(len(content) - 100, len(content)), *rng.integers(0, len(content), 400).tolist()}:
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(rng.integers(8))
        with pytest.raises(ValueError, match="is damaged"):
            tables.decode(bytes(damaged))


def test_every_cut_and_addition_is_seen(content: bytes) -> None:
    for damaged in (b"", content[:7], content[:-9], content[9:], content * 2, content + b"0"):
        with pytest.raises(ValueError, match="is damaged"):
            tables.decode_arrow(damaged, ["a"])


def test_a_table_of_another_program_is_refused() -> None:
    buffer = io.BytesIO()
    pd.DataFrame({"a": [1]}).to_parquet(buffer)
    with pytest.raises(ValueError, match="no table that this program has written"):
        tables.decode(buffer.getvalue())


def test_a_file_with_the_right_digest_that_is_no_table_is_refused() -> None:
    pages, footer = b"PAR1", b"no footer"
    trailer = len(footer).to_bytes(4, "little") + b"PAR1"
    seal = b"sha256:" + hashlib.sha256(pages + footer + trailer).hexdigest().encode()
    for decode in (tables.decode, tables.decode_arrow):
        with pytest.raises(ValueError, match=r"is no Parquet table that can be read \(\w+: "):
            decode(pages + seal + footer + trailer)


def test_a_column_that_lacks_is_named(content: bytes) -> None:
    for decode in (tables.decode, tables.decode_arrow):
        with pytest.raises(ValueError, match="has no column c"):
            decode(content, ["a", "c"])
