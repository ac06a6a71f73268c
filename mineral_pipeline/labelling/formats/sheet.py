"""Rows of fields, of a text or a workbook, as a table: the first that is not blank is the header."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from mineral_pipeline.errors import DataError
from mineral_pipeline.labelling.formats.columns import MAX_SAMPLED, find_layout, unread_commodities
from mineral_pipeline.labelling.formats.rows import to_rows
from mineral_pipeline.settings import DepositFile

SAMPLED_ROWS = 200
"""Rows of which other fields are kept too, to see whether a column that is not read holds commodities."""


@dataclass(frozen=True)
class Sheet:
    """Rows of fields."""

    rows: Iterable[tuple[int, list[str]]]
    """Number of each row in the file, as a message shows it, and its fields."""
    surplus: str
    """What to do about a row with more fields than the header, in the words of the format."""


def read_sheet(file: DepositFile, sheet: Sheet) -> pd.DataFrame:
    """Read the rows of a table that has a header; see `DepositFormat.read` for the result.

    Raises:
        DataError: a row has more fields than the header, or no column has coordinates.
        ValueError: there is no row.
    """
    numbers, sample, columns = list[int](), list[list[str]](), dict[str, list[str]]()
    header, layout, wanted = list[str](), None, list[tuple[int, list[str]]]()
    for number, fields in sheet.rows:
        if len(fields) < 2 and not "".join(fields).strip():  # a blank line
            continue
        if layout is None:
            header = [name.strip() for name in fields]
            layout = find_layout(header, file)
            columns = {name: [] for names in layout.values() for name in names}
            wanted = [(header.index(name), column) for name, column in columns.items()]
            continue
        if len(fields) > len(header):
            raise DataError(
                f"{file.path} has {len(fields)} fields in row {number} and {len(header)} in its header: {sheet.surplus}"
            )
        if len(fields) < len(header):
            fields += [""] * (len(header) - len(fields))
        numbers.append(number)
        for i, column in wanted:  # a list of each row would make the garbage collector look at all of them again
            column.append(fields[i])
        if len(sample) < SAMPLED_ROWS:
            sample.append(fields[:MAX_SAMPLED])
    if layout is None:
        raise ValueError("it is empty")
    table = pd.DataFrame(columns, index=numbers, dtype="str")
    table.attrs["unread"] = unread_commodities(header, sample, layout)
    return to_rows(table, layout, file)
