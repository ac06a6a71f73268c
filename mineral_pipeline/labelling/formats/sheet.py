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
    numbers, rows, sample = list[int](), list[list[str]](), list[list[str]]()
    header, layout, wanted = list[str](), None, dict[str, int]()
    for number, fields in sheet.rows:
        if len(fields) < 2 and not "".join(fields).strip():  # a blank line
            continue
        if layout is None:
            header = [name.strip() for name in fields]
            layout = find_layout(header, file)
            wanted = {name: header.index(name) for names in layout.values() for name in names}
            continue
        if len(fields) > len(header):
            raise DataError(
                f"{file.path} has {len(fields)} fields in row {number} and {len(header)} in its header: {sheet.surplus}"
            )
        fields += [""] * (len(header) - len(fields))
        numbers.append(number)
        rows.append([fields[i] for i in wanted.values()])
        if len(sample) < SAMPLED_ROWS:
            sample.append(fields[:MAX_SAMPLED])
    if layout is None:
        raise ValueError("it is empty")
    columns = dict(zip(wanted, zip(*rows, strict=True), strict=False))  # none where there is no row
    table = pd.DataFrame(columns, index=numbers, columns=list(wanted), dtype="str")
    table.attrs["unread"] = unread_commodities(header, sample, layout)
    return to_rows(table, layout, file)
