"""What a deposit format is, and how the format of a file is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyproj
from pyproj.exceptions import CRSError

from mineral_pipeline.errors import DataError, MineralPipelineError, one_line
from mineral_pipeline.labelling.formats.content import file_name, read_header
from mineral_pipeline.registry import Registry
from mineral_pipeline.settings import DepositFile

DEFAULT_FORMAT = "delimited"
"""Name of the format of files that no other format recognises."""

OPTIONAL_TEXTS = [
    "id", "name", "crs", "country", "commodities", "dataset", "year", "size", "status", "position_error",
]  # fmt: skip
"""Text columns that a format may leave out; they are empty then."""


@dataclass(frozen=True)
class DepositFormat:
    """A file format of deposit tables."""

    name: str
    """Name of the format."""
    recognises: Callable[[str, bytes], bool]
    """Tells from the path and the first bytes of a file, decompressed, whether it has this format."""
    read: Callable[[DepositFile], pd.DataFrame]
    """Reads a file from its local path or fsspec URL, compressed or not, into a table of deposit rows. Its argument
    holds the path and what the settings say of the file.

    The table has ``lon`` and ``lat``, and may have ``crs`` (reference system of lon and lat in any form that PROJ
    understands; empty: WGS 84), ``id``, ``name``, ``country``, ``commodities`` (names of the vocabulary, joined by
    ``;``), ``dataset`` (the source within the file, if there are several), ``row`` (number of the row in the file, to
    show in messages), ``open_mine`` (whether it is a large mine that is worked from the surface), ``year`` (of
    discovery), ``size``, ``status`` and ``position_error`` (in metres). Its ``attrs`` may have ``encoding`` (of a
    text), ``unread`` (columns that seem to hold commodities and are not read) and ``remarks`` (what else is to be
    told)."""


DEPOSIT_FORMATS: Registry[DepositFormat] = Registry("deposit format")
"""All deposit formats by name."""


def register(deposit_format: DepositFormat) -> DepositFormat:
    """Make a deposit format known, and return it."""
    return DEPOSIT_FORMATS.register(deposit_format.name, deposit_format)


def read_rows(file: DepositFile) -> pd.DataFrame:
    """Read the rows of a deposit table, in whatever format it is.

    Args:
        file: path or URL, and what the settings say of the table.

    Returns:
        One row per row of the file: text columns lon, lat, id, name, crs, country, commodities, dataset, year, size,
        status, position_error and source (file name); row, an integer; open_mine, a bool. The attributes are those that
        the format gives.

    Raises:
        DataError: the file is absent, cannot be read or lacks a coordinate column, or its reference system is unknown.
    """
    path = file.path
    try:
        if file.crs:
            pyproj.CRS.from_user_input(file.crs)
        table = _find_format(path).read(file)
    except MineralPipelineError:
        raise
    except CRSError:
        raise DataError(
            f"{path}: PROJ knows no reference system {one_line(repr(file.crs), 80)}: correct its crs"
        ) from None
    except Exception as error:  # readers of damaged files raise errors of any kind
        reason = getattr(error, "strerror", None) or one_line(error) or type(error).__name__
        known = ", ".join(DEPOSIT_FORMATS)
        raise DataError(
            f"{path} cannot be read ({reason}): give a table in one of the known formats ({known})"
        ) from error
    defaults: dict[str, Any] = dict.fromkeys(OPTIONAL_TEXTS, "")
    defaults |= {"row": np.arange(1, len(table) + 1), "open_mine": False, "source": file_name(path)}
    rows = pd.DataFrame(defaults | {column: table[column].array for column in table}, index=range(len(table)))
    texts = ["lon", "lat", *OPTIONAL_TEXTS, "source"]
    rows = rows[[*texts, "row", "open_mine"]].astype(dict.fromkeys(texts, "str")).fillna("")
    rows.attrs = table.attrs
    return rows


def _find_format(path: str) -> DepositFormat:
    header = read_header(path)
    own = DEPOSIT_FORMATS.extensions()  # come first: who registers a format means it for such files
    ordered = sorted(DEPOSIT_FORMATS.values(), key=lambda one: (one.name == DEFAULT_FORMAT, one.name not in own))
    return next(one for one in ordered if one.recognises(path, header))
