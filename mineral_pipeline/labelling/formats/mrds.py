"""CSV tables of deposits in the layout of MRDS (USGS, https://mrdata.usgs.gov/mrds/), or like it.

Columns are found by name: ``latitude`` and ``longitude`` (degrees; ``crs`` names their reference system, WGS 84 where
it is empty or absent), ``site_name`` or ``name``, ``dep_id``, ``mrds_id`` or ``record_id`` (with ``dataset``),
``country``, the commodities in ``commod1`` to ``commod3`` or ``commodities``, each a list, ``prod_size`` and
``oper_type``. Only the coordinates must be there.
"""

from __future__ import annotations

from collections.abc import Iterable

import fsspec
import numpy as np
import pandas as pd

from mineral_pipeline.errors import DataError
from mineral_pipeline.labelling.commodities import split_commodities

IDS, NAMES = ("dep_id", "mrds_id"), ("site_name", "name")
COMMODITIES = ("commod1", "commod2", "commod3", "commodities")

LARGE = ("L", "LARGE")
"""Values of ``prod_size`` (production size) of a large mine."""

OPEN = r"surface|open[ -]?(?:pit|cut|cast)|strip|quarry"
"""In ``oper_type`` (operation type): what is mined from above, at least in part."""


def read_table(path: str, rank: int = 0) -> pd.DataFrame:
    """Read the rows of one table, under our names.

    Args:
        path: local path or fsspec URL of a CSV file, compressed or not by its suffix.
        rank: of the table among all, kept with its rows.

    Returns:
        One row per row: text columns id, name, lon, lat, crs, country, commodities (in the vocabulary, joined by
        ``;``), source (file name), sources (with the data set, where there are several); rank; row, its number in the
        file (1 is the header); and open_mine, whether it is a large mine that is worked from above.

    Raises:
        DataError: the file is absent, is not CSV or lacks a coordinate column.
    """
    try:
        with fsspec.open(path, "rb", compression="infer") as file:
            table = pd.read_csv(file, dtype=str, na_filter=False, encoding="utf-8-sig", encoding_errors="replace")
    except (OSError, EOFError, ImportError, ValueError) as error:  # pandas' parser errors are ValueErrors
        why = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise DataError(f"label.deposits: {path} cannot be read ({why}): give a CSV table of deposits") from error
    table.columns = table.columns.str.strip().str.lower()
    for column in ("latitude", "longitude"):
        if column not in table:
            raise DataError(f"label.deposits: {path} has no column {column}: give a table in the layout of MRDS")
    source = path.rstrip("/").rsplit("/", 1)[-1]
    dataset = _first_of(table, ["dataset"])
    return pd.DataFrame(
        {
            "id": _identifiers(table, source), "name": _first_of(table, NAMES),
            "lon": table["longitude"].str.strip(), "lat": table["latitude"].str.strip(),
            "crs": _first_of(table, ["crs"]), "country": _first_of(table, ["country"]),
            "commodities": _commodities(table), "source": source, "rank": rank,
            "sources": (source + "/" + dataset).where(dataset != "", source), "row": np.arange(2, len(table) + 2),
            "open_mine": _first_of(table, ["prod_size"]).str.upper().isin(LARGE)
            & _first_of(table, ["oper_type"]).str.contains(OPEN, case=False),
        }
    )  # fmt: skip


def _first_of(table: pd.DataFrame, names: Iterable[str]) -> pd.Series[str]:
    """The first of these columns that the table has, trimmed; else empty text."""
    found = [name for name in names if name in table]
    return table[found[0]].str.strip() if found else pd.Series("", index=table.index, dtype="str")


def _identifiers(table: pd.DataFrame, source: str) -> pd.Series[str]:
    """Identifiers of the rows; record numbers hold within their data set, or their file, only."""
    found = _first_of(table, IDS)
    if any(name in table for name in IDS):
        space = _first_of(table, ["dataset"])
        return (space + "/" + found).where(space != "", found).where(found != "", "")
    found, space = _first_of(table, ["record_id"]), _first_of(table, ["dataset"])
    return (space.where(space != "", source) + "/" + found).where(found != "", "")


def _commodities(table: pd.DataFrame) -> pd.Series[str]:
    columns = [table[name] for name in COMMODITIES if name in table]
    if not columns:
        return pd.Series("", index=table.index, dtype="str")
    texts = columns[0]
    for column in columns[1:]:
        texts = texts + "," + column
    return texts.map({text: ";".join(split_commodities(text)) for text in texts.unique()}).astype("str")
