"""Deposits in a sheet of an Excel workbook (.xlsx, .xlsm): values as they are stored, no formula is computed."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import openpyxl
import pandas as pd

from mineral_pipeline.errors import DataError
from mineral_pipeline.labelling.formats.content import ZIP_MAGIC, check_members, read_content
from mineral_pipeline.labelling.formats.deposit_format import DepositFormat, register
from mineral_pipeline.labelling.formats.features import choose_layer
from mineral_pipeline.labelling.formats.sheet import Sheet, read_sheet
from mineral_pipeline.settings import DepositFile

OLD_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""First bytes of workbooks of 2003 and before, and of those with a password."""

MAX_ROWS, MAX_COLUMNS = 1_048_576, 16_384
"""Largest sheet of Excel; a file can say of a cell that it is beyond."""


def is_workbook(path: str, header: bytes) -> bool:
    """Whether a file is a workbook of Excel, of this or of an older kind."""
    is_zip = header.startswith(ZIP_MAGIC) and not path.lower().endswith(".zip")
    return is_zip or header.startswith(OLD_MAGIC)


def read_workbook(file: DepositFile) -> pd.DataFrame:
    """Read a sheet; see `DepositFormat.read` for the result.

    Raises:
        DataError: it is too large or of an old kind, has several sheets and none is named, a cell beyond its header,
            or no column with coordinates.
        OSError, ValueError, KeyError: it is absent or damaged.
    """
    content = read_content(file.path)
    if content.startswith(OLD_MAGIC):
        raise DataError(f"{file.path} is an old workbook, or has a password: save it as .xlsx without")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        check_members(archive, file.path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of styles and other things that are not read
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        sheet = book[choose_layer(file, [one.title for one in book.worksheets])]
        sheet.reset_dimensions()  # what the file says of them may be wrong
        rows = _fields(sheet.iter_rows(values_only=True))
        return read_sheet(file, Sheet(rows, "remove the cells beyond the header, or give them one"))


def _fields(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[int, list[str]]]:
    """Rows as texts with their numbers; without the empty cells at their ends, and without empty rows."""
    for number, row in enumerate(rows, start=1):
        if number > MAX_ROWS or len(row) > MAX_COLUMNS:
            raise ValueError(f"row {number} is beyond the sheets of Excel")
        fields = [_text(value) for value in row]
        while fields and not fields[-1].strip():
            fields.pop()
        if fields:
            yield number, fields


def _text(value: Any) -> str:
    """A value of a cell as text; a date as ISO 8601."""
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()
    return f"{value:.15g}" if isinstance(value, float) else str(value)


register(DepositFormat(name="workbook", recognises=is_workbook, read=read_workbook))
