"""Tables of deposits as text: CSV, or with another separator than the comma, with decimal points or commas.

The separator is the one that divides the first line into most fields. A row may have fewer fields than the header,
which are empty then, but not more: nobody knows which of them is the latitude.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Sequence
from typing import TextIO

import pandas as pd

from mineral_pipeline.errors import DataError
from mineral_pipeline.labelling.formats.content import read_content
from mineral_pipeline.labelling.formats.deposit_format import DEFAULT_FORMAT, DepositFormat, register
from mineral_pipeline.labelling.formats.sheet import Sheet, read_sheet
from mineral_pipeline.settings import DepositFile

ENCODINGS = ("utf-8", "cp1252")
"""Encodings that are tried, one after the other, where the settings name none."""

UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""First bytes of text in UTF-16."""

SEPARATORS = (",", ";", "\t", "|", "^", "~")
"""Separators of fields; where two divide the first line alike, the first of these."""

BYTE_ORDER_MARK = "\ufeff"


def read_delimited(file: DepositFile) -> pd.DataFrame:
    """Read a table of separated fields; see `DepositFormat.read` for the result.

    Its text is in the encoding of the settings; else in UTF-16 where it begins like that, in UTF-8, or in Windows-1252
    where that fails.

    Raises:
        DataError: the file lacks a coordinate column, has a row with more fields than the header, or another encoding.
        OSError, EOFError, ImportError, ValueError: it is absent or not such a table.
    """
    content = read_content(file.path)
    found = ("utf-16",) if content.startswith(UTF16_MARKS) else ENCODINGS
    return _decode(file, content, found if file.encoding is None else (file.encoding,))


def _decode(file: DepositFile, content: bytes, encodings: Sequence[str]) -> pd.DataFrame:
    """Read a table in the first of these encodings that it has, which is its attribute ``encoding``.

    Raises:
        DataError: it has none of them, or a row has more fields than the header.
        ValueError: it is no such table.
    """
    for encoding in encodings:
        try:
            table = _read_fields(file, io.TextIOWrapper(io.BytesIO(content), encoding, newline=""))
        except UnicodeError:
            continue
        table.attrs["encoding"] = encoding
        return table
    raise DataError(f"{file.path} is not text in {' or '.join(encodings)}: give its encoding in label.encoding")


def _read_fields(file: DepositFile, text: TextIO) -> pd.DataFrame:
    """Read the rows of a text.

    Raises:
        DataError: a row has more fields than the header.
        ValueError: it is no table.
    """
    start = text.read(1)
    first = start.removeprefix(BYTE_ORDER_MARK) + text.readline()
    while first and not first.strip():
        first = text.readline()
    separator = max(SEPARATORS, key=lambda one: len(_split(first, one)))
    text.seek(0)
    if start == BYTE_ORDER_MARK:
        text.read(1)
    reader = csv.reader(text, strict=True, delimiter=separator)
    surplus = (
        "put fields that hold a comma in quotation marks, and remove commas at the ends of rows"
        if separator == ","
        else f"put fields that hold {separator!r} in quotation marks, and remove those at the ends of rows"
    )
    try:
        return read_sheet(file, Sheet(enumerate(reader, start=1), surplus))
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from error


def _split(line: str, separator: str) -> list[str]:
    """The fields of a line; none where it is not one."""
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []


register(DepositFormat(name=DEFAULT_FORMAT, recognises=lambda path, header: True, read=read_delimited))
