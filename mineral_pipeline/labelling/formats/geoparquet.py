"""Deposits in Parquet: GeoParquet with points, or a plain table whose columns have coordinates."""

from __future__ import annotations

import io

import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq

from mineral_pipeline.errors import DataError
from mineral_pipeline.labelling.formats.content import MAX_BYTES, read_content
from mineral_pipeline.labelling.formats.deposit_format import DepositFormat, register
from mineral_pipeline.labelling.formats.features import read_features
from mineral_pipeline.settings import DepositFile

MAGIC = b"PAR1"


def read_geoparquet(file: DepositFile) -> pd.DataFrame:
    """Read a Parquet file; see `DepositFormat.read` for the result.

    Raises:
        DataError: it is too large, has a geometry that is no point, or no coordinates.
        OSError, ValueError: it is absent or damaged.
    """
    content = read_content(file.path)
    footer = pq.ParquetFile(io.BytesIO(content)).metadata
    groups = [footer.row_group(number).total_byte_size for number in range(footer.num_row_groups)]
    if sum(groups) > MAX_BYTES:
        raise DataError(f"{file.path} has more than {MAX_BYTES:,} bytes, unpacked: divide it")
    if b"geo" not in (footer.metadata or {}):
        return read_features(pd.read_parquet(io.BytesIO(content)), file, "")
    table = gpd.read_parquet(io.BytesIO(content))
    return read_features(table, file, "" if table.crs is None else table.crs.to_string())


register(DepositFormat("geoparquet", lambda path, header: header.startswith(MAGIC), read_geoparquet))
