"""From the columns of any deposit table, all of them texts, to rows in the common columns."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pyproj
from pyproj.exceptions import CRSError

from mineral_pipeline.errors import DataError, one_line
from mineral_pipeline.labelling.commodities import split_commodities
from mineral_pipeline.labelling.formats.columns import GLOBAL_IDS, RECORD_ID, Layout, Role, key_of
from mineral_pipeline.labelling.formats.content import file_name
from mineral_pipeline.settings import DepositFile

LARGE = ("L", "LARGE")
"""Sizes of a large mine."""

OPEN = r"surface|open[ -]?(?:pit|cut|cast)|strip|quarry"
"""Types of operation of a mine that is worked from the surface, at least in part."""

YEAR = r"\b(1[5-9]\d\d|20\d\d)\b"
"""Year in a date or a remark."""

GROUPED = r"[+-]?\d{1,3}(?:,\d{3})+"
"""Number whose commas may separate thousands."""

DECIMAL_COMMA = r"[+-]?\d+,\d*(?:[eE][+-]?\d+)?"
"""Number with a decimal comma."""


def to_rows(table: pd.DataFrame, layout: Layout, file: DepositFile, crs: str = "") -> pd.DataFrame:
    """Bring a table into the columns of `DepositFormat.read`.

    Args:
        table: texts, at least in the columns of the layout; its index is the number of each row in the file.
        layout: columns by what they hold.
        file: the table's path, and what the settings say of it.
        crs: reference system that the file names.

    Raises:
        DataError: the coordinates are no degrees and have no reference system, or are degrees and have one of metres.
    """
    geographic = "lon" in layout
    roles: tuple[Role, Role] = ("lon", "lat") if geographic else ("x", "y")
    lon, lat = (_numbers(table[layout[role][0]], grouped=not geographic) for role in roles)
    size, year = _column(table, layout, "size"), _column(table, layout, "year")
    rows = {
        "id": _identifiers(table, layout, file),
        "name": _column(table, layout, "name"),
        "lon": lon,
        "lat": lat,
        "crs": _reference_systems(table, layout, file.crs or crs),
        "country": _column(table, layout, "country"),
        "commodities": _commodities(table, layout.get("commodities", ())),
        "dataset": _column(table, layout, "dataset"),
        "row": table.index,
        "open_mine": size.str.upper().isin(LARGE) & _column(table, layout, "operation").str.contains(OPEN, case=False),
        "year": year.str.extract(YEAR, expand=False).fillna(""),
        "size": size,
        "status": _column(table, layout, "status"),
        "position_error": _numbers(_column(table, layout, "position_error")),
    }
    found = pd.DataFrame(rows, index=table.index)
    _check_coordinates(found, geographic, file)
    found.attrs = table.attrs
    return found


def _column(table: pd.DataFrame, layout: Layout, role: Role) -> pd.Series[str]:
    """Return the column that holds something, trimmed; else empty text."""
    names = layout.get(role)
    return table[names[0]].str.strip() if names else pd.Series("", index=table.index, dtype="str")


def _numbers(texts: pd.Series[str], grouped: bool = False) -> pd.Series[str]:
    """Return numbers in the notation of programs: with a decimal point, without separators of thousands.

    Args:
        texts: numbers in any notation; what is none stays as it is.
        grouped: whether commas before three digits may separate thousands, so that a column of nothing else is left.
    """
    texts = texts.str.strip()
    has_comma = texts.str.contains(",", regex=False)
    if not has_comma.any():
        return texts
    both = has_comma & texts.str.contains(".", regex=False)
    for pattern, thousands in ((rf"{GROUPED}\.\d*", ","), (r"[+-]?\d{1,3}(?:\.\d{3})+,\d*", ".")):
        texts = texts.mask(both & texts.str.fullmatch(pattern), texts.str.replace(thousands, "", regex=False))
    plain = texts[has_comma & ~both]
    if grouped and len(plain) and plain.str.fullmatch(GROUPED).all():
        return texts  # 511,234: nobody knows which
    return texts.mask(texts.str.fullmatch(DECIMAL_COMMA), texts.str.replace(",", ".", regex=False))


def _reference_systems(table: pd.DataFrame, layout: Layout, default: str) -> pd.Series[str]:
    """Return the reference system of each row; a number is one of EPSG."""
    systems = _column(table, layout, "crs")
    systems = systems.mask(systems.str.fullmatch(r"\d{4,6}(?:\.0)?"), "EPSG:" + systems.str.removesuffix(".0"))
    return systems.where(systems != "", default)


def _check_coordinates(rows: pd.DataFrame, geographic: bool, file: DepositFile) -> None:
    """Refuse metres that have no reference system, and degrees in one of metres: both would be far from the truth."""
    systems = rows["crs"].unique()
    if geographic and not any(systems):
        return
    numbers = pd.DataFrame({name: pd.to_numeric(rows[name], errors="coerce") for name in ("lon", "lat")}, dtype=float)
    numbers = numbers.dropna()
    beyond = numbers[(numbers["lon"].abs() > 360) | (numbers["lat"].abs() > 90)]
    # Most decide: a few others are errors, such as -9999, and left out one by one.
    if not geographic and 2 * len(beyond) > len(numbers) and (rows["crs"][beyond.index] == "").any():
        example = ", ".join(f"{value:.10g}" for value in beyond.iloc[0])
        raise DataError(
            f"{file.path} has coordinates that are no degrees ({example}) and no reference system:"
            " give it, as {path: ..., crs: EPSG:32633}"
        )
    if len(systems) == 1 and systems[0] and len(numbers) and beyond.empty and _is_projected(systems[0]):
        raise DataError(
            f"{file.path} has coordinates in degrees, and its reference system"
            f" {one_line(systems[0], 80)} is one of metres: correct crs, or name the other columns in columns: {{x, y}}"
        )


def _is_projected(crs: str) -> bool:
    try:
        return bool(pyproj.CRS.from_user_input(crs).is_projected)
    except CRSError:  # each row is left out with this reason later
        return False


def _identifiers(table: pd.DataFrame, layout: Layout, file: DepositFile) -> pd.Series[str]:
    """Return identifiers of the rows; those that are not global are unique within their data set, or their file.

    Rows of one identifier are one deposit. A column that is only called so, and repeats some, is not read.
    """
    found, dataset = _column(table, layout, "id"), _column(table, layout, "dataset")
    names = layout.get("id", ())
    if any(key_of(name) in GLOBAL_IDS for name in names):
        return (dataset + "/" + found).where(dataset != "", found).where(found != "", "")
    own = dataset.where(dataset != "", file_name(file.path)) + "/" + found
    guessed = file.columns.id is None and any(key_of(name) != RECORD_ID for name in names)
    if guessed and own[found != ""].duplicated().any():
        table.attrs.setdefault("remarks", []).append(
            f"column {one_line(repr(names[0]), 80)} repeats values and is not read as identifiers: name it in columns:"
            " {id: NAME} if rows of one identifier are one deposit"
        )
        return found.mask(found != "", "")
    return own.where(found != "", "")


def _commodities(table: pd.DataFrame, names: Sequence[str]) -> pd.Series[str]:
    """Return the commodities of all columns, in the vocabulary, joined by ``;``."""
    if not names:
        return pd.Series("", index=table.index, dtype="str")
    texts = table[names[0]]
    for name in names[1:]:
        texts = texts + "," + table[name]
    return texts.map({text: ";".join(split_commodities(text)) for text in texts.unique()}).astype("str")
