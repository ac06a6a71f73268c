"""Known deposits from CSV tables in the layout of MRDS (USGS, https://mrdata.usgs.gov/mrds/).

Columns are found by name: ``latitude`` and ``longitude`` (degrees, WGS 84), ``site_name`` or ``name``, ``dep_id``,
``mrds_id`` or ``record_id``, and the commodities in ``commod1`` to ``commod3`` or ``commodities``, each a
comma-separated list. Rows that cannot be placed on the Earth are counted, not silently dropped; rows that
say the same thing twice become one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import fsspec
import geopandas as gpd
import numpy as np
import pandas as pd

from mineral_pipeline.errors import DataError
from mineral_pipeline.workspace import CRS

COLUMNS = ["id", "name", "lon", "lat", "commodities", "source"]
"""Columns of a deposit table, beside the geometry."""

IDS, NAMES = ("dep_id", "mrds_id", "record_id"), ("site_name", "name")
COMMODITIES = ("commod1", "commod2", "commod3", "commodities")

QUALIFIERS = frozenset({"Construction", "Crushed/Broken", "Dimension", "Free", "General"})
"""Second halves of MRDS names that hold a comma themselves, such as ``Sand and Gravel, Construction``."""

SPELLINGS = {"Ree": "REE", "Pge": "PGE"}
"""Rare earths and platinum-group elements are abbreviations."""


@dataclass(frozen=True)
class DepositTable:
    """Deposits, and what became of the rows that are not among them."""

    table: gpd.GeoDataFrame
    """One row per deposit: id, name, lon, lat, commodities (joined by ``;``), source (file name), geometry."""
    rejected: dict[str, int]
    """Rows left out, by reason."""
    merged: int
    """Rows that repeat another one (same id, or same name and coordinates) and were joined to it."""


def read_deposits(paths: Sequence[str]) -> DepositTable:
    """Read and join deposit tables.

    Args:
        paths: local paths or fsspec URLs of CSV files, compressed or not by their suffix.

    Raises:
        DataError: a file is absent, is not CSV or lacks a coordinate column; no deposit is left.
    """
    rows = pd.concat([_read(path) for path in paths], ignore_index=True)
    reasons = _reasons_to_reject(rows)
    counts = reasons[reasons != ""].value_counts(sort=False)
    kept = rows[reasons == ""].astype({"lon": np.float64, "lat": np.float64})
    if kept.empty:
        found = ", ".join(f"{count:,} {reason}" for reason, count in counts.items()) or "no rows"
        raise DataError(f"label.deposits: no deposit in {', '.join(paths)} ({found}): give a table with deposits")
    deposits = _merge(kept).reset_index(drop=True)
    geometry = gpd.points_from_xy(deposits["lon"], deposits["lat"])
    table = gpd.GeoDataFrame(deposits[COLUMNS], geometry=geometry, crs=CRS)
    return DepositTable(table, {str(reason): int(n) for reason, n in counts.items()}, len(kept) - len(table))


def split_commodities(text: str) -> list[str]:
    """Names in a list of commodities: split, trimmed, in title case, each once."""
    names = (re.sub(r"\s+", " ", name).strip().title().replace(" And ", " and ") for name in re.split("[,;]", text))
    return list(dict.fromkeys(SPELLINGS.get(name, name) for name in names if name and name not in QUALIFIERS))


def _read(path: str) -> pd.DataFrame:
    """One file's rows, all text, under our names."""
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
    return pd.DataFrame(
        {
            "id": _identifiers(table), "name": _first_of(table, NAMES),
            "lon": table["longitude"].str.strip(), "lat": table["latitude"].str.strip(),
            "commodities": _commodities(table), "source": source,
        }
    )  # fmt: skip


def _first_of(table: pd.DataFrame, names: Iterable[str]) -> pd.Series[str]:
    """The first of these columns that the table has, trimmed; else empty text."""
    found = [name for name in names if name in table]
    return table[found[0]].str.strip() if found else pd.Series("", index=table.index, dtype="str")


def _identifiers(table: pd.DataFrame) -> pd.Series[str]:
    """Identifiers of the rows; a compilation's record numbers hold within each of its data sets only."""
    found = _first_of(table, IDS)
    if "dataset" in table:
        return table["dataset"].str.strip().str.cat(found, sep="/").where(found != "", "")
    return found


def _commodities(table: pd.DataFrame) -> pd.Series[str]:
    columns = [table[name] for name in COMMODITIES if name in table]
    if not columns:
        return pd.Series("", index=table.index, dtype="str")
    texts = columns[0]
    for column in columns[1:]:
        texts = texts + "," + column
    return texts.map({text: ";".join(split_commodities(text)) for text in texts.unique()}).astype("str")


def _reasons_to_reject(rows: pd.DataFrame) -> pd.Series[str]:
    """Why each row has no place on the Earth; empty text where it has one."""
    lon, lat = (pd.to_numeric(rows[column], errors="coerce") for column in ("lon", "lat"))
    conditions = {
        "without coordinates": (rows["lon"] == "") | (rows["lat"] == ""),
        "with coordinates that are not numbers": lon.isna() | lat.isna(),
        "with coordinates out of range": ~(lon.abs().le(180) & lat.abs().le(90)),
        "at 0, 0": (lon == 0) & (lat == 0),
    }
    return pd.Series(np.select(list(conditions.values()), list(conditions), default=""), index=rows.index)


def _merge(rows: pd.DataFrame) -> pd.DataFrame:
    """Join rows of the same id, then those of the same name and coordinates; commodities are united."""
    anonymous = rows["id"] == ""
    places = zip(*(rows.loc[anonymous, column] for column in ("name", "lon", "lat")), strict=True)
    rows = rows.copy()
    rows.loc[anonymous, "id"] = [hashlib.sha256(repr(place).encode()).hexdigest()[:16] for place in places]
    # What has no name is told apart by its id.
    rows["called"] = rows["name"].where(rows["name"] != "", rows["id"])
    return _united(_united(rows, ["id"]), ["called", "lon", "lat"])


def _united(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The first row of each key, with the commodities of all."""
    repeated = rows[rows.duplicated(keys, keep=False)]
    groups = repeated.groupby(keys, sort=False).ngroup()
    texts = repeated["commodities"].groupby(groups).agg(";".join)
    united = {group: ";".join(split_commodities(text)) for group, text in texts.items()}
    rows.loc[repeated.index, "commodities"] = groups.map(united).astype("str")
    return rows.drop_duplicates(keys)
