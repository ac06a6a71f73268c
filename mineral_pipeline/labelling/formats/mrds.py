"""CSV tables of deposits in the layout of MRDS (USGS, https://mrdata.usgs.gov/mrds/), or like it.

Columns are found by name: ``latitude`` and ``longitude`` (degrees; ``crs`` names their reference system, WGS 84 where
it is empty or absent), ``site_name`` or ``name``, ``dep_id``, ``mrds_id`` or ``record_id`` (with ``dataset``),
``country``, the commodities in ``commod1`` to ``commod3`` or ``commodities``, each a list, ``prod_size`` and
``oper_type``. Only the coordinates are required.
"""

from __future__ import annotations

from collections.abc import Iterable

import fsspec
import numpy as np
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


def read_mrds(path: str) -> pd.DataFrame:
    """Read a CSV table; see `DepositFormat.read` for the result.

    Args:
        path: local path or fsspec URL, compressed or not by its suffix.

    Raises:
        DataError: the file lacks a coordinate column.
        OSError, EOFError, ImportError, ValueError: it is absent or not CSV.
    """
    with fsspec.open(path, "rb", compression="infer") as file:
        table = pd.read_csv(file, dtype=str, na_filter=False, encoding="utf-8-sig", encoding_errors="replace")
    table.columns = table.columns.str.strip().str.lower()
    for column in ("latitude", "longitude"):
        if column not in table:
            raise DataError(f"label.deposits: {path} has no column {column}: give a table in the layout of MRDS")
    is_large = _first_of(table, ["prod_size"]).str.upper().isin(LARGE)
    is_open = _first_of(table, ["oper_type"]).str.contains(OPEN, case=False)
    return pd.DataFrame(
        {
            "id": _identifiers(table, file_name(path)),
            "name": _first_of(table, NAME_COLUMNS),
            "lon": table["longitude"].str.strip(),
            "lat": table["latitude"].str.strip(),
            "crs": _first_of(table, ["crs"]),
            "country": _first_of(table, ["country"]),
            "commodities": _commodities(table),
            "dataset": _first_of(table, ["dataset"]),
            "row": np.arange(2, len(table) + 2),  # row 1 is the header
            "open_mine": is_large & is_open,
        }
    )


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
