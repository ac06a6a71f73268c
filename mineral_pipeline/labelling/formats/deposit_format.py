"""What a deposit format is, and how the format of a file is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import fsspec
import numpy as np
import pandas as pd

from mineral_pipeline.errors import DataError, MineralPipelineError, one_line
from mineral_pipeline.registry import Registry

HEADER_BYTES = 4096
"""Bytes at the beginning of a file from which its format is recognised."""

DEFAULT_FORMAT = "mrds"
"""Name of the format of files that no other format recognises."""

OPTIONAL_TEXTS = ["id", "name", "crs", "country", "commodities", "dataset"]
"""Text columns that a format may leave out; they are empty then."""


@dataclass(frozen=True)
class DepositFormat:
    """A file format of deposit tables."""

    name: str
    """Name of the format."""
    recognises: Callable[[str, bytes], bool]
    """Tells from the path and the first bytes of a file, decompressed, whether it has this format."""
    read: Callable[[str, str | None], pd.DataFrame]
    """Reads a file from its local path or fsspec URL, compressed or not, into a table of deposit rows. The second
    argument is the encoding of its text where the settings give one; None otherwise.

    The table has ``lon`` and ``lat``, and may have ``crs`` (reference system of lon and lat in any form that PROJ
    understands; empty: WGS 84), ``id``, ``name``, ``country``, ``commodities`` (names of the vocabulary, joined by
    ``;``), ``dataset`` (the source within the file, if there are several), ``row`` (number of the row in the file, to
    show in messages) and ``open_mine`` (whether it is a large mine that is worked from the surface). Its attribute
    ``encoding``, in ``attrs``, tells which encoding was found, of a text."""


DEPOSIT_FORMATS: Registry[DepositFormat] = Registry("deposit format")
"""All deposit formats by name."""


def register(deposit_format: DepositFormat) -> DepositFormat:
    """Make a deposit format known, and return it."""
    return DEPOSIT_FORMATS.register(deposit_format.name, deposit_format)


def read_rows(path: str, encoding: str | None = None) -> pd.DataFrame:
    """Read the rows of a deposit table, in whatever format it is.

    Args:
        path: local path or fsspec URL.
        encoding: of the text of the table; None where it is to be found out.

    Returns:
        One row per row of the file: text columns lon, lat, id, name, crs, country, commodities, dataset and source
        (file name); row, an integer; open_mine, a bool. The attributes are those that the format gives.

    Raises:
        DataError: the file is absent, cannot be read or lacks a coordinate column.
    """
    try:
        table = _find_format(path).read(path, encoding)
    except MineralPipelineError:
        raise
    except Exception as error:  # readers of damaged files raise errors of any kind
        reason = getattr(error, "strerror", None) or one_line(error)
        known = ", ".join(DEPOSIT_FORMATS)
        raise DataError(
            f"label.deposits: {path} cannot be read ({reason}): give a table in one of the known formats ({known})"
        ) from error
    defaults: dict[str, Any] = dict.fromkeys(OPTIONAL_TEXTS, "")
    defaults |= {"row": np.arange(1, len(table) + 1), "open_mine": False, "source": file_name(path)}
    rows = pd.DataFrame(defaults | {column: table[column].to_numpy() for column in table}, index=range(len(table)))
    texts = ["lon", "lat", *OPTIONAL_TEXTS, "source"]
    rows = rows[[*texts, "row", "open_mine"]].astype(dict.fromkeys(texts, "str")).fillna("")
    rows.attrs = table.attrs
    return rows


def file_name(path: str) -> str:
    """Last part of a path or URL."""
    return path.rstrip("/").rsplit("/", 1)[-1]


def _find_format(path: str) -> DepositFormat:
    with fsspec.open(path, "rb", compression="infer") as file:
        header = file.read(HEADER_BYTES)
    default_last = sorted(DEPOSIT_FORMATS.values(), key=lambda one: one.name == DEFAULT_FORMAT)
    return next(one for one in default_last if one.recognises(path, header))
