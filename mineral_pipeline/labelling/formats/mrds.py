"""CSV tables of deposits in the layout of MRDS (USGS, https://mrdata.usgs.gov/mrds/), or like it.

Columns are found by name: ``latitude`` and ``longitude`` (degrees; ``crs`` names their reference system, WGS 84 where
it is empty or absent), ``site_name`` or ``name``, ``dep_id``, ``mrds_id`` or ``record_id`` (with ``dataset``),
``country``, the commodities in ``commod1`` to ``commod3`` or ``commodities``, each a list, ``prod_size`` and
``oper_type``. Only the coordinates are required. A row may have fewer fields than the header, which are empty then, but
not more: nobody knows which of them is the latitude.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TextIO

import fsspec
import pandas as pd

from mineral_pipeline.errors import DataError
from mineral_pipeline.labelling.commodities import split_commodities
from mineral_pipeline.labelling.formats.deposit_format import DepositFormat, file_name, register

ID_COLUMNS, NAME_COLUMNS = ("dep_id", "mrds_id"), ("site_name", "name")
COMMODITY_COLUMNS = ("commod1", "commod2", "commod3", "commodities")

LARGE = ("L", "LARGE")
"""Values of ``prod_size`` (production size) of a large mine."""

OPEN = r"surface|open[ -]?(?:pit|cut|cast)|strip|quarry"
"""Values of ``oper_type`` (operation type) of a mine that is worked from the surface, at least in part."""


COLUMNS = (
    *ID_COLUMNS, *NAME_COLUMNS, *COMMODITY_COLUMNS,
    "latitude", "longitude", "crs", "country", "dataset", "record_id", "prod_size", "oper_type",
)  # fmt: skip
"""Columns that are read, whatever others there are."""

ENCODINGS = ("utf-8", "cp1252")
"""Encodings that are tried, one after the other, where the settings name none."""

BYTE_ORDER_MARK = "\ufeff"


def read_mrds(path: str, encoding: str | None = None) -> pd.DataFrame:
    """Read a CSV table; see `DepositFormat.read` for the result.

    Args:
        path: local path or fsspec URL, compressed or not by its suffix.
        encoding: of the text; where it is None, UTF-8, or Windows-1252 where that fails.

    Raises:
        DataError: the file lacks a coordinate column, has a row with more fields than the header, or another encoding.
        OSError, EOFError, ImportError, ValueError: it is absent or not CSV.
    """
    with fsspec.open(path, "rb", compression="infer") as file:
        content = file.read()
    table = _decode(path, content, ENCODINGS if encoding is None else (encoding,))
    for column in ("latitude", "longitude"):
        if column not in table:
            raise DataError(f"label.deposits: {path} has no column {column}: give a table in the layout of MRDS")
    is_large = _first_of(table, ["prod_size"]).str.upper().isin(LARGE)
    is_open = _first_of(table, ["oper_type"]).str.contains(OPEN, case=False)
    rows = {
        "id": _identifiers(table, file_name(path)),
        "name": _first_of(table, NAME_COLUMNS),
        "lon": table["longitude"].str.strip(),
        "lat": table["latitude"].str.strip(),
        "crs": _first_of(table, ["crs"]),
        "country": _first_of(table, ["country"]),
        "commodities": _commodities(table),
        "dataset": _first_of(table, ["dataset"]),
        "row": table.index,
        "open_mine": is_large & is_open,
    }
    found = pd.DataFrame(rows, index=table.index)
    found.attrs = table.attrs
    return found


def _decode(path: str, content: bytes, encodings: Sequence[str]) -> pd.DataFrame:
    """Read a CSV table in the first of these encodings that it has, which is its attribute ``encoding``.

    Raises:
        DataError: it has none of them, or a row has more fields than the header.
        ValueError: it is not CSV.
    """
    for encoding in encodings:
        try:
            table = _read_columns(path, io.TextIOWrapper(io.BytesIO(content), encoding, newline=""))
        except UnicodeDecodeError:
            continue
        table.attrs["encoding"] = encoding
        return table
    raise DataError(
        f"label.deposits: {path} is not text in {' or '.join(encodings)}: give its encoding in label.encoding"
    )


def _read_columns(path: str, text: TextIO) -> pd.DataFrame:
    """Read the `COLUMNS` of a CSV table; its index is the number of the row in the file, the header's being 1.

    Raises:
        DataError: a row has more fields than the header.
        ValueError: it is not CSV.
    """
    reader = csv.reader(text, strict=True)
    numbers, rows, header, wanted = [], [], list[str](), dict[str, int]()
    try:
        for number, fields in enumerate(reader, start=1):
            if len(fields) < 2 and not "".join(fields).strip():  # a blank line
                continue
            if not header:
                header = [name.strip().lower() for name in [fields[0].removeprefix(BYTE_ORDER_MARK), *fields[1:]]]
                wanted = {name: header.index(name) for name in COLUMNS if name in header}
                continue
            if len(fields) > len(header):
                raise DataError(
                    f"label.deposits: {path} has {len(fields)} fields in row {number} and {len(header)} in its header:"
                    " put fields that hold a comma in quotation marks, and remove commas at the ends of rows"
                )
            fields += [""] * (len(header) - len(fields))
            numbers.append(number)
            rows.append([fields[i] for i in wanted.values()])
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from error
    if not header:
        raise ValueError("it is empty")
    return pd.DataFrame(rows, index=numbers, columns=list(wanted), dtype="str")


def _first_of(table: pd.DataFrame, names: Iterable[str]) -> pd.Series[str]:
    """Return the first of these columns that the table has, trimmed; else empty text."""
    found = [name for name in names if name in table]
    return table[found[0]].str.strip() if found else pd.Series("", index=table.index, dtype="str")


def _identifiers(table: pd.DataFrame, source: str) -> pd.Series[str]:
    """Return identifiers of the rows; record numbers are unique within their data set, or their file, only."""
    found, dataset = _first_of(table, ID_COLUMNS), _first_of(table, ["dataset"])
    if any(name in table for name in ID_COLUMNS):
        return (dataset + "/" + found).where(dataset != "", found).where(found != "", "")
    found = _first_of(table, ["record_id"])
    return (dataset.where(dataset != "", source) + "/" + found).where(found != "", "")


def _commodities(table: pd.DataFrame) -> pd.Series[str]:
    """Return the commodities of all columns, in the vocabulary, joined by ``;``."""
    columns = [table[name] for name in COMMODITY_COLUMNS if name in table]
    if not columns:
        return pd.Series("", index=table.index, dtype="str")
    texts = columns[0]
    for column in columns[1:]:
        texts = texts + "," + column
    return texts.map({text: ";".join(split_commodities(text)) for text in texts.unique()}).astype("str")


register(DepositFormat(name="mrds", recognises=lambda path, header: True, read=read_mrds))
